"""What anchors compare: pure functions of what child and parent show at the same latents, one number an image.

All of them can be made blind to brightness and colour: each channel of each image is brought to mean 0 and variance 1.
Without that an anchor carries them, and a domain of other tones is drawn with the parent's.
"""

import functools
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

FLAT = 1e-3
"""Added to the variance of a channel: what varies less counts as flat."""
LUMINANCE = (0.299, 0.587, 0.114)
"""Weights of red, green and blue (ITU-R BT.601)."""
SOBEL = ((-1.0, 0.0, 1.0), (-2.0, 0.0, 2.0), (-1.0, 0.0, 1.0))
"""Slope from left to right, times 8."""
EDGE = 1e-3
"""Added to the squared slope of an edge map, so that its root has a gradient where the image is flat."""


def single(values: Tensor) -> Tensor:
    """Return half-precision values in single precision, others as they are."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


def normalised(maps: Tensor) -> Tensor:
    """Bring each channel of each image of `[N, C, h, w]` to mean 0 and variance 1."""
    centred = maps - maps.mean(dim=(2, 3), keepdim=True)
    return centred * (centred.square().mean(dim=(2, 3), keepdim=True) + FLAT).rsqrt()


def low_passed(maps: Tensor, size_px: int) -> Tensor:
    """Return `[N, C, r, r]` averaged down to `size_px`, a power of two as r is; smaller maps stay."""
    factor = maps.shape[-1] // size_px
    return F.avg_pool2d(maps, factor) if factor > 1 else maps


def prepared(maps: Tensor, lowpass_px: int, normalise: bool) -> Tensor:
    """Return maps as they are compared: in single precision, low-passed, and normalised where it is asked for."""
    maps = low_passed(single(maps), lowpass_px)
    return normalised(maps) if normalise else maps


def squared_difference(a: Tensor, b: Tensor) -> Tensor:
    """Return the mean squared difference of each image of `[N, ...]`, `[N]`."""
    return (a - b).square().flatten(1).mean(dim=1)


def self_similarity(maps: Tensor) -> Tensor:
    """Return the cosines between all positions of `[N, C, h, w]`, `[N, hw, hw]` (Xiao et al. 2022)."""
    vectors = F.normalize(maps.flatten(2), dim=1, eps=FLAT)
    return vectors.transpose(1, 2) @ vectors


def similarity_difference(a: Tensor, b: Tensor) -> Tensor:
    """Return the smooth L1 distance `[N]` of the self-similarities of two maps (Xiao et al. 2022)."""
    return F.smooth_l1_loss(self_similarity(a), self_similarity(b), reduction="none").mean(dim=(1, 2))


@functools.cache
def _constant(values: tuple[Any, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    """Copy numbers to a device once: the program would wait for each copy, and none can be part of a CUDA graph."""
    with torch.inference_mode(False):
        return torch.tensor(values, dtype=dtype, device=device)


def luminance(images: Tensor) -> Tensor:
    """Return the luminance `[N, 1, H, W]` of RGB images."""
    weights = _constant(LUMINANCE, images.dtype, images.device)
    return (images * weights[:, None, None]).sum(dim=1, keepdim=True)


def edges(images: Tensor) -> Tensor:
    """Return the slope of the luminance `[N, 1, H, W]` under the Sobel operator: outlines, whichever side is dark."""
    across = _constant(SOBEL, images.dtype, images.device) / 8
    kernels = torch.stack([across, across.t()])[:, None]
    slopes = F.conv2d(F.pad(luminance(images), (1, 1, 1, 1), mode="replicate"), kernels)
    return (slopes.square().sum(dim=1, keepdim=True) + EDGE).sqrt()


def distance_consistency(child: Tensor, parent: Tensor, group_size: int) -> Tensor:
    """Return how differently images of a group are like each other in child and parent (Ojha et al. 2021).

    For each image: the Kullback-Leibler divergence of the softmax over its cosines to the other images of its group.

    Args:
        child, parent: `[N, ...]`, the same latents in both.
        group_size: images of a group, cut to N; N is a multiple of it. Image i is in the group of the images i modulo
            (N / group size), as for the minibatch standard deviation: a part of a batch holds whole groups.

    Returns:
        `[N]`; zeros in groups of fewer than three images.
    """
    size = min(group_size, len(child))
    own = _log_likeness(child, size)
    others = _log_likeness(parent, size)
    return (own.exp() * (own - others)).sum(dim=2).t().flatten()


def _log_likeness(values: Tensor, size: int) -> Tensor:
    """Return the log softmax over the other images of a group: `[groups, size, size - 1]`."""
    grouped = F.normalize(values.flatten(1), dim=1).reshape(size, -1, values[0].numel()).transpose(0, 1)
    cosines = grouped @ grouped.transpose(1, 2)
    # All but the diagonal, by views: what a mask leaves has a shape that a GPU would have to be asked for.
    groups = len(cosines)
    rows = cosines.flatten(1)[:, :-1].reshape(groups, size - 1, size + 1)[:, :, 1:]
    return F.log_softmax(rows.reshape(groups, size, size - 1), dim=2)
