"""Label networks against annotations: the rows of the zero-shot tables."""

import numpy as np

from stylealign.applications.zero_shot.learning import predict
from stylealign.applications.zero_shot.networks import LabelNetwork
from stylealign.config import MetricSettings
from stylealign.datasets.annotations import Annotations, renumbered
from stylealign.metrics.rows import Row, RowKey
from stylealign.metrics.structure import iou, keypoint_scores, pose_scores

TABLES = {"segmentation": "zero_shot_segmentation", "keypoints": "zero_shot_keypoints", "pose": "zero_shot_regression"}


def zero_shot_rows(network: LabelNetwork, images: np.ndarray, annotations: Annotations, labels: RowKey,
                   settings: MetricSettings) -> list[Row]:  # fmt: skip
    """Return the scores of a network on annotated test images.

    Args:
        network: label network.
        images: `[N, 3, r, r]` uint8.
        annotations: of the same images.
        labels: labels of the rows; class or number goes into `setting`.
        settings: bootstrap.
    """
    score = {"segmentation": _segmentation, "keypoints": _keypoints, "pose": _pose}[network.spec.task]
    return score(predict(network, images), network, annotations, labels, settings)


def _segmentation(predicted: dict[str, np.ndarray], network: LabelNetwork, annotations: Annotations, labels: RowKey,
                  settings: MetricSettings) -> list[Row]:  # fmt: skip
    names = network.spec.names
    truth = renumbered(annotations.segmentation, annotations.names.classes, names)
    classes, mean = iou(predicted["classes"], truth, len(names), settings.bootstrap, settings.seed)
    rows = [labels.row("iou", estimate, setting=name) for name, estimate in zip(names, classes, strict=True)]
    return [*rows, labels.row("miou", mean)]


def _keypoints(predicted: dict[str, np.ndarray], network: LabelNetwork, annotations: Annotations, labels: RowKey,
               settings: MetricSettings) -> list[Row]:  # fmt: skip
    assert annotations.keypoints is not None
    assert annotations.visible is not None
    spec = network.spec
    eyes = [(spec.names.index(left), spec.names.index(right)) for left, right in spec.swapped[:1]]
    order = [annotations.names.keypoints.index(name) for name in spec.names]
    scores = keypoint_scores(
        predicted["keypoints"], annotations.keypoints[:, order], annotations.visible[:, order], spec.resolution_px,
        settings.bootstrap, settings.seed, eyes[0] if eyes else None,
    )  # fmt: skip
    rows = [labels.row("nme", scores.nme), labels.row("pck@0.1", scores.pck)]
    rows.append(labels.row("nme_centred", scores.nme_centred))
    of_points = zip(network.spec.names, scores.nme_of, strict=True)
    return rows + [labels.row("nme_of_point", estimate, setting=name) for name, estimate in of_points]


def _pose(predicted: dict[str, np.ndarray], network: LabelNetwork, annotations: Annotations, labels: RowKey,
          settings: MetricSettings) -> list[Row]:  # fmt: skip
    assert annotations.pose is not None
    names = network.spec.names
    truth = annotations.pose[:, [annotations.names.values.index(name) for name in names]]
    scores = pose_scores(predicted["pose"], truth, settings.bootstrap, settings.seed, names)
    return [labels.row(metric, estimate, setting=name) for name, pair in scores.items()
            for metric, estimate in zip(("mae", "r2"), pair, strict=True)]  # fmt: skip
