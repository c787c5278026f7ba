"""How well labels, key points and poses agree: with annotations, or between two images of the same latent."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stylealign.datasets.avatars import POSE
from stylealign.datasets.label_names import pairs_among
from stylealign.metrics.bootstrap import Ratio

PCK_THRESHOLD = 0.1
SMALLEST_EYE_DISTANCE = 0.05
"""Images whose eyes are closer than this share of the frame (an eye is missing) have no normalised key-point error."""

UNLIKE = ("eyewear", "top", "clothes")
"""What drawn domains name alike though it is not: not all wear glasses or clothes, and hats are no ears and horns."""

POSE_NAMES = dict(zip(POSE, ("rotation", "scale", "x_shift", "y_shift"), strict=True))
"""Names of the pose's numbers in the metrics of the tables."""

AGREEMENT_PROTOCOL = (
    f"of what all domains name, {', '.join(UNLIKE)} apart: key points, distance over the source's distance of the "
    "eyes; rotation: absolute difference in degrees; segmentation agreement: IoU of the class maps, mean over the "
    "classes that one of the two maps has; both sides are measured by one network, trained on equally many images of "
    "all domains; a source with several outputs counts once, with their mean"
)


def iou(predicted: NDArray[np.uint8], truth: NDArray[np.uint8], classes: int) -> Ratio:
    """Return the mean over classes of the intersection over union over the whole set; a column is a class.

    Args:
        predicted, truth: class maps `[N, H, W]`; a pixel whose true class is none of them does not count.
        classes: number of classes; one that `truth` does not have does not count.
    """
    assert predicted.shape == truth.shape, "class maps must have one shape"
    labels, present = np.arange(classes)[:, None, None], np.zeros(classes, bool)
    intersections, unions = (np.empty((len(truth), classes)) for _ in range(2))
    for place, (one, other) in enumerate(zip(predicted, truth, strict=True)):
        p, t = np.where(other < classes, one, other) == labels, other == labels
        intersections[place], unions[place] = (p & t).sum(axis=(1, 2)), (p | t).sum(axis=(1, 2))
        present |= t.any(axis=(1, 2))
    return Ratio(np.where(present, intersections, 0), np.where(present, unions, 0))


@dataclasses.dataclass(frozen=True)
class KeypointScores:
    """Errors of key points, as shares of the distance of the eyes.

    Attributes:
        nme: mean over all visible points.
        nme_of: the same of each point, in their order.
        nme_centred: mean over all visible points, each point's mean error vector taken off. A mouth and a muzzle are
            not at the same place: labels of one domain place the points of another a constant apart. It takes
            annotations to know that constant, so this explains a zero-shot number and is none.
        pck: share of visible points closer than `PCK_THRESHOLD`.
    """

    nme: Ratio
    nme_of: list[Ratio]
    nme_centred: Ratio
    pck: Ratio


def eye_vectors(
    points: NDArray[np.float32], names: Sequence[str], swapped: Sequence[tuple[str, str]], size_px: int
) -> NDArray[np.complex128]:
    """Return what errors of key points are told in, a vector `[N]` from left to right: the first pair of `swapped`.

    Args:
        points: `[N, K, 2]` pixels.
        names: of the points.
        swapped: pairs of left and right; the first of which both are named counts, without one the size of the images.
        size_px: size of the images.

    Returns:
        NaN where a point of the pair is not known, or the two are too close.
    """
    pair = next(iter(pairs_among(swapped, names)), None)
    if pair is None:
        return np.full(len(points), size_px + 0j)
    left, right = (points[:, names.index(name)].astype(np.float64) @ np.array([1, 1j]) for name in pair)
    return np.where(np.abs(right - left) >= SMALLEST_EYE_DISTANCE * size_px, right - left, np.nan)


def keypoint_scores(
    predicted: NDArray[np.float32], truth: NDArray[np.float32], visible: NDArray[np.bool_], eyes: NDArray[np.complex128]
) -> KeypointScores:
    """Return the normalised mean errors and PCK@0.1 of visible key points.

    Args:
        predicted, truth: `[N, K, 2]` pixels.
        visible: `[N, K]` bool.
        eyes: `eye_vectors` of `truth`; an image without one counts nowhere.
    """
    usable = np.isfinite(eyes)
    truth, counted = truth[usable], visible[usable]
    vectors = _errors_in_eye_frame(predicted[usable], truth, eyes[usable])
    offsets = np.where(counted, vectors, 0).sum(axis=0) / np.maximum(counted.sum(axis=0), 1)
    errors, centred = np.abs(vectors), np.abs(vectors - offsets)
    totals = counted.astype(np.float64)

    def mean_of(values: NDArray[np.float64] | NDArray[np.bool_]) -> Ratio:
        whole = np.where(counted, values, 0).sum(axis=1, dtype=np.float64)
        return Ratio(whole[:, None], totals.sum(axis=1)[:, None])

    known = np.isfinite(truth[..., 0]) & np.isfinite(truth[..., 1])
    of_points = [
        Ratio(np.where(counted, errors, 0)[known[:, k]][:, [k]], totals[known[:, k]][:, [k]])
        for k in range(errors.shape[1])
    ]
    return KeypointScores(mean_of(errors), of_points, mean_of(centred), mean_of(errors < PCK_THRESHOLD))


