"""Anchors: what a child shows of a latent is held near what its frozen parent shows of the same latent."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from stylealign.config import KeepSettings
from stylealign.config.keeping import (
    CodeMethod,
    DistancesMethod,
    FeaturesMethod,
    KeepMethod,
    LayoutMethod,
    PerceptualMethod,
    RgbMethod,
    SimilarityMethod,
)
from stylealign.errors import StyleAlignError
from stylealign.metrics.perceptual import PerceptualDistance, perceptual_distance
from stylealign.networks.architecture import Architecture
from stylealign.networks.encoder import Encoder
from stylealign.training.keep.losses import (
    distance_consistency,
    edges,
    luminance,
    prepared,
    similarity_difference,
    squared_difference,
)
from stylealign.training.keep.views import View, Wanted

PERCEPTUAL = "efficientnet-lite0"
"""The perceptual network; its weights come as a package."""


class Anchor(Protocol):
    """One way to compare views."""

    @property
    def method(self) -> KeepMethod:
        """How strong."""

    @property
    def wanted(self) -> Wanted:
        """What it looks at, in child and parent."""

    def loss(self, child: View, parent: View) -> Tensor:
        """Return the distance of each image, `[N]`; 0 for equal views."""


@dataclass(frozen=True)
class _OfFeatures:
    """What looks at features of some resolutions."""

    method: FeaturesMethod | SimilarityMethod | DistancesMethod

    @property
    def wanted(self) -> Wanted:
        return Wanted(features=frozenset(self.method.resolutions_px))


@dataclass(frozen=True)
class FeatureAnchor(_OfFeatures):
    """Features of some resolutions, low-passed (Lee et al. 2022, arXiv 2204.14079, compares them as they are)."""

    method: FeaturesMethod

    def loss(self, child: View, parent: View) -> Tensor:
        pairs = _pairs(child.features, parent.features, self.method.resolutions_px)
        return _mean(squared_difference(*_both(pair, self.method.lowpass_px, self.method.normalise)) for pair in pairs)


@dataclass(frozen=True)
class RgbAnchor:
    """RGB outputs of the low resolutions: the structure loss of Back 2021 (arXiv 2106.12445)."""

    method: RgbMethod

    @property
    def wanted(self) -> Wanted:
        return Wanted(rgb=frozenset(self.method.resolutions_px))

    def loss(self, child: View, parent: View) -> Tensor:
        pairs = _pairs(child.rgb, parent.rgb, self.method.resolutions_px)
        return _mean(squared_difference(*_both(pair, pair[0].shape[-1], self.method.normalise)) for pair in pairs)


@dataclass(frozen=True)
class SimilarityAnchor(_OfFeatures):
    """Which positions of an image are alike (Xiao et al. 2022, arXiv 2203.04121, self-correlation consistency)."""

    method: SimilarityMethod

    def loss(self, child: View, parent: View) -> Tensor:
        pairs = _pairs(child.features, parent.features, self.method.resolutions_px)
        return _mean(
            similarity_difference(*_both(pair, self.method.lowpass_px, self.method.normalise)) for pair in pairs
        )


@dataclass(frozen=True)
class DistancesAnchor(_OfFeatures):
    """Which images of a batch are alike (Ojha et al. 2021, arXiv 2104.06820, cross-domain distance consistency)."""

    method: DistancesMethod
    group_size: int

    def loss(self, child: View, parent: View) -> Tensor:
        pairs = _pairs(child.features, parent.features, self.method.resolutions_px)
        both = (_both(pair, pair[0].shape[-1], self.method.normalise) for pair in pairs)
        return _mean(distance_consistency(*pair, self.group_size) for pair in both)


@dataclass(frozen=True)
class LayoutAnchor:
    """Outlines or luminance on a coarse grid (low frequencies as layout: Choi et al. 2021, arXiv 2108.02938)."""

    method: LayoutMethod

    @property
    def wanted(self) -> Wanted:
        return Wanted(image=True)

    def loss(self, child: View, parent: View) -> Tensor:
        of = edges if self.method.of == "edges" else luminance
        maps = (of(child.image), of(parent.image))
        return squared_difference(*_both(maps, self.method.lowpass_px, self.method.normalise))


@dataclass(frozen=True)
class PerceptualAnchor:
    """Middle features of a perceptual network (Johnson et al. 2016, arXiv 1603.08155, feature reconstruction)."""

    method: PerceptualMethod
    network: PerceptualDistance

    @property
    def wanted(self) -> Wanted:
        return Wanted(image=True)

    def loss(self, child: View, parent: View) -> Tensor:
        own, other = (self.network.activations(each.image.clamp(-1, 1)) for each in (child, parent))
        pairs = _pairs(own, other, self.method.layers)
        return _mean(squared_difference(*_both(p, p[0].shape[-1], self.method.normalise)) for p in pairs)


@dataclass(frozen=True)
class CodeAnchor:
    """The w that an encoder of the parent reads back from the image (Zhu et al. 2017, arXiv 1711.11586, cLR-GAN).

    It is compared with what the encoder reads in the parent's image, not with the w that this was drawn from: an
    encoder's own error is no fault of the child.
    """

    method: CodeMethod
    encoder: Encoder

    @property
    def wanted(self) -> Wanted:
        return Wanted(image=True)

    def loss(self, child: View, parent: View) -> Tensor:
        layers = 2 * int(math.log2(self.method.to_px)) - 3  # the convolutions up to there
        own, other = (self.encoder(each.image)[:, :layers] for each in (child, parent))
        return squared_difference(own / self.encoder.w_std, other / self.encoder.w_std)


def anchors(
    settings: KeepSettings, architecture: Architecture, like: Tensor, encoder: Encoder | None = None
) -> dict[str, Anchor]:
    """Return the anchors that are on, by the name of their settings.

    Args:
        settings: ways to keep.
        architecture: of child and parent.
        like: a weight; the networks that compare go to its device and precision.
        encoder: reads a w from an image of the parent.

    Raises:
        StyleAlignError: a resolution that the model does not have, or no encoder where one is needed.
    """
    s, found = settings, dict[str, Anchor]()
    if s.features.weight:
        found["features"] = FeatureAnchor(s.features)
    if s.rgb.weight:
        found["rgb"] = RgbAnchor(s.rgb)
    if s.similarity.weight:
        found["similarity"] = SimilarityAnchor(s.similarity)
    if s.distances.weight:
        if architecture.mbstd_group_size is not None and architecture.mbstd_group_size < 3:
            raise StyleAlignError("keep.distances: compares groups of three images or more; raise mbstd_group_size")
        found["distances"] = DistancesAnchor(s.distances, architecture.mbstd_group_size or 2**31)
    if s.layout.weight:
        found["layout"] = LayoutAnchor(s.layout)
    if s.perceptual.weight:
        found["perceptual"] = PerceptualAnchor(s.perceptual, perceptual_distance(PERCEPTUAL).to(like))
    if s.code.weight:
        if encoder is None:
            raise StyleAlignError("keep.code: needs an encoder of the parent; make one with stylealign encoder")
        found["code"] = CodeAnchor(s.code, encoder.to(like))
    for name, anchor in found.items():
        missing = sorted((anchor.wanted.features | anchor.wanted.rgb) - set(architecture.resolutions))
        if missing:
            known = ", ".join(map(str, architecture.resolutions))
            raise StyleAlignError(f"keep.{name}.resolutions_px: the model has no {missing[0]} px; it has {known}")
    return found


def _pairs(
    child: Mapping[int, Tensor] | Sequence[Tensor],
    parent: Mapping[int, Tensor] | Sequence[Tensor],
    places: Iterable[int],
) -> list[tuple[Tensor, Tensor]]:
    """Return what is compared, of child and parent, at each resolution or layer."""
    return [(child[place], parent[place]) for place in places]


def _both(pair: tuple[Tensor, Tensor], lowpass_px: int, normalise: bool) -> tuple[Tensor, Tensor]:
    return prepared(pair[0], lowpass_px, normalise), prepared(pair[1], lowpass_px, normalise)


def _mean(losses: Iterable[Tensor]) -> Tensor:
    return torch.stack(list(losses)).mean(dim=0)
