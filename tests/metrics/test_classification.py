"""Area under the ROC curve against scikit-learn and against pairs counted one by one."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from stylealign.metrics.classification import auc, auc_estimate

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


def test_intervals_and_paired_differences() -> None:
    estimate = auc_estimate(SCORES, LABELS, draws=300, seed=0)
    assert estimate.ci_low < estimate.value < estimate.ci_high
    assert (estimate.value, estimate.n) == (pytest.approx(roc_auc_score(LABELS, SCORES)), 80)
    same = auc_estimate(SCORES, LABELS, draws=50, seed=0, other=SCORES)
    assert (same.value, same.ci_low, same.ci_high) == (0, 0, 0)
    worse = auc_estimate(SCORES, LABELS, draws=300, seed=0, other=RANDOM.normal(size=80))
    assert worse.value > 0
