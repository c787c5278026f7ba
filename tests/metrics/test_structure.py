"""Agreement of labels, key points and poses against independent forms."""

import numpy as np
import pytest
from sklearn.metrics import jaccard_score, r2_score

from stylealign.datasets.annotations import KEYPOINTS, POSE
from stylealign.metrics.structure import (
    iou,
    keypoint_error,
    keypoint_scores,
    pose_scores,
    rotation_error,
    segmentation_agreement,
)

SIZE = 64
EYES = (KEYPOINTS.index("left_eye"), KEYPOINTS.index("right_eye"))


def face(count: int = 5) -> np.ndarray:
    """Return key points whose eyes are 16 px apart."""
    points = np.random.default_rng(0).uniform(20, 44, size=(count, len(KEYPOINTS), 2)).astype(np.float32)
    points[:, EYES[0]], points[:, EYES[1]] = (24, 30), (40, 30)
    return points


def test_iou_against_sklearn() -> None:
    rng = np.random.default_rng(0)
    truth, predicted = rng.integers(0, 4, (2, 6, 8, 8)).astype(np.uint8)
    classes, mean = iou(predicted, truth, 4, draws=50, seed=0)
    expected = jaccard_score(truth.ravel(), predicted.ravel(), average=None)
    np.testing.assert_allclose([estimate.value for estimate in classes], expected)
    assert mean.value == pytest.approx(expected.mean())
    assert mean.n == 6
    assert mean.ci_low < mean.value < mean.ci_high


def test_iou_leaves_out_classes_that_no_image_has() -> None:
    truth = np.zeros((2, 4, 4), dtype=np.uint8)
    truth[:, 0] = 1
    predicted = truth.copy()
    predicted[0, 3, 3] = 2
    classes, mean = iou(predicted, truth, 3, draws=10, seed=0)
    assert np.isnan(classes[2].value)
    assert (classes[0].value, classes[1].value) == (23 / 24, 1.0)
    assert mean.value == pytest.approx((23 / 24 + 1) / 2)


def test_keypoint_scores_closed_form() -> None:
    truth = face()
    predicted = truth + np.array([0.0, 1.2], dtype=np.float32)
    predicted[:, EYES[0]] += (0, 4.0 - 1.2)
    everything = np.ones(truth.shape[:2], dtype=bool)
    nme, pck = keypoint_scores(predicted, truth, everything, SIZE, draws=10, seed=0)
    others = len(KEYPOINTS) - 1
    assert nme.value == pytest.approx((4 + others * 1.2) / 16 / len(KEYPOINTS))
    assert pck.value == pytest.approx(others / len(KEYPOINTS))
    unseen = everything.copy()
    unseen[:, EYES[0]] = False
    nme, pck = keypoint_scores(predicted, truth, unseen, SIZE, draws=10, seed=0)
    assert (nme.value, pck.value) == (pytest.approx(1.2 / 16), 1.0)


def test_images_without_eyes_are_left_out() -> None:
    truth = face()
    truth[0, EYES[1]] = truth[0, EYES[0]]
    predicted = truth.copy()
    predicted[0] += 100
    nme, pck = keypoint_scores(predicted, truth, np.ones(truth.shape[:2], dtype=bool), SIZE, draws=10, seed=0)
    assert (nme.value, pck.value) == (0.0, 1.0)
    assert keypoint_error(truth, predicted, SIZE, draws=10, seed=0).n == 4


def test_keypoint_error_is_normalised_by_the_source_and_ignores_tops() -> None:
    source = face()
    translated = source + np.array([3.2, 0.0], dtype=np.float32)
    translated[:, KEYPOINTS.index("top")] += 30
    assert keypoint_error(source, translated, SIZE, draws=10, seed=0).value == pytest.approx(0.2)
    wider = source.copy()
    wider[:, EYES[1]] += (16, 0)
    forward = keypoint_error(source, wider, SIZE, draws=10, seed=0).value
    assert forward == pytest.approx(2 * keypoint_error(wider, source, SIZE, draws=10, seed=0).value)


def test_rotation_error_wraps() -> None:
    source, translated = np.zeros((2, 3, len(POSE)), dtype=np.float32)
    source[:, 0], translated[:, 0] = (10, 179, -5), (4, -179, -5)
    assert rotation_error(source, translated, draws=10, seed=0).value == pytest.approx((6 + 2 + 0) / 3)


def test_pose_scores_against_sklearn() -> None:
    rng = np.random.default_rng(1)
    truth = rng.normal(size=(40, len(POSE))).astype(np.float32)
    predicted = truth + rng.normal(size=truth.shape).astype(np.float32) * 0.3
    scores = pose_scores(predicted, truth, draws=200, seed=0)
    for column, name in enumerate(POSE):
        mae, r2 = scores[name]
        assert mae.value == pytest.approx(np.abs(predicted - truth)[:, column].mean(), rel=1e-5)
        assert r2.value == pytest.approx(r2_score(truth[:, column], predicted[:, column]), rel=1e-5)
        assert r2.ci_low < r2.value < r2.ci_high


def test_segmentation_agreement_is_the_mean_over_classes_of_either_then_over_images() -> None:
    one = np.zeros((2, 4, 4), dtype=np.uint8)
    other = one.copy()
    one[0, 0] = 1
    other[0, 0, :2] = 1
    other[0, 3, 3] = 2  # in one of the maps alone: counts 0
    estimate = segmentation_agreement(one, other, 5, draws=20, seed=0)
    first = (11 / 14 + 2 / 4 + 0) / 3
    assert estimate.value == pytest.approx((first + 1) / 2)
    assert segmentation_agreement(other, one, 5, draws=20, seed=0) == estimate, "symmetric"
    for index in (0, 1):
        labels = np.union1d(one[index], other[index])
        expected = jaccard_score(one[index].ravel(), other[index].ravel(), labels=labels, average="macro")
        assert segmentation_agreement(one[[index]], other[[index]], 5, 5, 0).value == pytest.approx(expected)
