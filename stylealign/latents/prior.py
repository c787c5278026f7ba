"""Where the mapping network puts w: the region that a fine-tuned child knows, since it was trained on nothing else.

An optimised W+ code may reconstruct an image from far outside of it; the parent draws the image, and a child something
dark and bent. The distance here is the squared Mahalanobis distance in W: Zhu et al. 2020 (arXiv 2012.09036)
measure it before the mapping network's last activation.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from stylealign.networks.generator import Generator
from stylealign.sampling import mean_label, seeded_z

SAMPLES = 10_000
_LEAST_VARIANCE = 1e-4
"""Directions in which w varies less than this share of the largest variance count as varying that much."""


@dataclass(frozen=True, eq=False)
class Prior:
    """Mean and spread of W."""

    mean: Tensor
    """`[w_dim]`."""
    whitening: Tensor
    """`[w_dim, w_dim]`: from w less the mean, as a row, to uncorrelated numbers of variance 1."""

    def distance(self, codes: Tensor) -> Tensor:
        """Return the mean squared whitened number of codes `[N, ..., w_dim]`, `[N]`: about 1 for samples of W."""
        return ((codes - self.mean) @ self.whitening).square().flatten(1).mean(dim=1)


@torch.no_grad()
def prior_of_w(generator: Generator, seed: int = 0) -> Prior:
    """Return the prior of a generator's W, from `SAMPLES` random w."""
    z = seeded_z(SAMPLES, generator.architecture.z_dim, seed).to(generator.mapping.w_avg)
    w = generator.mapping(z, mean_label(generator, SAMPLES))[:, 0].double()
    variances, directions = torch.linalg.eigh(torch.cov(w.T))
    scales = variances.clamp(min=_LEAST_VARIANCE * variances.max()).sqrt()
    like = generator.mapping.w_avg
    return Prior(w.mean(dim=0).to(like), (directions / scales).to(like))
