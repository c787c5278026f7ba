"""A checkpoint as small as its samples allow: the averaged generator, in half precision where no sample changes."""

from collections.abc import Iterator, Set
from dataclasses import dataclass

import torch
from torch import Tensor

from stylealign.checkpoints.checkpoint import build
from stylealign.checkpoints.weights import AVERAGED, Weights
from stylealign.images import to_uint8
from stylealign.networks.generator import Generator
from stylealign.sampling import sample_latents
from stylealign.streams import seeded

MOST_LEVELS = 1
"""Of 255: a pixel between two levels may round to the other one. More is a sample that changed."""
OTHER_WAYS = ((0.5, "const"), (0.0, "const"), (1.0, "random"))
"""Truncation and noise of one image in `OF_SO_MANY`, drawn so too: w_avg and the strengths of noise are packed."""
OF_SO_MANY = 8


@dataclass(frozen=True)
class Change:
    """How far the samples of a packed model are from those of the model itself.

    Attributes:
        largest: largest change of a colour value, in levels of 255.
        mean: mean change of a colour value, in levels.
        pixels: share of the colour values that change at all.
    """

    largest: int
    mean: float
    pixels: float

    @property
    def is_none(self) -> bool:
        """Return whether no sample changes by more than the rounding of a pixel."""
        return self.largest <= MOST_LEVELS


def part_of(name: str) -> str:
    """Return the part of a generator that is stored in one precision: the mapping network, or a block."""
    return "mapping" if name.startswith("mapping.") else ".".join(name.split(".")[:2])


def halved(state: dict[str, Tensor], parts: Set[str]) -> dict[str, Tensor]:
    """Return a state dict with the tensors of some parts in half precision (float16)."""
    return {name: tensor.half() if part_of(name) in parts else tensor for name, tensor in state.items()}


def pack(weights: Weights, samples: int, seed: int = 0) -> tuple[Weights, tuple[str, ...], Change]:
    """Return the averaged generator alone, with as many parts in half precision as leave the samples as they are.

    All parts that half precision can hold are tried first; where samples change, the part that alone changes them most
    stays as it is, and so on.

    Args:
        weights: a whole checkpoint.
        samples: images, of latents that follow from `seed`, that are compared as 8-bit pixels; some of the latents are
            drawn in `OTHER_WAYS` too.
        seed: of the latents and the random noise.

    Returns:
        The weights, the parts in half precision, and the change that is left.
    """
    state = weights.networks[AVERAGED]
    bare = Weights(weights.architecture, {AVERAGED: state}, weights.info)
    before = list(_drawn(bare, samples, seed))

    def change(parts: Set[str]) -> Change:
        return _change(before, _drawn(_with_halves(bare, parts), samples, seed))

    names = list(dict.fromkeys(map(part_of, state)))
    parts = set(names) - {part_of(name) for name, tensor in state.items() if not tensor.half().isfinite().all()}
    found = change(parts)
    if not found.is_none:
        alone = {name: change({name}).mean for name in parts}
        for name in sorted(parts, key=lambda name: -alone[name]):
            parts.discard(name)
            found = change(parts)
            if found.is_none:
                break
    return _with_halves(bare, parts), tuple(name for name in names if name in parts), found


def _with_halves(weights: Weights, parts: Set[str]) -> Weights:
    return Weights(weights.architecture, {AVERAGED: halved(weights.networks[AVERAGED], parts)}, weights.info)


@torch.inference_mode()
def _drawn(weights: Weights, count: int, seed: int) -> Iterator[Tensor]:
    """Yield 8-bit samples `[B, 3, r, r]` as whoever reads the stored weights draws them: in single precision."""
    state = {name: tensor.float() for name, tensor in weights.networks[AVERAGED].items()}
    generator: Generator = build(Weights(weights.architecture, {AVERAGED: state}, {}), "").generator
    for z, c in sample_latents(generator, count, seed):
        ws = generator.mapping(z, c)
        yield to_uint8(generator.synthesis(ws))
        few = ws[::OF_SO_MANY]
        for psi, noise in OTHER_WAYS:
            with seeded("noise of packed samples", seed):
                drawn = generator.synthesis(generator.mapping.truncate(few, psi), noise_mode=noise)
            yield to_uint8(drawn)


def _change(before: list[Tensor], after: Iterator[Tensor]) -> Change:
    apart = torch.cat([(b.short() - a.short()).abs().flatten() for b, a in zip(before, after, strict=True)])
    return Change(int(apart.max()), apart.float().mean().item(), (apart > 0).float().mean().item())
