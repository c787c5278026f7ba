"""Area under the ROC curve against scikit-learn and against pairs counted one by one."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from stylealign.metrics.bootstrap import pooled_difference, pooled_estimate
from stylealign.metrics.classification import Area, auc

RANDOM = np.random.default_rng(0)
LABELS = RANDOM.random(80) < 0.3
SCORES = np.round(RANDOM.normal(size=80) + LABELS, 1)  # rounded: equal scores


def test_against_scikit_learn_with_weights_and_equal_scores() -> None:
    weights = RANDOM.integers(0, 3, (4, 80)).astype(float)
    expected = [roc_auc_score(LABELS, SCORES, sample_weight=own) for own in weights]
    np.testing.assert_allclose(auc(SCORES, LABELS, weights), expected)


def test_closed_forms() -> None:
    ones, labels = np.ones((1, 4)), np.array([False, False, True, True])
    assert auc(np.array([0.0, 1, 2, 3]), labels, ones) == [1.0]
    assert auc(np.array([3.0, 2, 1, 0]), labels, ones) == [0.0]
    assert auc(np.zeros(4), labels, ones) == [0.5]
    assert np.isnan(auc(np.zeros(4), np.ones(4, bool), ones)).all(), "there is no area of one side"


def area(scores: np.ndarray) -> Area:
    return Area(scores[:, None], LABELS[:, None], np.ones((80, 1), bool), np.ones(1))


def test_intervals_and_paired_differences() -> None:
    estimate = pooled_estimate([area(SCORES)], draws=300, seed=0)
    assert estimate.ci_low < estimate.value < estimate.ci_high
    assert (estimate.value, estimate.n) == (pytest.approx(roc_auc_score(LABELS, SCORES)), 80)
    same = pooled_difference([area(SCORES)], [area(SCORES)], draws=50, seed=0)
    assert (same.value, same.ci_low, same.ci_high) == (0, 0, 0)
    worse = pooled_difference([area(SCORES)], [area(RANDOM.normal(size=80))], draws=300, seed=0)
    assert worse.value > 0


def test_the_mean_of_several_values_leaves_out_what_is_not_known_of_each() -> None:
    others = np.roll(LABELS, 5)
    known = np.stack([np.ones(80, bool), RANDOM.random(80) < 0.5], axis=1)
    scores, labels = np.stack([SCORES, SCORES], axis=1), np.stack([LABELS, others], axis=1)
    found = Area(scores, labels, known, np.ones(2))
    of_known = roc_auc_score(others[known[:, 1]], SCORES[known[:, 1]])
    assert found.value == pytest.approx((roc_auc_score(LABELS, SCORES) + of_known) / 2)
    assert found.count == 80
    heavier = Area(scores, labels, known, np.array([3.0, 1.0]))
    assert heavier.value == pytest.approx((3 * roc_auc_score(LABELS, SCORES) + of_known) / 4)
    with pytest.raises(AssertionError, match="one kind"):
        pooled_difference([found], [heavier], draws=5, seed=0)
