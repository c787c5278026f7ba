"""How close reconstructions are to the images that were inverted."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from stylealign.images import from_uint8
from stylealign.metrics import image_quality
from stylealign.metrics.perceptual import PerceptualDistance
from stylealign.sampling import BATCH_SIZE


@torch.inference_mode()
def distances(images: np.ndarray, reconstructions: np.ndarray, distance: PerceptualDistance) -> dict[str, np.ndarray]:
    """Return `perceptual`, `mse`, `psnr` (100 dB at most) and `ssim`, `[N]` each.

    Args:
        images, reconstructions: `[N, 3, r, r]` uint8, in one order.
        distance: perceptual distance, on the device that everything runs on.
    """
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
