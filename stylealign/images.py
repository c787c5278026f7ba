"""Images as 8-bit pixels and as the numbers that networks see."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def from_uint8(pixels: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """Return 8-bit pixels as numbers in [-1, 1]."""
    assert pixels.dtype == torch.uint8, "images must be uint8"
    return pixels.to(dtype) / 127.5 - 1


def to_uint8(images: Tensor) -> Tensor:
    """Return float images in [-1, 1] (clamped) as 8-bit pixels, rounded to the nearest."""
    return (images * 127.5 + 127.5).round().clamp(0, 255).to(torch.uint8)


def to_pixels(images: Tensor) -> NDArray[np.uint8]:
    """Return float images in [-1, 1] (clamped) as 8-bit pixels in an array."""
    return to_uint8(images).cpu().numpy()
