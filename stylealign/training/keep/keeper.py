"""The frozen parent beside a child in training, and the anchors between them."""

import copy

import torch
from torch import Tensor

from stylealign.config import KeepSettings
from stylealign.networks.encoder import Encoder
from stylealign.networks.generator import Generator
from stylealign.training.draws import Draws
from stylealign.training.keep.anchors import Anchor, anchors
from stylealign.training.keep.views import View, Wanted, view


class Keeper:
    """Anchors of one training. The parent is passed only while one of them has a strength, and as far as they look.

    Args:
        parent: averaged generator that the child starts from; copied where there is an anchor.
        settings: ways to keep.
        encoder: reads a w from an image of the parent.

    Raises:
        StyleAlignError: settings that do not fit the parent.
    """

    def __init__(self, parent: Generator, settings: KeepSettings, encoder: Encoder | None = None) -> None:
        self.anchors = anchors(settings, parent.architecture, parent.mapping.w_avg, encoder)
        self._parent = copy.deepcopy(parent).requires_grad_(False) if self.anchors else None

    def active(self, kimg: float) -> dict[str, tuple[Anchor, float]]:
        """Return the anchors that have a strength after `kimg` thousand images, with it."""
        strengths = ((name, anchor, anchor.method.strength(kimg)) for name, anchor in self.anchors.items())
        return {name: (anchor, strength) for name, anchor, strength in strengths if strength > 0}

    def losses(self, child: View, draws: Draws, active: dict[str, tuple[Anchor, float]]) -> dict[str, Tensor]:
        """Return the mean loss of each active anchor over the images that were drawn, before its strength.

        Args:
            child: its view, with its graph.
            draws: latents that it is of.
            active: what `active` returned.
        """
        if self._parent is None or not active:
            return {}
        looks = wanted(active)
        with torch.no_grad():
            parent = view(self._parent, draws, looks, whole=looks.image)
        return {name: anchor.loss(child, parent).mean() for name, (anchor, _) in active.items()}


def wanted(active: dict[str, tuple[Anchor, float]]) -> Wanted:
    """Return what the active anchors look at together."""
    looks = Wanted()
    for anchor, _ in active.values():
        looks = looks | anchor.wanted
    return looks
