"""Label networks against annotations."""

import numpy as np

from stylealign.applications.zero_shot.learning import predict
from stylealign.applications.zero_shot.networks import LabelNetwork
from stylealign.config import MetricSettings
from stylealign.datasets.annotations import Annotations, renumbered
from stylealign.metrics.bootstrap import Estimate
from stylealign.metrics.structure import iou, keypoint_scores, pose_scores

Score = tuple[str, str, Estimate]
"""Metric, the class, key point or number that it is of (empty for all), and the value."""


def scores(
    network: LabelNetwork, images: np.ndarray, annotations: Annotations, settings: MetricSettings
) -> list[Score]:
    """Return the scores of a network on annotated test images.

    Args:
        network: label network.
        images: `[N, 3, r, r]` uint8.
        annotations: of the same images.
        settings: bootstrap.
    """
    score = {"segmentation": _segmentation, "keypoints": _keypoints, "pose": _pose}[network.spec.task]
    return score(predict(network, images), network, annotations, settings)


def _segmentation(
    predicted: dict[str, np.ndarray], network: LabelNetwork, annotations: Annotations, settings: MetricSettings
) -> list[Score]:
    names = network.spec.names
    truth = renumbered(annotations.segmentation, annotations.names.classes, names)
    classes, mean = iou(predicted["classes"], truth, len(names), settings.bootstrap, settings.seed)
    return [*(("iou", name, estimate) for name, estimate in zip(names, classes, strict=True)), ("miou", "", mean)]


def _keypoints(
    predicted: dict[str, np.ndarray], network: LabelNetwork, annotations: Annotations, settings: MetricSettings
) -> list[Score]:
    assert annotations.keypoints is not None
    assert annotations.visible is not None
    spec = network.spec
    eyes = [(spec.names.index(left), spec.names.index(right)) for left, right in spec.swapped[:1]]
    order = [annotations.names.keypoints.index(name) for name in spec.names]
    found = keypoint_scores(
        predicted["keypoints"],
        annotations.keypoints[:, order],
        annotations.visible[:, order],
        spec.resolution_px,
        settings.bootstrap,
        settings.seed,
        eyes[0] if eyes else None,
    )
    of_points = zip(spec.names, found.nme_of, strict=True)
    return [
        ("nme", "", found.nme),
        ("pck@0.1", "", found.pck),
        ("nme_centred", "", found.nme_centred),
        *(("nme_of_point", name, estimate) for name, estimate in of_points),
    ]


def _pose(
    predicted: dict[str, np.ndarray], network: LabelNetwork, annotations: Annotations, settings: MetricSettings
) -> list[Score]:
    assert annotations.pose is not None
    names = network.spec.names
    truth = annotations.pose[:, [annotations.names.values.index(name) for name in names]]
    found = pose_scores(predicted["pose"], truth, settings.bootstrap, settings.seed, names)
    return [
        (metric, name, estimate)
        for name, pair in found.items()
        for metric, estimate in zip(("mae", "r2"), pair, strict=True)
    ]
