"""How well translated images fit the target domain, and how much of their sources they keep."""

from collections.abc import Callable

import numpy as np
from torch import nn

from stylealign.config import MetricSettings
from stylealign.datasets.images import ImageZip
from stylealign.metrics import fid_kid
from stylealign.metrics.features import features_of
from stylealign.metrics.generators import distribution_rows, read_images
from stylealign.metrics.rows import Labels, Row
from stylealign.metrics.structure import PROTOCOLS, keypoint_error, rotation_error

CUT = "cut"
STARGAN_V2 = "stargan-v2"
PROTOCOL = (
    f"{CUT}: one output a source against the target's test images; {STARGAN_V2}: one output a source against the "
    f"target's training images; {fid_kid.PROTOCOL}; {PROTOCOLS['translation']}"
)

Predict = Callable[[np.ndarray], np.ndarray]
"""From images `[N, 3, r, r]` uint8 to key points `[N, K, 2]` or poses `[N, 4]`."""


def fit_rows(images: np.ndarray, target_test: ImageZip, target_train: ImageZip | None, extractor: nn.Module,
             labels: Labels, settings: MetricSettings) -> list[Row]:  # fmt: skip
    """Return `fid` and `kid` of translated images by each protocol that its data are given for.

    Args:
        images: `[N, 3, r, r]` uint8.
        target_test, target_train: images of the target domain.
        extractor: feature network.
        labels: labels of the rows; the protocol goes into `setting`.
        settings: features, seed.
    """
    generated = features_of(images, extractor)
    rows = []
    for name, data in ((CUT, target_test), (STARGAN_V2, target_train)):
        if data is not None:
            rows += distribution_rows(generated, features_of(read_images(data), extractor), labels, settings, name)
    return rows


def structure_rows(
    sources: np.ndarray,
    images: np.ndarray,
    keypoints: tuple[Predict, Predict] | None,
    pose: tuple[Predict, Predict] | None,
    labels: Labels,
    settings: MetricSettings,
) -> list[Row]:
    """Return `keypoint_error` and `rotation_error` between sources and translations.

    Args:
        sources, images: `[N, 3, r, r]` uint8, in one order.
        keypoints, pose: measuring functions of the source's and the target's domain, or None to leave the row out.
        labels: labels of the rows.
        settings: bootstrap.
    """
    assert sources.shape == images.shape, "sources and translations must have one shape"
    draws, seed, rows = settings.bootstrap, settings.seed, []
    if keypoints is not None:
        points = keypoints[0](sources), keypoints[1](images)
        rows.append(labels.row("keypoint_error", keypoint_error(*points, sources.shape[-1], draws, seed)))
    if pose is not None:
        rows.append(labels.row("rotation_error", rotation_error(pose[0](sources), pose[1](images), draws, seed)))
    return rows
