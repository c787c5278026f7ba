"""Per-image noise maps during a projection (Karras et al. 2020, arXiv 1912.04958, appendix D).

Optimised along with the code, the maps take up detail that no code can express; kept white, they cannot take up more.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from stylealign.networks.synthesis import SynthesisNetwork

_SMALLEST = 8
"""The auto-correlation is measured from each map's size down to this many pixels."""


def noise_shapes_in_use(synthesis: SynthesisNetwork) -> dict[str, tuple[int, int]]:
    """Return height and width of the noise maps by layer name, without those whose strength is 0: they draw nothing."""
    strengths = {
        f"b{block.resolution}.{name}": layer.noise_strength
        for block in synthesis.blocks
        for name, layer in block.layers.items()
    }
    return {name: shape for name, shape in synthesis.noise_shapes.items() if strengths[name] != 0}


def draw_noise_maps(shapes: Mapping[str, tuple[int, int]], randoms: Sequence[np.random.Generator]) -> dict[str, Tensor]:
    """Return white noise maps by layer name, `[N, 1, r, r]` float32: the n-th of each from the n-th random stream."""
    return {
        name: torch.from_numpy(np.stack([random.standard_normal((1, *shape), dtype=np.float32) for random in randoms]))
        for name, shape in shapes.items()
    }


def autocorrelation(maps: Mapping[str, Tensor]) -> Tensor | float:
    """Return how far the maps are from white, `[N]` (0 without maps): the regulariser of appendix D.

    For each map and each of its half-size versions down to 8 px, the squared mean product of neighbours, along
    both axes (wrapping around). Halving averages 2x2 pixels and doubles the result, which keeps unit variance.
    """
    total: list[Tensor] = []
    for noise in maps.values():
        while True:
            for axis in (2, 3):
                total.append((noise * noise.roll(1, dims=axis)).mean(dim=(1, 2, 3)).square())
            if noise.shape[-1] <= _SMALLEST:
                break
            noise = F.avg_pool2d(noise, 2) * 2
    return torch.stack(total).sum(dim=0) if total else 0.0


@torch.no_grad()
def renormalize(maps: Mapping[str, Tensor]) -> None:
    """Bring every map back to zero mean and unit variance, in place."""
    for noise in maps.values():
        noise -= noise.mean(dim=(1, 2, 3), keepdim=True)
        noise *= noise.square().mean(dim=(1, 2, 3), keepdim=True).rsqrt()
