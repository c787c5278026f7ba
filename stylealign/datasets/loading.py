"""Training images in an endless order that depends on the seed and the position alone."""

from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stylealign.datasets.images import ImageZip
from stylealign.errors import StyleAlignError


class TrainingImages:
    """All images of a zip in memory, drawn epoch by epoch, each epoch in an order of its own."""

    def __init__(self, path: str | Path, minimum: int = 1) -> None:
        """Read the images.

        Raises:
            StyleAlignError: unreadable, or fewer than `minimum` images.
        """
        archive = ImageZip(path)
        if len(archive) < minimum:
            raise StyleAlignError(
                f"{path}: has {len(archive)} images, training needs at least {minimum}; add images or lower batch_size"
            )
        self.resolution_px = archive.resolution_px
        self.attribution = archive.attribution
        self._images = torch.from_numpy(archive.read())

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self._images)

    def batch(self, step: int, batch_size: int, seed: int, mirror: bool) -> Tensor:
        """Return the images of one step: uint8 `[batch_size, 3, H, W]`.

        Args:
            step: number of the step, from 0.
            batch_size: images of a step.
            seed: seed of the order and of the mirroring.
            mirror: flip half of the images horizontally.
        """
        positions = np.arange(step * batch_size, (step + 1) * batch_size)
        rows = [_epoch_order(seed, int(p) // len(self), len(self))[int(p) % len(self)] for p in positions]
        images = self._images[torch.as_tensor(np.array(rows))]
        if mirror:
            flips = torch.from_numpy(np.random.default_rng([seed, 1, step]).random(batch_size) < 0.5)
            images = torch.where(flips[:, None, None, None], images.flip(3), images)
        return images


@lru_cache(maxsize=2)
def _epoch_order(seed: int, epoch: int, images: int) -> NDArray[np.int64]:
    return np.random.default_rng([seed, 0, epoch]).permutation(images)
