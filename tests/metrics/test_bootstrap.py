"""Bootstrap intervals against normal theory and a plain resampling loop."""

import numpy as np
import pytest

from stylealign.metrics.bootstrap import (
    Ratio,
    correlation_estimates,
    mean_difference,
    mean_estimate,
    pooled_difference,
    pooled_estimate,
    ratio_estimate,
    ratio_estimates,
    share_estimate,
    spread_ratio_estimates,
)


def test_mean_interval_is_close_to_normal_theory() -> None:
    values = np.random.default_rng(0).normal(3.0, 2.0, size=400)
    estimate = mean_estimate(values, draws=4000, seed=1)
    half_width = 1.96 * values.std() / np.sqrt(len(values))
    assert estimate.value == pytest.approx(values.mean())
    assert estimate.ci_low == pytest.approx(values.mean() - half_width, abs=0.1 * half_width)
    assert estimate.ci_high == pytest.approx(values.mean() + half_width, abs=0.1 * half_width)
    assert estimate.n == 400


def test_ratio_against_a_plain_loop() -> None:
    rng = np.random.default_rng(2)
    numerators, denominators = rng.uniform(0, 1, 50), rng.uniform(1, 2, 50)
    estimate = ratio_estimate(numerators, denominators, draws=5000, seed=0)
    loop = [(numerators[chosen].sum() / denominators[chosen].sum()) for chosen in rng.integers(0, 50, size=(5000, 50))]
    assert estimate.value == pytest.approx(numerators.sum() / denominators.sum())
    assert [estimate.ci_low, estimate.ci_high] == pytest.approx(np.percentile(loop, [2.5, 97.5]), abs=0.005)


def test_columns_and_their_mean() -> None:
    numerators = np.array([[1.0, 0.0, 0.0], [3.0, 1.0, 0.0]])
    denominators = np.array([[2.0, 1.0, 0.0], [6.0, 3.0, 0.0]])
    columns, mean = ratio_estimates(numerators, denominators, draws=100, seed=0)
    assert [column.value for column in columns[:2]] == [0.5, 0.25]
    assert np.isnan(columns[2].value)
    assert columns[2].ci_low is None
    assert mean.value == 0.375


def test_repeatable_by_seed() -> None:
    values = np.random.default_rng(0).normal(size=30)
    assert mean_estimate(values, 200, seed=1) == mean_estimate(values, 200, seed=1)
    assert mean_estimate(values, 200, seed=1) != mean_estimate(values, 200, seed=2)


def test_missing_values() -> None:
    estimate = mean_estimate(np.array([1.0, np.nan, 3.0]), draws=100, seed=0)
    assert estimate.value == 2.0
    assert estimate.n == 2
    assert np.isnan(mean_estimate(np.array([np.nan]), draws=100, seed=0).value)
    single = mean_estimate(np.array([4.0]), draws=100, seed=0)
    assert (single.value, single.ci_low, single.n) == (4.0, None, 1)


def test_correlations_against_numpy_and_their_mean() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(3, 2, (400, 3)).astype(np.float32)
    y = np.stack([x[:, 0] + rng.normal(size=400), -x[:, 1], np.full(400, 0.1)], axis=1).astype(np.float32)
    columns, mean = correlation_estimates(x, y, draws=400, seed=0)
    assert columns[0].value == pytest.approx(np.corrcoef(x[:, 0], y[:, 0])[0, 1])
    assert columns[1].value == pytest.approx(-1)
    assert np.isnan(columns[2].value), "a constant has no correlation"
    assert mean.value == pytest.approx((columns[0].value - 1) / 2)
    # Fisher: the standard error of atanh(r) is 1 / sqrt(n - 3)
    fisher = np.tanh(np.arctanh(columns[0].value) + np.array([-1.96, 1.96]) / np.sqrt(397))
    np.testing.assert_allclose([columns[0].ci_low, columns[0].ci_high], fisher, atol=0.02)


def test_spread_ratios_against_numpy() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.normal(5, 1, (500, 2)), rng.normal(-5, 2, (800, 2))
    x[:, 1] *= 4
    one, two = spread_ratio_estimates(x, y, draws=300, seed=0)
    assert one.value == pytest.approx(x[:, 0].std() / y[:, 0].std())
    assert two.value == pytest.approx(x[:, 1].std() / y[:, 1].std())
    assert one.ci_low < 0.5 < one.ci_high
    assert one.n == 500
    half_width = 1.96 * 0.5 * np.sqrt(1 / 1000 + 1 / 1600)
    assert one.ci_high - one.ci_low == pytest.approx(2 * half_width, rel=0.25)


def test_paired_intervals_hold_the_truth_and_are_narrower_than_unpaired_ones() -> None:
    rng, hits, repeats = np.random.default_rng(3), 0, 500
    for _ in range(repeats):
        shared = rng.normal(0, 3, 96)
        one, other = shared + rng.normal(0.5, 0.5, 96), shared + rng.normal(0, 0.5, 96)
        difference = mean_difference(one, other, draws=200, seed=0)
        hits += difference.ci_low <= 0.5 <= difference.ci_high
    assert 0.90 <= hits / repeats <= 0.99
    assert difference.value == pytest.approx(one.mean() - other.mean())
    alone = mean_estimate(one, draws=200, seed=0)
    assert difference.ci_high - difference.ci_low < 0.4 * (alone.ci_high - alone.ci_low)


