"""Blending of whole models: the layers of one resolution from one model, those of another from its sibling.

Pinkney and Adler 2020, "Resolution Dependent GAN Interpolation" (arXiv 2010.05334): coarse blocks decide pose and
shape, fine ones texture and colour, so a swap takes the shapes of one domain and the looks of the other.
"""

import copy
import math

import torch
from torch import nn

from stylealign.config import BlendSettings
from stylealign.errors import StyleAlignError
from stylealign.networks.architecture import Architecture
from stylealign.networks.generator import Generator


def resolution_shares(architecture: Architecture, settings: BlendSettings) -> dict[int, float]:
    """Return the share of the second model in the block of each resolution.

    Raises:
        StyleAlignError: a schedule that leaves out a resolution, or names one the model does not have.
    """
    resolutions = architecture.resolutions
    if settings.schedule is not None:
        if set(settings.schedule) != set(resolutions):
            raise StyleAlignError(
                f"schedule: must name the model's resolutions {', '.join(map(str, resolutions))}, "
                f"not {', '.join(map(str, sorted(settings.schedule)))}"
            )
        return {resolution: settings.schedule[resolution] for resolution in resolutions}
    return {resolution: _share(resolution, settings) for resolution in resolutions}


def _share(resolution: int, settings: BlendSettings) -> float:
    octaves = math.log2(resolution / settings.swap_px)
    if settings.width_octaves == 0:
        return float(octaves >= 0)
    return min(1.0, max(0.0, (octaves + 0.5) / settings.width_octaves + 0.5))


@torch.no_grad()
def blend(first: Generator, second: Generator, settings: BlendSettings) -> Generator:
    """Return a generator with the weights ``first + share (second - first)``, share by share of `resolution_shares`.

    The mapping network and w_avg move by `settings.mapping`. Both models stay as they are.
    """
    shares = resolution_shares(first.architecture, settings)
    blended = copy.deepcopy(first)
    parts: list[tuple[nn.Module, nn.Module, nn.Module, float]] = [
        (blended.mapping, first.mapping, second.mapping, settings.mapping)
    ]
    for block, one, other in zip(
        blended.synthesis.blocks, first.synthesis.blocks, second.synthesis.blocks, strict=True
    ):
        parts.append((block, one, other, shares[block.resolution]))
    for part, start, end, share in parts:
        _set_between(part, start, end, share)
    return blended


def _set_between(part: nn.Module, start: nn.Module, end: nn.Module, share: float) -> None:
    """Write the weights at `share` between two modules into a third, in place."""
    start_state, end_state = start.state_dict(), end.state_dict()
    for name, tensor in part.state_dict().items():
        torch.lerp(start_state[name], end_state[name], share, out=tensor)