def common_names(names: Sequence[str], others: Sequence[str]) -> list[str]:
    """Return what two domains name alike and mean alike, in the order of the first."""
    return [name for name in names if name in others and name not in UNLIKE]


def keypoint_errors(
    source: NDArray[np.float32], translated: NDArray[np.float32], eyes: NDArray[np.complex128]
) -> NDArray[np.float64]:
    """Return the mean distance `[N]` between key points of sources and translations, over the sources' eye distance.

    Args:
        source, translated: `[N, K, 2]` pixels, in one order; a point that is NaN in one of them does not count.
        eyes: `eye_vectors` of the sources.

    Returns:
        NaN where the source has no eye distance to speak of.
    """
    errors = np.abs(_errors_in_eye_frame(translated, source, eyes))
    there = ~np.isnan(errors)
    means = np.where(there, errors, 0).sum(axis=1) / np.maximum(there.sum(axis=1), 1)
    return np.where(there.any(axis=1), means, np.nan)


def _errors_in_eye_frame(
    predicted: NDArray[np.float32], truth: NDArray[np.float32], eyes: NDArray[np.complex128]
) -> NDArray[np.complex128]:
    """Return error vectors as complex numbers `[N, K]`, NaN where an image has no vector between the eyes.

    That vector is 1: errors are shares of the eye distance, and turn with the head.
    """
    assert predicted.shape == truth.shape, "key points must have one shape"
    wrong, right = (points.astype(np.float64) @ np.array([1, 1j]) for points in (predicted, truth))
    usable = np.isfinite(eyes)[:, None]
    return np.where(usable, (wrong - right) / np.where(usable, eyes[:, None], 1), np.nan)


def rotation_errors(source: NDArray[np.float32], translated: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the absolute difference `[N]` between two sets of angles `[N]` in degrees, in [0, 180]."""
    return np.abs((source.astype(np.float64) - translated + 180) % 360 - 180)


def segmentation_agreements(
    source: NDArray[np.uint8], translated: NDArray[np.uint8], classes: Sequence[int], others: Sequence[int]
) -> NDArray[np.float64]:
    """Return how well two class maps of each image agree, `[N]` in [0, 1].

    For one image: the intersection over union of each class, averaged over those that at least one of the two maps has.
    Other classes count as "not this class".

    Args:
        source, translated: class maps `[N, H, W]`.
        classes: indices of the compared classes in `source`.
        others: indices of the same classes in `translated`.
    """
    assert source.shape == translated.shape, "class maps must have one shape"
    agreements = np.empty(len(source))
    for index, (one, other) in enumerate(zip(source, translated, strict=True)):
        mine, theirs = (maps == np.array(labels)[:, None, None] for maps, labels in ((one, classes), (other, others)))
        unions = (mine | theirs).sum(axis=(1, 2))
        ratios = (mine & theirs).sum(axis=(1, 2))[unions > 0] / unions[unions > 0]
        agreements[index] = ratios.mean() if len(ratios) else np.nan
    return agreements


def pose_scores(
    predicted: NDArray[np.float32], truth: NDArray[np.float32], names: Sequence[str] = POSE
) -> dict[str, tuple[Ratio, Ratio]]:
    """Return the mean absolute error and R^2 of each number (R^2 against the variance of the whole set).

    Args:
        predicted, truth: `[N, V]`; an image whose number is NaN in `truth` does not count.
        names: names of the numbers.
    """
    scores = {}
    for column, name in enumerate(names):
        error = predicted[:, [column]].astype(np.float64) - truth[:, [column]]
        is_known = ~np.isnan(error)
        known, error = truth[is_known[:, 0], column].astype(np.float64), error[is_known[:, 0]]
        variance = np.full_like(error, known.var() if len(known) else 0.0)
        scores[name] = Ratio.mean(np.abs(error[:, 0])), Ratio(error**2, variance, is_complement=True)
    return scores
