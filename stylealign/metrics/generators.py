"""Samples of a generator and images of a set, in batches: what the measurements compare."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from stylealign.datasets.images import ImageZip
from stylealign.errors import StyleAlignError
from stylealign.metrics.features import images_per_batch, to_uint8
from stylealign.networks.generator import Generator


@torch.inference_mode()
def sample_images(generator: Generator, count: int, seed: int) -> Iterator[np.ndarray]:
    """Yield `count` samples as batches `[B, 3, r, r]` uint8; latents (and labels) are drawn on the CPU."""
    for z, c in sample_latents(generator, count, seed):
        yield to_uint8(generator.synthesis(generator.mapping(z, c))).cpu().numpy()


def sample_latents(generator: Generator, count: int, seed: int) -> Iterator[tuple[Tensor, Tensor | None]]:
    """Yield `count` latents (and labels, in a conditional model) in batches, drawn on the CPU."""
    random = torch.Generator().manual_seed(seed)
    architecture = generator.architecture
    device = generator.mapping.w_avg.device
    batch = images_per_batch(architecture.resolution)
    for start in range(0, count, batch):
        size = min(batch, count - start)
        z = torch.randn(size, architecture.z_dim, generator=random).to(device)
        c = None
        if architecture.c_dim:
            classes = torch.randint(architecture.c_dim, (size,), generator=random)
            c = nn.functional.one_hot(classes, architecture.c_dim).to(z)
        yield z, c


def read_images(data: ImageZip, chunk: int = 1024) -> Iterator[np.ndarray]:
    """Yield the images of a zip as batches `[B, 3, r, r]` uint8."""
    for start in range(0, len(data), chunk):
        yield data.read(slice(start, start + chunk))


def require_resolution(data: ImageZip, resolution_px: int) -> None:
    """Raise StyleAlignError unless the images are `resolution_px` wide."""
    if data.resolution_px != resolution_px:
        raise StyleAlignError(f"{data.path}: images of {data.resolution_px} px where {resolution_px} px are needed; "
                              f"prepare them with `stylealign data --resolution-px {resolution_px}`")  # fmt: skip
