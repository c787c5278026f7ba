"""The latent spaces by name: the shape of a code, its images, and its starting point.

Z `[z_dim]`, Z+ (one z per layer) `[num_ws, z_dim]`, W `[w_dim]`, W+ (one w per layer) `[num_ws, w_dim]`.
"""

import torch
from torch import Tensor

from stylealign.config import Space
from stylealign.networks.architecture import Architecture
from stylealign.networks.generator import Generator

SPACES: tuple[Space, ...] = ("z", "z+", "w", "w+")


def code_shape(space: Space, architecture: Architecture) -> tuple[int, ...]:
    """Return the shape of one code of `space`."""
    width = architecture.z_dim if is_gaussian(space) else architecture.w_dim
    return (architecture.num_ws, width) if is_per_layer(space) else (width,)


def is_gaussian(space: Space) -> bool:
    """Return whether codes of `space` go through the mapping network (Z and Z+)."""
    return space in ("z", "z+")


def is_per_layer(space: Space) -> bool:
    """Return whether codes of `space` hold one vector per synthesis layer (Z+ and W+)."""
    return space in ("z+", "w+")


def ws_of(
    values: Tensor, space: Space, generator: Generator, truncation_psi: float = 1.0, c: Tensor | None = None
) -> Tensor:
    """Return the `ws [N, num_ws, w_dim]` of codes `[N, *code_shape]`.

    Args:
        values: codes of `space`.
        space: latent space of the codes.
        generator: its mapping network takes Z and Z+ codes.
        truncation_psi: truncation of Z and Z+ codes; W and W+ codes are used as they are.
        c: labels `[N, c_dim]` of a conditional model, for Z and Z+ codes.
    """
    if is_gaussian(space):
        return generator.mapping(values, c, truncation_psi)
    if is_per_layer(space):
        return values
    return values[:, None, :].expand(-1, generator.architecture.num_ws, -1)


@torch.no_grad()
def std_of_w(generator: Generator, samples: int = 10_000, seed: int = 0) -> float:
    """Return the spread of W, the root of the mean squared distance to w_avg (Karras et al. 2020, appendix D).

    Drawn on the CPU from `seed`, so it is the same on every device.
    """
    architecture = generator.architecture
    random = torch.Generator().manual_seed(seed)
    z = torch.randn(samples, architecture.z_dim, generator=random).to(generator.mapping.w_avg)
    w = generator.mapping(z, mean_label(generator, samples))[:, 0]
    return float((w - generator.mapping.w_avg).square().sum(dim=1).mean().sqrt())


def mean_label(generator: Generator, batch: int) -> Tensor | None:
    """Return the label that favours no class, `[batch, c_dim]`, or None for an unconditional model."""
    return mean_label_of(generator.architecture, generator.mapping.w_avg, batch)


def mean_label_of(architecture: Architecture, like: Tensor, batch: int) -> Tensor | None:
    """Return the label that favours no class, `[batch, c_dim]` of the type and device of `like`, or None."""
    c_dim = architecture.c_dim
    return torch.full((batch, c_dim), 1 / c_dim).to(like) if c_dim else None
