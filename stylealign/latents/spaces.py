"""The latent spaces, one entry each: what a code looks like, where inversion starts, how a code becomes `ws`.

A further space is an entry in `SPACES`; the configuration, the verbs, the workflow and the report take it from there.
Imports no torch: the configuration names the spaces.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from stylealign.networks.architecture import Architecture
    from stylealign.networks.generator import Generator
    from stylealign.networks.synthesis import SynthesisNetwork


def _same(codes: Tensor, layers: int) -> Tensor:
    return codes


@dataclass(frozen=True)
class LatentSpace:
    """One latent space. A code is one vector, or as many as `vectors` says.

    Codes of a mapped space are z: they go through the mapping network, which truncates them and takes a label; they lie
    near a sphere; inversion starts from the closest of random ones. Codes of the others are w, or what the layers make
    of it: inversion starts at w_avg.

    Attributes:
        name: name in the configuration, in file names and in the tables.
        words: what a code is, for people.
        is_mapped: whether codes go through the mapping network.
        vectors: from the number of synthesis layers to the vectors of a code; None for codes that are one vector.
        to_layers: from codes of several vectors `[N, vectors, dim]` to one vector a layer `[N, layers, dim]`.
        from_ws: from ws `[N, layers, w_dim]` and the synthesis network to the codes closest to them, for the start of
            inversion and an encoder's; None: it has none.
        is_styles: whether a code is what the synthesis network makes of ws: the styles of all layers.
    """

    name: str
    words: str
    is_mapped: bool
    vectors: Callable[[int], int] | None = None
    to_layers: Callable[[Tensor, int], Tensor] = _same
    from_ws: Callable[[Tensor, SynthesisNetwork], Tensor] | None = None
    is_styles: bool = False

    @property
    def is_of_w(self) -> bool:
        """Whether a code is vectors of W."""
        return not self.is_mapped and not self.is_styles

    def shape(self, architecture: Architecture) -> tuple[int, ...]:
        """Return the shape of one code."""
        if self.is_styles:
            return (architecture.style_dim,)
        width = architecture.z_dim if self.is_mapped else architecture.w_dim
        return (width,) if self.vectors is None else (self.vectors(architecture.num_ws), width)

    def spread(self, vectors: Tensor, generator: Generator) -> Tensor:
        """Return the codes `[N, *shape]` all of whose vectors are `vectors [N, dim]`, z or w; or the styles of such."""
        if self.is_styles:
            return generator.synthesis.styles(vectors[:, None].expand(-1, generator.architecture.num_ws, -1))
        if self.vectors is None:
            return vectors
        return vectors[:, None].expand(-1, *self.shape(generator.architecture))

    def to_ws(
        self, codes: Tensor, generator: Generator, truncation_psi: float = 1.0, c: Tensor | None = None
    ) -> Tensor:
        """Return the `ws [N, num_ws, w_dim]` of codes `[N, *shape]`; of styles themselves, which the network takes too.

        Args:
            codes: codes of this space.
            generator: its mapping network takes codes of mapped spaces.
            truncation_psi: truncation of mapped codes; the others are used as they are.
            c: labels `[N, c_dim]` of a conditional model, for mapped codes.
        """
        layers = generator.architecture.num_ws
        if self.vectors is not None:
            codes = self.to_layers(codes, layers)
        if self.is_mapped:
            return generator.mapping(codes, c, truncation_psi)
        return codes if self.vectors is not None or self.is_styles else codes[:, None, :].expand(-1, layers, -1)


SPACES: tuple[LatentSpace, ...] = (
    LatentSpace("z", "one z", is_mapped=True),
    LatentSpace("z+", "one z per layer", is_mapped=True, vectors=lambda layers: layers),
    LatentSpace("w", "one w", is_mapped=False, from_ws=lambda ws, _: ws.mean(dim=1)),
    LatentSpace("w+", "one w per layer", is_mapped=False, vectors=lambda layers: layers, from_ws=lambda ws, _: ws),
    LatentSpace(
        "s",
        "one number per style channel",
        is_mapped=False,
        is_styles=True,
        from_ws=lambda ws, synthesis: synthesis.styles(ws),
    ),
)
"""Every space, the most detailed one last."""


def names() -> tuple[str, ...]:
    """Return the names of the spaces."""
    return tuple(space.name for space in SPACES)


def encoded() -> tuple[str, ...]:
    """Return the names of the spaces whose codes an encoder finds."""
    return tuple(space.name for space in SPACES if space.from_ws is not None)


def words() -> str:
    """Return what the codes of each space are, in one line."""
    return ", ".join(f"{space.name} {space.words}" for space in SPACES)


def space_of(name: str) -> LatentSpace:
    """Return the space of a name."""
    return next(space for space in SPACES if space.name == name)


def most_detailed(some: Iterable[str]) -> str:
    """Return the most detailed of some spaces, by name."""
    return max(some, key=names().index)
