"""Agreement of labels, key points and poses against independent forms."""

import tracemalloc

import numpy as np
import pytest
from sklearn.metrics import jaccard_score, r2_score

from stylealign.datasets.avatars import POSE
from stylealign.datasets.figures import KEYPOINTS, SEGMENTATION_CLASSES
from stylealign.metrics.bootstrap import Ratio
from stylealign.metrics.structure import (
    common_names,
    eye_vectors,
    iou,
    keypoint_errors,
    keypoint_scores,
    pose_scores,
    rotation_errors,
    segmentation_agreements,
)

SIZE = 64
EYES = (KEYPOINTS.index("left_eye"), KEYPOINTS.index("right_eye"))


def face(count: int = 5) -> np.ndarray:
    """Return key points whose eyes are 16 px apart."""
    points = np.random.default_rng(0).uniform(20, 44, size=(count, len(KEYPOINTS), 2)).astype(np.float32)
    points[:, EYES[0]], points[:, EYES[1]] = (24, 30), (40, 30)
    return points


def eyes_of(points: np.ndarray) -> np.ndarray:
    return eye_vectors(points, KEYPOINTS, [("left_eye", "right_eye")], SIZE)


def value(score: Ratio) -> float:
    return score.estimate(draws=10, seed=0).value


def test_iou_against_sklearn() -> None:
    rng = np.random.default_rng(0)
    truth, predicted = rng.integers(0, 4, (2, 6, 8, 8)).astype(np.uint8)
    found = iou(predicted, truth, 4)
    mean = found.estimate(draws=50, seed=0)
    expected = jaccard_score(truth.ravel(), predicted.ravel(), average=None)
    np.testing.assert_allclose(found.numerators.sum(axis=0) / found.denominators.sum(axis=0), expected)
    assert mean.value == pytest.approx(expected.mean())
    assert mean.n == 6
    assert mean.ci_low < mean.value < mean.ci_high


def test_iou_holds_the_classes_of_one_image_at_once() -> None:
    """Those of all images at once are two bytes a pixel and class: 17 GB of 1,000 images of 1024 px with 8 classes."""
    truth = np.random.default_rng(0).integers(0, 8, (512, SIZE, SIZE), dtype=np.uint8)
    tracemalloc.start()
    try:
        iou(truth, truth, 8)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < truth.nbytes


def test_iou_leaves_out_classes_that_no_image_has() -> None:
    truth = np.zeros((2, 4, 4), dtype=np.uint8)
    truth[:, 0] = 1
    predicted = truth.copy()
    predicted[0, 3, 3] = 2
    found = iou(predicted, truth, 3)
    assert found.denominators.sum(axis=0).tolist() == [24, 8, 0]
    assert value(found) == pytest.approx((23 / 24 + 1) / 2)


def test_keypoint_scores_closed_form() -> None:
    truth = face()
    predicted = truth + np.array([0.0, 1.2], dtype=np.float32)
    predicted[:, EYES[0]] += (0, 4.0 - 1.2)
    everything = np.ones(truth.shape[:2], dtype=bool)
    scores = keypoint_scores(predicted, truth, everything, eyes_of(truth))
    others = len(KEYPOINTS) - 1
    assert value(scores.nme) == pytest.approx((4 + others * 1.2) / 16 / len(KEYPOINTS))
    assert value(scores.pck) == pytest.approx(others / len(KEYPOINTS))
    assert [value(point) for point in scores.nme_of] == pytest.approx([4 / 16] + others * [1.2 / 16])
    assert value(scores.nme_centred) == pytest.approx(0, abs=1e-6), "every point is a constant away"
    unseen = everything.copy()
    unseen[:, EYES[0]] = False
    scores = keypoint_scores(predicted, truth, unseen, eyes_of(truth))
    assert (value(scores.nme), value(scores.pck)) == (pytest.approx(1.2 / 16), 1.0)
    assert np.isnan(value(scores.nme_of[EYES[0]])), "a point that no image shows"


def test_a_constant_error_turns_and_grows_with_the_head() -> None:
    """The mouth is 0.4 eye distances below its place on heads of any size and rotation; another is off at random."""
    random = np.random.default_rng(0)
    heads = np.exp(1j * random.uniform(-0.5, 0.5, 200)) * random.uniform(0.8, 1.2, 200)
    points = np.array([complex(x, y) for x, y in face()[0]])
    truth = (points - points.mean()) * heads[:, None]
    predicted, mouth, other = truth.copy(), KEYPOINTS.index("mouth"), KEYPOINTS.index("face")
    eyes = truth[:, EYES[1]] - truth[:, EYES[0]]
    predicted[:, mouth] += 0.4j * eyes
    scatter = random.normal(size=200)
    predicted[:, other] += (scatter - scatter.mean()) * eyes
    true, wrong = (np.stack([p.real, p.imag], axis=2).astype(np.float32) for p in (truth, predicted))
    scores = keypoint_scores(wrong, true, np.ones(truth.shape, dtype=bool), eyes_of(true))
    assert value(scores.nme_of[mouth]) == pytest.approx(0.4, rel=1e-5)
    left = np.abs(scatter - scatter.mean()).mean() / len(KEYPOINTS)
    assert value(scores.nme) == pytest.approx(0.4 / len(KEYPOINTS) + left, rel=1e-5)
    assert value(scores.nme_centred) == pytest.approx(left, rel=1e-4)


