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

SWAP_PX = 16
"""Where a blend of two models passes from the first to the second, at their finest resolution in smaller ones; what is
added to a model is added to all of it."""


def resolution_shares(architecture: Architecture, settings: BlendSettings, added: bool = False) -> dict[int, float]:
    """Return the share of the second model in the block of each resolution.

    Args:
        architecture: of the models.
        settings: shares.
        added: whether the second model's change is added, from a base.

    Raises:
        StyleAlignError: a schedule that leaves out a resolution, or it or `swap_px` names one the model does not have.
    """
    resolutions = architecture.resolutions
    if settings.schedule is not None:
        if set(settings.schedule) != set(resolutions):
            raise StyleAlignError(
                f"schedule: must name the model's resolutions {', '.join(map(str, resolutions))}, "
                f"not {', '.join(map(str, sorted(settings.schedule)))}"
            )
        return {resolution: settings.schedule[resolution] for resolution in resolutions}
    if settings.swap_px is not None and settings.swap_px not in resolutions:
        raise StyleAlignError(f"swap_px {settings.swap_px}: must be one of {', '.join(map(str, resolutions))}")
    swap_px = settings.swap_px or (resolutions[0] if added else min(SWAP_PX, resolutions[-1]))
    return {resolution: _share(resolution, settings, swap_px) for resolution in resolutions}


def mapping_share(settings: BlendSettings, added: bool = False) -> float:
    """Return the share of the second model in the mapping network."""
    return settings.mapping if settings.mapping is not None else settings.amount * added


def _share(resolution: int, settings: BlendSettings, swap_px: int) -> float:
    octaves = math.log2(resolution / swap_px)
    if settings.width_octaves == 0:
        return settings.amount * float(octaves >= 0)
    return settings.amount * min(1.0, max(0.0, (octaves + 0.5) / settings.width_octaves + 0.5))


@torch.no_grad()
def blend(
    first: Generator,
    second: Generator,
    settings: BlendSettings,
    base: Generator | None = None,
    into: Generator | None = None,
) -> Generator:
    """Return a generator with the weights ``first + share (second - base)``, share by share of `resolution_shares`.

    Without a base it is `first`: the weights go from the first model to the second, and beyond it for shares above 1.
    With the parent of both as base the second's change is added to the first (task arithmetic: Ilharco et al. 2023,
    arXiv 2212.04089). The mapping network and w_avg move by `mapping_share`. The models stay as they are.

    Args:
        first, second: models of one architecture.
        settings: shares.
        base: the parent of both; None: `first`.
        into: what an earlier call of the same `first` returned, to be overwritten: a copy of the model less.
    """
    shares = resolution_shares(first.architecture, settings, base is not None)
    blended = copy.deepcopy(first) if into is None else into
    origin = first if base is None else base
    parts = [(model.mapping, *model.synthesis.blocks) for model in (blended, first, second, origin)]
    amounts = [mapping_share(settings, base is not None), *(shares[px] for px in first.architecture.resolutions)]
    for part, own, end, start, share in zip(*parts, amounts, strict=True):
        _move(part, own, end, start, share)
    return blended


def _move(part: nn.Module, own: nn.Module, end: nn.Module, start: nn.Module, share: float) -> None:
    """Give a module the weights ``own + share (end - start)``; share 1 from itself is exactly the end."""
    own_state, start_state, end_state = own.state_dict(), start.state_dict(), end.state_dict()
    for name, tensor in part.state_dict().items():
        if own is start or torch.equal(own_state[name], start_state[name]):
            torch.lerp(start_state[name], end_state[name], share, out=tensor)
        else:
            torch.add(own_state[name], end_state[name] - start_state[name], alpha=share, out=tensor)
