"""How well labels, key points and poses agree: with annotations, or between two images of the same latent."""

import numpy as np
from numpy.typing import NDArray

from stylealign.datasets.annotations import KEYPOINTS, POSE
from stylealign.metrics.bootstrap import Estimate, mean_estimate, ratio_estimate, ratio_estimates

PCK_THRESHOLD = 0.1
SMALLEST_EYE_DISTANCE = 0.05
"""Images whose eyes are closer than this share of the frame (an eye is missing) have no normalised key-point error."""

COMMON_KEYPOINTS = tuple(name for name in KEYPOINTS if name != "top")
"""Key points that mean the same thing in every domain: hair and hats are not ears and horns."""

POSE_NAMES = dict(zip(POSE, ("rotation", "scale", "x_shift", "y_shift"), strict=True))
"""Names of the pose's numbers in the metrics of the tables."""

PROTOCOLS = {
    "segmentation": "IoU over all pixels of the test set; a class that no image has is left out of the mean",
    "keypoints": "distance of visible key points over the distance of the annotated eyes; "
    f"pck@0.1: share of visible key points closer than {PCK_THRESHOLD} of it",
    "pose": "absolute error and R^2 of each number",
    "agreement": "mean over the classes present in either of an image's two maps of the intersection over the union, "
    "then the mean over images",
    "translation": f"key points {', '.join(COMMON_KEYPOINTS)}, distance over the source's distance of the eyes; "
    "rotation: absolute difference in degrees; both measured by networks trained on labels of each domain",
}


def iou(predicted: NDArray[np.uint8], truth: NDArray[np.uint8], classes: int, draws: int, seed: int
        ) -> tuple[list[Estimate], Estimate]:  # fmt: skip
    """Return the intersection over union of each class over the whole set, and their mean.

    Args:
        predicted, truth: class maps `[N, H, W]`.
        classes: number of classes.
        draws, seed: bootstrap over images.

    Returns:
        One estimate a class (NaN for a class that `truth` does not have), and the mean of the others.
    """
    assert predicted.shape == truth.shape, "class maps must have one shape"
    labels = np.arange(classes)[:, None, None]
    pairs = [(one == labels, other == labels) for one, other in zip(predicted, truth, strict=True)]
    intersections = np.array([(p & t).sum(axis=(1, 2)) for p, t in pairs], dtype=np.float64)
    unions = np.array([(p | t).sum(axis=(1, 2)) for p, t in pairs], dtype=np.float64)
    present = np.array([bool((truth == label).any()) for label in range(classes)])
    unions[:, ~present] = 0
    intersections[:, ~present] = 0
    return ratio_estimates(intersections, unions, draws, seed)


def segmentation_agreement(one: NDArray[np.uint8], other: NDArray[np.uint8], classes: int, draws: int, seed: int
                           ) -> Estimate:  # fmt: skip
    """Return how well two segmentations of each image agree, symmetrically.

    Of an image: the mean, over the classes that at least one of its two maps has, of the intersection over the union of
    the class's pixels; a class that one map alone has counts 0. Then the mean over images.

    Args:
        one, other: class maps `[N, H, W]`.
        classes: number of classes.
        draws, seed: bootstrap over images.
    """
    assert one.shape == other.shape, "class maps must have one shape"
    scores = np.empty(len(one))
    for index, (a, b) in enumerate(zip(one, other, strict=True)):
        pairs = np.bincount((a.astype(np.int64) * classes + b).ravel(), minlength=classes**2).reshape(classes, classes)
        unions = pairs.sum(axis=0) + pairs.sum(axis=1) - pairs.diagonal()
        present = unions > 0
        scores[index] = (pairs.diagonal()[present] / unions[present]).mean()
    return mean_estimate(scores, draws, seed)


def keypoint_scores(
    predicted: NDArray[np.float32],
    truth: NDArray[np.float32],
    visible: NDArray[np.bool_],
    size_px: int,
    draws: int,
    seed: int,
) -> tuple[Estimate, Estimate]:
    """Return the normalised mean error and PCK@0.1 of visible key points.

    Args:
        predicted, truth: `[N, K, 2]` pixels, in the order of `KEYPOINTS`.
        visible: `[N, K]` bool.
        size_px: size of the images.
        draws, seed: bootstrap over images.
    """
    errors, usable = _normalised_errors(predicted, truth, size_px)
    counted = visible & usable[:, None]
    totals = counted.sum(axis=1).astype(np.float64)
    nme = ratio_estimate(np.where(counted, errors, 0).sum(axis=1), totals, draws, seed)
    close = (errors < PCK_THRESHOLD) & counted
    return nme, ratio_estimate(close.sum(axis=1).astype(np.float64), totals, draws, seed)


def keypoint_error(source: NDArray[np.float32], translated: NDArray[np.float32], size_px: int, draws: int, seed: int
                   ) -> Estimate:  # fmt: skip
    """Return the mean distance between key points of sources and of their translations, over the sources' eye distance.

    Args:
        source, translated: `[N, K, 2]` pixels, in the order of `KEYPOINTS`, as networks see them.
        size_px: size of the images.
        draws, seed: bootstrap over images.
    """
    errors, usable = _normalised_errors(translated, source, size_px)
    common = [KEYPOINTS.index(name) for name in COMMON_KEYPOINTS]
    return mean_estimate(np.where(usable, errors[:, common].mean(axis=1), np.nan), draws, seed)


def _normalised_errors(predicted: NDArray[np.float32], truth: NDArray[np.float32], size_px: int
                       ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:  # fmt: skip
    """Return distances `[N, K]` over the eye distance of `truth`, and which images have one."""
    assert predicted.shape == truth.shape, "key points must have one shape"
    eyes = truth[:, KEYPOINTS.index("left_eye")] - truth[:, KEYPOINTS.index("right_eye")]
    distance = np.linalg.norm(eyes.astype(np.float64), axis=1)
    usable = distance >= SMALLEST_EYE_DISTANCE * size_px
    errors = np.linalg.norm(predicted.astype(np.float64) - truth, axis=2)
    return errors / np.where(usable, distance, 1)[:, None], usable


def rotation_error(source: NDArray[np.float32], translated: NDArray[np.float32], draws: int, seed: int) -> Estimate:
    """Return the mean absolute difference of the rotation in degrees between two sets of poses `[N, 4]`."""
    column = POSE.index("rotation_deg")
    difference = (source[:, column].astype(np.float64) - translated[:, column] + 180) % 360 - 180
    return mean_estimate(np.abs(difference), draws, seed)


def pose_scores(predicted: NDArray[np.float32], truth: NDArray[np.float32], draws: int, seed: int
                ) -> dict[str, tuple[Estimate, Estimate]]:  # fmt: skip
    """Return the mean absolute error and R^2 of each number of `POSE`.

    Args:
        predicted, truth: `[N, 4]`.
        draws, seed: bootstrap over images (R^2 against the variance of the whole set).
    """
    scores = {}
    for column, name in enumerate(POSE):
        error = predicted[:, column].astype(np.float64) - truth[:, column]
        residual = ratio_estimate(error**2, np.full(len(error), truth[:, column].astype(np.float64).var()), draws, seed)
        r2 = Estimate(1 - residual.value, _complement(residual.ci_high), _complement(residual.ci_low), residual.n)
        scores[name] = (mean_estimate(np.abs(error), draws, seed), r2)
    return scores


def _complement(value: float | None) -> float | None:
    return None if value is None else 1 - value
