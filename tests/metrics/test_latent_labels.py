"""Numbers and attributes from latent codes, in a space where the answer is known."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from stylealign.measurements.zero_shot_distances import label_counts
from stylealign.metrics import latent_labels
from stylealign.metrics.latent_labels import Plane, distances, planes_of, regressed, repeated, scores_of
from stylealign.networks.generator import Generator

RANDOM = np.random.default_rng(0)
NORMAL = np.array([0.6, 0.8, 0.0])


@pytest.fixture
def samples(monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """Make the samples of any generator points of a plane whose number is their place along NORMAL."""
    ws = RANDOM.normal(size=(600, 3))
    seen = {
        "number": 3 * (ws @ NORMAL) + 1,
        "hat=yes": ((ws @ NORMAL) > 1).astype(float),
        "rare=yes": 0.1 / (1 + np.exp(-(ws @ NORMAL))),
        "always=yes": np.ones(600),
    }
    monkeypatch.setattr(latent_labels, "sampled", lambda generator, count, seed, see: (ws, seen))
    return ws


def test_planes_are_those_that_the_labels_follow(samples: np.ndarray) -> None:
    planes = planes_of(Generator.__new__(Generator), lambda images: {}, 600, 0)
    assert list(planes) == ["number", "hat=yes", "rare=yes"], "what is the same in all samples has no plane"
    for plane in planes.values():
        assert plane.normal @ NORMAL > 0.98
    assert planes["number"].threshold == pytest.approx(0, abs=0.15)
    assert planes["hat=yes"].threshold > 0.4


def test_distances_are_signed_and_of_each_layer() -> None:
    codes = np.stack([np.zeros((2, 3)), np.stack([NORMAL, -NORMAL])]).astype(np.float32)
    found = distances(codes, Plane(NORMAL, 0.5))
    np.testing.assert_allclose(found, [[-0.5, -0.5], [0.5, -1.5]], atol=1e-6)
    scores = scores_of(codes, {"hat=yes": Plane(NORMAL, 0.5), "number": Plane(NORMAL, 0)})
    assert list(scores) == ["hat=yes"]
    np.testing.assert_allclose(scores["hat=yes"], [-0.5, -0.5], atol=1e-6)


def test_least_squares_finds_a_linear_rule() -> None:
    features, others = RANDOM.normal(size=(30, 4)), RANDOM.normal(size=(5, 4))
    rule = np.array([1.0, -2.0, 0.5, 0.0])
    np.testing.assert_allclose(regressed(features, features @ rule + 3, others), others @ rule + 3)


def test_two_labels_of_one_line_are_enough_for_it() -> None:
    """All layers of a code alike, as of a W code: two labels give the line, of whatever many layers."""
    line = np.array([0.0, 1.0, 4.0])[:, None] * np.ones(4)
    np.testing.assert_allclose(regressed(line[:2], np.array([1.0, 3.0]), line), [1, 3, 9])


def test_choices_of_labels_follow_from_the_seed_and_all_of_them_are_one() -> None:
    features, numbers = RANDOM.normal(size=(20, 4)), RANDOM.normal(size=20)
    one, again = (repeated(features, numbers, features, 5, 3, seed=1) for _ in range(2))
    np.testing.assert_array_equal(one, again)
    assert len(one) == 3
    assert not np.array_equal(one[0], one[1])
    assert len(repeated(features, numbers, features, 20, 3, seed=1)) == 1


def test_damping_is_ridge_regression_and_holds_what_few_labels_would_throw_far() -> None:
    features, others = RANDOM.normal(size=(200, 4)), RANDOM.normal(size=(50, 4))
    numbers = features @ np.array([1.0, 0.5, 0.0, -0.5]) + RANDOM.normal(size=200)
    expected = Ridge(alpha=0.7).fit(features, numbers).predict(others)
    np.testing.assert_allclose(regressed(features, numbers, others, 0.7), expected)
    truth = others @ np.array([1.0, 0.5, 0.0, -0.5])
    plain, damped = (
        np.mean([np.abs(found - truth).mean() for found in repeated(features, numbers, others, 5, 100, 0, prior)])
        for prior in (0.0, 1.0)
    )
    assert damped < plain / 2, "as many labels as unknowns: plain least squares passes through the noise"


@pytest.mark.parametrize(
    ("known", "counts"),
    [(1, []), (2, [2]), (30, [2, 5, 10, 20, 30]), (1000, [2, 5, 10, 20, 1000]), (1200, [2, 5, 10, 20, 1000])],
)
def test_numbers_are_regressed_on_each_count_once(known: int, counts: list[int]) -> None:
    assert label_counts(known) == counts
