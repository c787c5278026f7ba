"""Edits: codes moved along directions, drawn by a model and by its aligned relatives."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stylealign.applications.translation import draw
from stylealign.latents.directions import Directions, moved
from stylealign.networks.generator import Generator
from stylealign.sampling import images_per_batch

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Relative:
    """A model of a family, under the name that its images get."""

    name: str
    generator: Generator


@dataclass(frozen=True, eq=False)
class Move:
    """Directions that are gone along together, each `factors` times as far as the strength says."""

    name: str
    parts: Sequence[Directions]
    """One direction each; they may be of several spaces."""
    factors: Sequence[float]

    def at(self, codes: Tensor, strength: float, generator: Generator) -> Tensor:
        """Return codes moved by a strength, for this generator."""
        for part, factor in zip(self.parts, self.factors, strict=True):
            codes = moved(codes, part, [strength * factor], generator.synthesis)
        return codes


CodesOf = Callable[[Generator], Tensor]
"""From a generator to the ws or styles of the codes: z goes through the mapping of each."""


@torch.inference_mode()
def edited(codes: CodesOf, move: Move, strengths: Sequence[float], relative: Relative) -> Pixels:
    """Return the images `[N, T, 3, r, r]` uint8 of N codes at T strengths.

    Args:
        codes: from a generator to the ws or styles of N codes in it.
        move: the directions, of the family of the model.
        strengths: in standard deviations of the model's samples; 0 is the image itself.
        relative: the model that draws.
    """
    generator = relative.generator
    given = codes(generator)
    batch = images_per_batch(generator.architecture.resolution)
    columns = []
    for strength in strengths:
        parts = [draw(generator, move.at(part, strength, generator)) for part in given.split(batch)]
        columns.append(np.concatenate(parts))
    return np.stack(columns, axis=1)


def sweep(strengths: Sequence[float], frames: int) -> list[float]:
    """Return the strengths of a video's frames: from the lowest to the highest."""
    return np.linspace(min(strengths), max(strengths), frames).tolist()


def frames(
    codes: CodesOf, moves: Sequence[Move], strengths: Sequence[float], relatives: Sequence[Relative]
) -> Iterator[Pixels]:
    """Yield frames `[N * M, 3, r, r]` of a video: N codes, each in all M models, one move behind another."""
    for move in moves:
        for strength in strengths:
            seen = np.stack([edited(codes, move, [strength], relative)[:, 0] for relative in relatives], axis=1)
            yield seen.reshape(-1, *seen.shape[2:])
