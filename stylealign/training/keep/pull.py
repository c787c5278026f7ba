"""Weights pulled back towards the parent after training, resolution by resolution, as far as quality allows.

A swap of layers takes the coarse ones of the parent (Pinkney and Adler 2020, arXiv 2010.05334). Here the share of the
parent is chosen for each resolution: the largest that a measured FID allows.
"""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import nn

from stylealign.networks.generator import Generator


def places_of(generator: Generator) -> dict[str, nn.Module]:
    """Return what is pulled by itself: the mapping network, and the layers of each resolution from 4 px up."""
    return {"mapping": generator.mapping} | {f"{block.resolution}px": block for block in generator.synthesis.blocks}


@dataclass(frozen=True)
class Pulled:
    """A child with its weights pulled towards its parent's."""

    generator: Generator
    shares: dict[str, float]
    """The parent's share at each place."""
    fid: float
    limit: float
    """The most that the FID may be."""


def pulled(
    child: Generator, parent: Generator, fid_of: Callable[[Generator], float], tolerance: float, shares: Sequence[float]
) -> Pulled:
    """Return a child with its weights pulled towards its parent's, and how far.

    One place after another takes the largest share with which the FID stays within the limit; the places before it
    keep theirs.

    Args:
        child, parent: averaged generators of one architecture; both stay as they are.
        fid_of: measures a generator, with the same latents at every call.
        tolerance: share of the child's FID by which it may rise in all.
        shares: shares of the parent to try, in (0, 1].
    """
    fid = fid_of(child)
    limit = fid * (1 + tolerance)
    found, chosen = copy.deepcopy(child), dict[str, float]()
    starts, ends = places_of(child), places_of(parent)
    for name, place in places_of(found).items():
        for share in (*sorted(shares, reverse=True), 0.0):
            _set_between(place, starts[name], ends[name], share)
            chosen[name] = share
            if share == 0.0:
                break
            measured = fid_of(found)
            if measured <= limit:
                fid = measured
                break
    return Pulled(found, chosen, fid, limit)


def between(child: Generator, parent: Generator, shares: Mapping[str, float]) -> Generator:
    """Return a child with these shares of its parent's weights at each place; both stay as they are."""
    found = copy.deepcopy(child)
    starts, ends = places_of(child), places_of(parent)
    for name, place in places_of(found).items():
        _set_between(place, starts[name], ends[name], shares[name])
    return found


@torch.no_grad()
def _set_between(place: nn.Module, start: nn.Module, end: nn.Module, share: float) -> None:
    """Write the weights at `share` of the way between two modules into a third, in place."""
    first, last = start.state_dict(), end.state_dict()
    for name, tensor in place.state_dict().items():
        tensor.copy_(torch.lerp(first[name], last[name], share))
