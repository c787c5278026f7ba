"""Fréchet distance in the features of label networks: what was trained on a domain's parts and poses sees it by."""

from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stylealign.metrics.bootstrap import Estimate
from stylealign.metrics.fid_kid import Reference, fid


def beside(found: Iterable[NDArray[np.float32] | None]) -> NDArray[np.float32] | None:
    """Return the features of several networks side by side, without those that show none; None if none does."""
    shown = [features for features in found if features is not None]
    return np.concatenate(shown, axis=1) if shown else None


class LabelReference:
    """Real images of a domain, as label networks encode them; what generated ones are compared with.

    Each feature counts in units of its spread over these images and as many of the parent: one that only the parent's
    images have is not divided by next to nothing. Features that are the same in all of them are left out.
    """

    def __init__(self, real: NDArray[np.float32], parents: NDArray[np.float32]) -> None:
        """Take the features of real images and of the parent's, `[N, D]` and `[M, D]`."""
        count = min(len(real), len(parents))
        spread = np.concatenate([real[:count], parents[:count]]).astype(np.float64).std(axis=0)
        self._used = spread > 1e-6
        self._spread = spread[self._used]
        self._real = Reference(self._scaled(real))

    def fid(self, generated: NDArray[np.float32]) -> Estimate:
        """Return the Fréchet distance of generated images' features `[N, D]` to the real ones', without interval."""
        return fid(self._scaled(generated), self._real)

    def _scaled(self, features: NDArray[np.float32]) -> Tensor:
        return torch.from_numpy(features[:, self._used].astype(np.float64) / self._spread)
