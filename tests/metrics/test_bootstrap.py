"""Bootstrap intervals against normal theory and a plain resampling loop."""

import numpy as np
import pytest

from stylealign.metrics.bootstrap import mean_estimate, ratio_estimate, ratio_estimates


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
    infinite = mean_estimate(np.array([1.0, np.inf]), draws=100, seed=0)
    assert (infinite.value, infinite.ci_low, infinite.n) == (np.inf, None, 2)
    single = mean_estimate(np.array([4.0]), draws=100, seed=0)
    assert (single.value, single.ci_low, single.n) == (4.0, None, 1)
