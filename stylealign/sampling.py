"""Latents that follow from a seed, and the labels that go with them. Drawn on the CPU: the same on every device."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from stylealign.networks.architecture import Architecture
from stylealign.networks.generator import Generator
from stylealign.streams import torch_stream

BATCH_SIZE = 64
"""Images that are drawn or measured at once, fixed: the last digits of features may depend on the batch."""

LARGEST_OF_A_FULL_BATCH_PX = 256


def images_per_batch(resolution_px: int) -> int:
    """Return how many images to generate at once: `BATCH_SIZE` up to 256 px, and as many pixels above."""
    return max(1, min(BATCH_SIZE, BATCH_SIZE * LARGEST_OF_A_FULL_BATCH_PX**2 // resolution_px**2))


def seeded_z(count: int, z_dim: int, seed: int) -> Tensor:
    """Return `z [count, z_dim]` from a stream of its own (`stylealign.streams`), on the CPU."""
    return torch.randn(count, z_dim, generator=torch_stream("latents", seed))


def z_of_seeds(seeds: Sequence[int], z_dim: int) -> Tensor:
    """Return `z [len(seeds), z_dim]`, one stream a seed, NumPy's as it is: a seed is the same image in every batch."""
    z = np.concatenate([np.random.RandomState(seed).randn(1, z_dim) for seed in seeds])
    return torch.from_numpy(z.astype(np.float32))


def seeded_normal(shape: Sequence[int], random: np.random.Generator) -> NDArray[np.float32]:
    """Return standard normal numbers of a shape from NumPy's generator."""
    return random.standard_normal(tuple(shape), dtype=np.float32)


def sample_latents(generator: Generator, count: int, seed: int) -> Iterator[tuple[Tensor, Tensor | None]]:
    """Yield `count` latents (and labels, in a conditional model) in batches, on the generator's device."""
    random = torch_stream("samples", seed)
    architecture = generator.architecture
    device = generator.mapping.w_avg.device
    batch = images_per_batch(architecture.resolution)
    for start in range(0, count, batch):
        size = min(batch, count - start)
        z = torch.randn(size, architecture.z_dim, generator=random).to(device)
        c = None
        if architecture.c_dim:
            classes = torch.randint(architecture.c_dim, (size,), generator=random)
            c = F.one_hot(classes, architecture.c_dim).to(z)
        yield z, c


@torch.no_grad()
def std_of_w(generator: Generator, samples: int = 10_000, seed: int = 0) -> float:
    """Return the spread of W, the root of the mean squared distance to w_avg (Karras et al. 2020, appendix D)."""
    z = seeded_z(samples, generator.architecture.z_dim, seed).to(generator.mapping.w_avg)
    w = generator.mapping(z, mean_label(generator, samples))[:, 0]
    return float((w - generator.mapping.w_avg).square().sum(dim=1).mean().sqrt())


def mean_label(generator: Generator, batch: int) -> Tensor | None:
    """Return the label that favours no class, `[batch, c_dim]`, or None for an unconditional model."""
    return mean_label_of(generator.architecture, generator.mapping.w_avg, batch)


def mean_label_of(architecture: Architecture, like: Tensor, batch: int) -> Tensor | None:
    """Return the label that favours no class, `[batch, c_dim]` of the type and device of `like`, or None."""
    c_dim = architecture.c_dim
    return torch.full((batch, c_dim), 1 / c_dim).to(like) if c_dim else None
