"""Images as 8-bit pixels and as the numbers that networks see."""

import torch
from torch import Tensor


def from_uint8(pixels: Tensor) -> Tensor:
    """Return 8-bit pixels as float32 in [-1, 1]."""
    assert pixels.dtype == torch.uint8, "images must be uint8"
    return pixels.to(torch.float32) / 127.5 - 1


def to_uint8(images: Tensor) -> Tensor:
    """Return float images in [-1, 1] (clamped) as 8-bit pixels, rounded to the nearest."""
    return (images * 127.5 + 127.5).round().clamp(0, 255).to(torch.uint8)