def test_an_image_without_a_value_in_one_method_is_left_out_of_both() -> None:
    difference = mean_difference(np.array([1.0, np.nan, 5.0]), np.array([0.0, 100.0, 3.0]), draws=50, seed=0)
    assert (difference.value, difference.n) == (1.5, 2)
    with pytest.raises(AssertionError, match="one shape"):
        mean_difference(np.zeros(3), np.zeros(4), draws=10, seed=0)


def test_differences_of_scores_against_a_plain_loop() -> None:
    rng = np.random.default_rng(4)
    one, other = (Ratio(rng.uniform(0, 1, (60, 2)), rng.uniform(1, 2, (60, 2))) for _ in range(2))
    loop = []
    for chosen in rng.integers(0, 60, size=(4000, 60)):
        ratios = [s.numerators[chosen].sum(axis=0) / s.denominators[chosen].sum(axis=0) for s in (one, other)]
        loop.append((ratios[0] - ratios[1]).mean())
    difference = one.minus(other, draws=4000, seed=0)
    expected = np.percentile(loop, [2.5, 97.5])
    assert [difference.ci_low, difference.ci_high] == pytest.approx(expected, abs=0.01)
    values = [score.estimate(draws=10, seed=0).value for score in (one, other)]
    assert difference.value == pytest.approx(values[0] - values[1])
    same = one.minus(one, draws=50, seed=0)
    assert (same.value, same.ci_low, same.ci_high) == (0.0, 0.0, 0.0)


def test_a_complement_turns_its_interval() -> None:
    rng = np.random.default_rng(5)
    plain = [Ratio(rng.uniform(0, 1, (50, 1)), np.ones((50, 1))) for _ in range(2)]
    turned = [Ratio(score.numerators, score.denominators, is_complement=True) for score in plain]
    one, other = plain[0].estimate(100, 0), turned[0].estimate(100, 0)
    assert (other.value, other.ci_low, other.ci_high) == pytest.approx((1 - one.value, 1 - one.ci_high, 1 - one.ci_low))
    forward, backward = plain[0].minus(plain[1], 100, 0), turned[0].minus(turned[1], 100, 0)
    expected = (-forward.value, -forward.ci_high, -forward.ci_low)
    assert (backward.value, backward.ci_low, backward.ci_high) == pytest.approx(expected)


def test_seeds_are_a_level_of_their_own() -> None:
    """Two seeds that differ by 1: of two draws of them the mean is off by up to a half, widened as Student's t is."""
    rng = np.random.default_rng(6)
    values = rng.uniform(0, 0.1, 200)
    one, other = Ratio.mean(values), Ratio.mean(values + 1)
    pooled = pooled_estimate([one, other], draws=400, seed=0)
    assert pooled.value == pytest.approx((one.value + other.value) / 2)
    half = 0.5 * 12.706 / 1.96 * 2**0.5
    assert (pooled.ci_low, pooled.ci_high) == pytest.approx((pooled.value - half, pooled.value + half), rel=0.01)
    assert pooled.n == 200
    alike = pooled_estimate([one, one], draws=400, seed=0)
    alone = one.estimate(draws=400, seed=0)
    assert (alike.value, alike.ci_low, alike.ci_high) == pytest.approx((alone.value, alone.ci_low, alone.ci_high))
    difference = pooled_difference([one, other], [one], draws=400, seed=0)
    assert (difference.value, difference.ci_low, difference.ci_high) == pytest.approx((0.5, 0.5 - half, 0.5 + half))
    with pytest.raises(AssertionError, match="of one kind"):
        pooled_difference([one], [Ratio.mean(values[1:])], draws=4, seed=0)


@pytest.mark.parametrize(("of_seeds", "most"), [(0.0, 0.99), (0.05, 1.0)])
def test_intervals_over_three_seeds_hold_the_truth(of_seeds: float, most: float) -> None:
    """Whether seeds differ or only what they say of each image: 95 %; drawn again alone, three seeds gave 78 %."""
    rng, hits, repeats = np.random.default_rng(8), 0, 150
    for number in range(repeats):
        shared = rng.normal(0, 0.3, 64)
        base, *ones = (shared + rng.normal(0, 0.1, 64) for _ in range(4))
        scores = [Ratio.mean(own + 0.01 + rng.normal(0, of_seeds)) for own in ones]
        found = pooled_difference(scores, [Ratio.mean(base)], draws=100, seed=number)
        hits += found.ci_low <= 0.01 <= found.ci_high
    assert 0.9 <= hits / repeats <= most


def test_a_mean_leaves_out_what_has_no_value() -> None:
    score = Ratio.mean(np.array([1.0, np.nan, 3.0]))
    assert score.estimate(draws=50, seed=0).value == 2.0
    assert np.isnan(Ratio.mean(np.array([np.nan])).estimate(draws=50, seed=0).value)


def test_shares_have_an_interval_where_none_or_all_hit() -> None:
    none, all_of_them = share_estimate(np.zeros(100)), share_estimate(np.ones(100))
    assert (none.value, none.ci_low) == pytest.approx((0, 0), abs=1e-12)
    assert none.ci_high == pytest.approx(0.0370, abs=1e-4), "Wilson 1927"
    assert (all_of_them.ci_low, all_of_them.ci_high) == pytest.approx((1 - none.ci_high, 1))
    rng, hits = np.random.default_rng(6), 0
    for _ in range(500):
        estimate = share_estimate(rng.random(200) < 0.03)
        hits += estimate.ci_low <= 0.03 <= estimate.ci_high
    assert 0.90 <= hits / 500 <= 0.99