def test_images_without_eyes_are_left_out() -> None:
    truth = face()
    truth[0, EYES[1]] = truth[0, EYES[0]]
    predicted = truth.copy()
    predicted[0] += 100
    scores = keypoint_scores(predicted, truth, np.ones(truth.shape[:2], dtype=bool), eyes_of(truth))
    assert (value(scores.nme), value(scores.pck)) == (0.0, 1.0)
    assert {scores.nme.count, scores.pck.count, *(score.count for score in scores.nme_of)} == {4}
    assert np.isnan(keypoint_errors(truth, predicted, eyes_of(truth))).tolist() == [True] + 4 * [False]


def test_keypoint_error_is_normalised_by_the_source() -> None:
    source = face()
    translated = source + np.array([3.2, 0.0], dtype=np.float32)
    np.testing.assert_allclose(keypoint_errors(source, translated, eyes_of(source)), 0.2, rtol=1e-5)
    whole = eye_vectors(source, KEYPOINTS, [("left_ear", "right_ear")], SIZE)
    np.testing.assert_allclose(keypoint_errors(source, translated, whole), 3.2 / SIZE, rtol=1e-5)
    wider = source.copy()
    wider[:, EYES[1]] += (16, 0)
    forward, back = keypoint_errors(source, wider, eyes_of(source)), keypoint_errors(wider, source, eyes_of(wider))
    np.testing.assert_allclose(forward, 2 * back)


def test_what_drawn_domains_name_alike_though_it_is_not_does_not_count() -> None:
    assert common_names(KEYPOINTS, KEYPOINTS[::-1]) == [name for name in KEYPOINTS if name != "top"]
    assert common_names(("a", "b", "clothes"), ("clothes", "b")) == ["b"]


def test_rotation_error_wraps() -> None:
    source, translated = np.float32([10, 179, -5]), np.float32([4, -179, -5])
    assert rotation_errors(source, translated).tolist() == [6, 2, 0]


def test_segmentation_agreement_against_sklearn() -> None:
    rng = np.random.default_rng(0)
    source, translated = rng.integers(0, len(SEGMENTATION_CLASSES), (2, 3, 8, 8)).astype(np.uint8)
    labels = [0, 1, 2, 3]
    expected = [
        jaccard_score(one.ravel(), other.ravel(), labels=labels, average="macro")
        for one, other in zip(source, translated, strict=True)
    ]
    np.testing.assert_allclose(segmentation_agreements(source, translated, labels, labels), expected)
    renumbered = (translated + 1) % len(SEGMENTATION_CLASSES)
    np.testing.assert_allclose(segmentation_agreements(source, renumbered, labels, [1, 2, 3, 4]), expected)


def test_a_class_that_neither_map_has_does_not_count() -> None:
    skin, clothes = SEGMENTATION_CLASSES.index("skin"), SEGMENTATION_CLASSES.index("clothes")
    source = np.zeros((2, 4, 4), dtype=np.uint8)
    source[0, :2] = skin
    source[1] = clothes
    translated = np.zeros_like(source)
    translated[1] = clothes
    labels = [0, skin]
    agreements = segmentation_agreements(source, translated, labels, labels)
    assert agreements[0] == pytest.approx((8 / 16 + 0) / 2)
    assert np.isnan(agreements[1])
    assert (segmentation_agreements(source[:1], source[:1], labels, labels) == 1).all()


def test_pose_scores_against_sklearn() -> None:
    rng = np.random.default_rng(1)
    truth = rng.normal(size=(40, len(POSE))).astype(np.float32)
    predicted = truth + rng.normal(size=truth.shape).astype(np.float32) * 0.3
    scores = pose_scores(predicted, truth)
    for column, name in enumerate(POSE):
        mae, r2 = (score.estimate(draws=200, seed=0) for score in scores[name])
        assert mae.value == pytest.approx(np.abs(predicted - truth)[:, column].mean(), rel=1e-5)
        assert r2.value == pytest.approx(r2_score(truth[:, column], predicted[:, column]), rel=1e-5)
        assert r2.ci_low < r2.value < r2.ci_high
