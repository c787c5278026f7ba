"""Samples of a generator and images of a set, in batches: what the measurements compare."""

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import numpy as np
import torch

from stylealign.datasets.images import ImageZip
from stylealign.datasets.large_arrays import PART_BYTES
from stylealign.errors import StyleAlignError
from stylealign.images import to_pixels
from stylealign.networks.generator import Generator
from stylealign.sampling import sample_latents


@torch.inference_mode()
def sample_images(generator: Generator, count: int, seed: int) -> Iterator[np.ndarray]:
    """Yield `count` samples as batches `[B, 3, r, r]` uint8; latents (and labels) are drawn on the CPU."""
    for z, c in sample_latents(generator, count, seed):
        yield to_pixels(generator.synthesis(generator.mapping(z, c)))


def read_images(data: ImageZip) -> Iterator[np.ndarray]:
    """Yield the images of a zip as batches `[B, 3, r, r]` uint8, of 1024 images or, where they are large, of fewer."""
    chunk = 1024
    while chunk > 64 and chunk * 3 * data.resolution_px**2 > PART_BYTES:
        chunk //= 2
    for start in range(0, len(data), chunk):
        yield data.read(slice(start, start + chunk))


class Sized(Protocol):
    """A set of images of one size, or what was made of it."""

    @property
    def path(self) -> Path:
        """Its file."""

    @property
    def resolution_px(self) -> int:
        """Height and width of the images."""


def require_resolution(data: Sized, resolution_px: int) -> None:
    """Raise StyleAlignError unless the images are `resolution_px` wide."""
    if data.resolution_px != resolution_px:
        raise StyleAlignError(
            f"{data.path}: images of {data.resolution_px} px where {resolution_px} px are needed; "
            f"prepare them with `stylealign data --resolution-px {resolution_px}`"
        )
