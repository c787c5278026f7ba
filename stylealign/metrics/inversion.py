"""How close reconstructions are to the images that were inverted."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from stylealign.config import MetricSettings
from stylealign.metrics import image_quality
from stylealign.metrics.bootstrap import Estimate, mean_estimate
from stylealign.metrics.features import BATCH_SIZE, from_uint8
from stylealign.metrics.perceptual import PerceptualDistance
from stylealign.metrics.rows import Row, RowKey

PROTOCOL = f"8-bit reconstructions against the images; {image_quality.PROTOCOL}"


def inversion_rows(
    images: np.ndarray,
    reconstructions: np.ndarray,
    distance: PerceptualDistance,
    timing: dict[str, Any],
    labels: RowKey,
    settings: MetricSettings,
) -> list[Row]:
    """Return the rows `perceptual`, `mse`, `psnr`, `ssim`, and `images_per_s` where `timing` has it.

    Args:
        images, reconstructions: `[N, 3, r, r]` uint8, in one order.
        distance: perceptual distance, on the device that everything runs on.
        timing: what the inversion recorded of itself.
        labels: labels of the rows.
        settings: perceptual distance, bootstrap.
    """
    rows = []
    for metric, values in _distances(images, reconstructions, distance).items():
        estimate = mean_estimate(values, settings.bootstrap, settings.seed)
        rows.append(labels.row(metric, estimate, settings.perceptual if metric == "perceptual" else ""))
    if "images_per_s" in timing:
        rows.append(labels.row("images_per_s", Estimate(float(timing["images_per_s"]), n=len(images))))
    return rows


@torch.inference_mode()
def _distances(images: np.ndarray, reconstructions: np.ndarray, distance: PerceptualDistance) -> dict[str, np.ndarray]:
    assert images.shape == reconstructions.shape, "images and reconstructions must have one shape"
    device = next(distance.parameters()).device
    metrics: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
        "perceptual": distance,
        "mse": image_quality.mse,
        "psnr": image_quality.psnr,
        "ssim": image_quality.ssim,
    }
    values: dict[str, list[np.ndarray]] = {name: [] for name in metrics}
    for start in range(0, len(images), BATCH_SIZE):
        a, b = (
            from_uint8(torch.from_numpy(part[start : start + BATCH_SIZE]).to(device))
            for part in (images, reconstructions)
        )
        for name, metric in metrics.items():
            values[name].append(metric(a, b).cpu().numpy())
    return {name: np.concatenate(parts) for name, parts in values.items()}
