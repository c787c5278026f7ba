"""Samples of a model by seed, and the class that they are of."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from stylealign.errors import StyleAlignError
from stylealign.images import to_pixels
from stylealign.networks.generator import Generator
from stylealign.sampling import z_of_seeds
from stylealign.streams import seed_globally

BATCH = 32
"""Images drawn at once, fixed: the last digits of an image may depend on the batch."""


def samples_of(
    generator: Generator,
    seeds: Sequence[int],
    truncation_psi: float,
    noise_mode: str,
    label: Tensor | None,
    progress: Callable[[int], None],
) -> Iterator[NDArray[np.uint8]]:
    """Yield the image `[3, r, r]` uint8 of each seed.

    Args:
        generator: on the device to compute on.
        seeds: seed of each image's z.
        truncation_psi: 1 keeps w, 0 draws the mean image.
        noise_mode: `const`, `random` or `none`.
        label: `[1, c_dim]` for a conditional model (`one_hot_label`).
        progress: told how many more images are drawn.
    """
    for start in range(0, len(seeds), BATCH):
        part = seeds[start : start + BATCH]
        seed_globally("noise of samples", part[0])
        with torch.inference_mode():
            z = z_of_seeds(part, generator.architecture.z_dim).to(generator.mapping.w_avg)
            c = None if label is None else label.to(z).expand(len(part), -1)
            images = to_pixels(generator(z, c, truncation_psi, noise_mode=noise_mode))
        progress(len(part))
        yield from images


def one_hot_label(number: int | None, classes: int, model: str) -> Tensor | None:
    """Return the label `[1, classes]` of a class, or None for an unconditional model.

    Raises:
        StyleAlignError: `model` has no classes and one is given, or it has some and none of them is.
    """
    if classes == 0:
        if number is not None:
            raise StyleAlignError(f"--label: {model} has no classes; leave it out")
        return None
    if number is None or not 0 <= number < classes:
        raise StyleAlignError(f"--label: {model} has {classes} classes; give --label from 0 to {classes - 1}")
    return F.one_hot(torch.tensor([number]), classes)
