"""Up-sample, filter and down-sample images with the low-pass filter of StyleGAN2 (Karras et al. 2020, appendix B)."""

import functools

import torch
import torch.nn.functional as F
from torch import Tensor

from stylealign.ops.native import functions as native

LOW_PASS = (1.0, 3.0, 3.0, 1.0)
"""One axis of StyleGAN2's separable low-pass filter, before normalisation to sum 1."""

Padding = tuple[int, int, int, int]


def low_pass_filter(dtype: torch.dtype = torch.float32, device: torch.device | None = None) -> Tensor:
    """Return one axis of the `[1, 3, 3, 1]` low-pass filter, normalised to sum 1: `[4]`; not to be changed."""
    return _low_pass_filter(dtype, device)


@functools.cache
def _low_pass_filter(dtype: torch.dtype, device: torch.device | None) -> Tensor:
    """Copy it to a device once: a copy from the CPU cannot be part of a CUDA graph."""
    with torch.inference_mode(False):
        return torch.tensor(LOW_PASS, dtype=dtype, device=device) / sum(LOW_PASS)


def upfirdn2d(images: Tensor, up: int = 1, down: int = 1, padding: Padding = (0, 0, 0, 0), gain: float = 1.0) -> Tensor:
    """Insert zeros, pad, filter with the low-pass filter and keep every `down`-th pixel.

    Args:
        images: `[N, C, H, W]` of any float dtype.
        up: pixels per input pixel on each axis; the new ones are zeros behind the old.
        down: distance of the kept pixels on each axis.
        padding: zeros added left, right, top and bottom after the up-sampling; negative values crop.
        gain: factor of the result.

    Returns:
        `[N, C, (H up + top + bottom - 3 - 1) // down + 1, ...]`, differentiable any number of times.
    """
    n, channels, height, width = images.shape
    left, right, top, bottom = padding
    if native.supported(images):
        size = (height * up + top + bottom - 4) // down + 1, (width * up + left + right - 4) // down + 1
        return native.resample(images, size, up, down, (top, left), gain)
    if up > 1:
        images = images.reshape(n, channels, height, 1, width, 1)
        images = F.pad(images, (0, up - 1, 0, 0, 0, up - 1)).reshape(n, channels, height * up, width * up)
    if (left, top) != (right, bottom) or min(padding) < 0:
        images, left, top = F.pad(images, padding), 0, 0
    return F.conv2d(images, _depthwise_kernel(images, gain), stride=down, padding=(top, left), groups=channels)


def upsample2d(images: Tensor) -> Tensor:
    """Double the height and width of `[N, C, H, W]`, keeping its mean (gain 4 makes up for the inserted zeros).

    Equals ``upfirdn2d(images, up=2, padding=(2, 1, 2, 1), gain=4)``: the filter is its own mirror image.
    """
    if native.supported(images):
        return upfirdn2d(images, up=2, padding=(2, 1, 2, 1), gain=4.0)
    return F.conv_transpose2d(images, _depthwise_kernel(images, 4.0), stride=2, padding=1, groups=images.shape[1])


def _depthwise_kernel(images: Tensor, gain: float) -> Tensor:
    taps = low_pass_filter(images.dtype, images.device)
    channels = int(images.shape[1])  # a constant, also where the network is traced
    return (taps[:, None] * taps[None, :] * gain).expand(channels, 1, 4, 4)
