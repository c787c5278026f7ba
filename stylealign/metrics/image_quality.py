"""Pixel-wise distances between images: mean squared error, PSNR and SSIM."""

import torch
from torch import Tensor
from torch.nn import functional as F

_SIGMA_PX, _RADIUS_PX = 1.5, 5
_K1, _K2 = 0.01, 0.03
_MOST_DB = 100
"""PSNR of equal images, which have none: an infinite one would be the mean of all images, without an interval."""


def mse(a: Tensor, b: Tensor) -> Tensor:
    """Return the mean squared error `[N]` of pixels on the [0, 1] scale.

    Args:
        a, b: `[N, 3, H, W]` float in [-1, 1].
    """
    _check(a, b)
    return ((a - b) / 2).square().mean(dim=(1, 2, 3))


def psnr(a: Tensor, b: Tensor) -> Tensor:
    """Return the peak signal-to-noise ratio `[N]` in dB, 100 at most: for equal images too.

    Args:
        a, b: `[N, 3, H, W]` float in [-1, 1].
    """
    return -10 * torch.log10(mse(a, b).clamp(min=10 ** (-_MOST_DB / 10)))


def ssim(a: Tensor, b: Tensor) -> Tensor:
    """Return the structural similarity `[N]` (Wang et al. 2004, equation 13), averaged over pixels and channels.

    Args:
        a, b: `[N, 3, H, W]` float in [-1, 1].

    Returns:
        The similarity; NaN for images of less than 11 px, which the window does not fit in.
    """
    _check(a, b)
    if min(a.shape[2:]) <= 2 * _RADIUS_PX:
        return torch.full_like(a[:, 0, 0, 0], torch.nan)
    a, b = a / 2 + 0.5, b / 2 + 0.5
    mean_a, mean_b = _blur(a), _blur(b)
    var_a, var_b = _blur(a * a) - mean_a**2, _blur(b * b) - mean_b**2
    covariance = _blur(a * b) - mean_a * mean_b
    c1, c2 = _K1**2, _K2**2
    luminance = (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
    contrast_structure = (2 * covariance + c2) / (var_a + var_b + c2)
    return (luminance * contrast_structure).mean(dim=(1, 2, 3))


def _blur(images: Tensor) -> Tensor:
    """Blur with the normalised Gaussian window; the result is 10 px smaller."""
    offsets = torch.arange(-_RADIUS_PX, _RADIUS_PX + 1, dtype=images.dtype, device=images.device)
    window = torch.exp(-(offsets**2) / (2 * _SIGMA_PX**2))
    window = (window / window.sum()).expand(images.shape[1], 1, 1, -1)
    rows = F.conv2d(images, window, groups=images.shape[1])
    return F.conv2d(rows, window.transpose(2, 3), groups=images.shape[1])


def _check(a: Tensor, b: Tensor) -> None:
    assert a.shape == b.shape, "images must be two batches of one shape"
    assert a.is_floating_point(), "images must be float"
