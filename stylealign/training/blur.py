"""Blur of what the discriminator sees early in a training (Karras et al. 2021, arXiv 2106.12423, appendix).

A young discriminator tells images apart by their finest details, and the generator answers with fine details that are
the same in all its images. Behind a blur that fades, both learn the layout of the images first.
"""

import torch
from torch import Tensor

from stylealign.devices import moved

LEAST_PX = 0.2
"""A blur below this changes nothing that a pixel could show."""


def blur_px_at(images_shown: int, start_px: float, fade_kimg: float) -> float:
    """Return the blur's standard deviation in pixels: `start_px` at first, falling linearly to 0 at `fade_kimg`."""
    return start_px * max(1.0 - images_shown / (fade_kimg * 1000), 0.0)


def blur(images: Tensor, sigma_px: float) -> Tensor:
    """Blur `[N, C, H, W]` by a Gaussian of standard deviation `sigma_px`; beyond the border its pixels repeat.

    Two products with a matrix: differentiable any number of times, and quick at the sizes that are trained.
    """
    if sigma_px < LEAST_PX:
        return images
    height, width = images.shape[-2:]
    across = moved(blur_matrix(width, sigma_px).to(images.dtype), images.device)
    along = across if height == width else moved(blur_matrix(height, sigma_px).to(images.dtype), images.device)
    return along @ images @ across.t()


def blur_matrix(size: int, sigma_px: float) -> Tensor:
    """Return the `[size, size]` matrix that blurs a line of pixels; each of its rows has sum 1."""
    radius = int(3 * sigma_px) + 1
    offsets = torch.arange(-radius, radius + 1)
    taps = torch.exp(-(offsets.double() / sigma_px).square() / 2)
    sources = (torch.arange(size)[:, None] + offsets).clamp(0, size - 1)
    weights = (taps / taps.sum()).expand(size, -1)
    return torch.zeros(size, size, dtype=torch.float64).scatter_add_(1, sources, weights.contiguous())
