"""Morphs between aligned models: latent code and network weights move together (StyleAlign, section 5).

One frame is in memory at a time: the weights of the frame are written in place over a working copy of the generator.
"""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stylealign.config import MorphPath, Space
from stylealign.latents.interpolation import interpolate
from stylealign.latents.spaces import space_of
from stylealign.networks.generator import Generator
from stylealign.sampling import mean_label

JOINT, EVEN, CODES_ONLY, WEIGHTS_ONLY, CROSS_FADE = (
    "codes+weights",
    "codes+weights even",
    "codes-only",
    "weights-only",
    "cross-fade",
)
METHODS = (JOINT, EVEN, CODES_ONLY, WEIGHTS_ONLY, CROSS_FADE)

Position = tuple[float, float]
"""How far the code and the weights have moved, each in [0, 1]."""


def _smoothstep(t: float) -> float:
    return t * t * (3 - 2 * t)


PATHS: dict[MorphPath, Callable[[float], Position]] = {
    "linear": lambda t: (t, t),
    "eased": lambda t: (_smoothstep(t), _smoothstep(t)),
    "weights-first": lambda t: (max(0.0, 2 * t - 1), min(1.0, 2 * t)),
    "codes-first": lambda t: (min(1.0, 2 * t), max(0.0, 2 * t - 1)),
}


class WeightPath:
    """A generator whose weights lie on the line between two generators' weights.

    Args:
        start: generator at 0.
        end: generator of the same architecture, at 1.
    """

    def __init__(self, start: Generator, end: Generator) -> None:
        self.start, self.end = start.state_dict(), end.state_dict()
        shapes = [{name: tensor.shape for name, tensor in state.items()} for state in (self.start, self.end)]
        assert shapes[0] == shapes[1], "a morph needs two generators of one architecture"
        self.generator = copy.deepcopy(start).eval().requires_grad_(False)
        self._working = self.generator.state_dict()

    @torch.no_grad()
    def at(self, t: float) -> Generator:
        """Return the generator at `t` in [0, 1]; the next call overwrites it."""
        for name, tensor in self._working.items():
            torch.lerp(self.start[name], self.end[name], t, out=tensor)
        return self.generator


@dataclass
class Morph:
    """Morphs of N images from a source code in one model to a target code in another."""

    weights: WeightPath
    source_codes: Tensor
    """`[N, *shape]`, codes of the model at 0."""
    target_codes: Tensor
    """`[N, *shape]`, codes of the model at 1."""
    space: Space
    truncation_psi: float = 1.0
    """Truncation of Z and Z+ codes."""

    def __len__(self) -> int:
        return len(self.source_codes)

    @torch.inference_mode()
    def images(self, position: Position, which: slice = slice(None)) -> Tensor:
        """Return the frame at `position`, `[N, 3, r, r]` float32 clamped to [-1, 1], of the images `which`."""
        code_t, weight_t = position
        generator = self.weights.at(weight_t)
        codes = interpolate(self.source_codes[which], self.target_codes[which], code_t, self.space)
        label = mean_label(generator, len(codes))
        ws = space_of(self.space).to_ws(codes, generator, self.truncation_psi, label)
        return generator.synthesis(ws).clamp(-1, 1)

    def frames(self, path: Callable[[float], Position], times: NDArray[np.float64]) -> Iterator[Tensor]:
        """Yield the frames `[N, 3, r, r]` at `times`, `[T]` or, for each image its own, `[T, N]`."""
        for row in times:
            if np.ndim(row) == 0:
                yield self.images(path(float(row)))
            else:
                yield torch.cat([self.images(path(float(t)), slice(index, index + 1)) for index, t in enumerate(row)])

    def middle(self, positions: dict[str, Position], batch: int) -> Iterator[tuple[str, Tensor]]:
        """Yield the one frame half-way of every morph, method by method, in batches `[B, 3, r, r]`.

        Args:
            positions: what `middle_positions` returned; `CROSS_FADE` is added.
            batch: images drawn at once.
        """
        parts = [slice(start, start + batch) for start in range(0, len(self), batch)]
        for method, position in positions.items():
            for part in parts:
                yield method, self.images(position, part)
        for part in parts:
            yield CROSS_FADE, torch.lerp(self.images((0.0, 0.0), part), self.images((1.0, 1.0), part), 0.5)

    def cross_fade(self, times: NDArray[np.float64]) -> Iterator[Tensor]:
        """Yield pixel-wise blends of the two ends, the naive baseline, `[N, 3, r, r]` at `times [T]`."""
        start, end = self.images((0.0, 0.0)), self.images((1.0, 1.0))
        for t in times:
            yield torch.lerp(start, end, float(t))


def middle_positions(path: Callable[[float], Position], even_times: NDArray[np.float64]) -> dict[str, Position]:
    """Return where each method that draws is half-way through its frames.

    Args:
        path: the morph's path.
        even_times: `[T]` or `[T, N]`, times of the frames of `EVEN`; images of other morphs take their mean.
    """
    code_t, weight_t = path(0.5)
    halfway = float(np.median(even_times, axis=0).mean())
    return {JOINT: (code_t, weight_t), EVEN: path(halfway), CODES_ONLY: (code_t, 0.0), WEIGHTS_ONLY: (0.0, weight_t)}


def linear_times(frames: int) -> NDArray[np.float64]:
    """Return `frames` evenly spaced times from 0 to 1."""
    return np.linspace(0.0, 1.0, frames)


def even_times(times: NDArray[np.float64], steps: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return times at which the perceptual steps of each image are more even.

    Each step measures the speed along the path: the new times divide its integral evenly. Called again with the steps
    at the new times, it converges.

    Args:
        times: `[T]` or `[T, N]`, the times that were measured, rising from 0 to 1.
        steps: `[T - 1, N]`, length of the step between consecutive frames of each image.

    Returns:
        `[T, N]`, rising from 0 to 1.
    """
    count, images = len(times), steps.shape[1]
    columns = np.broadcast_to(times.reshape(count, -1), (count, images))
    even = np.empty((count, images))
    for index in range(images):
        speed = steps[:, index].astype(np.float64)
        travelled = np.concatenate([[0.0], np.cumsum(speed + speed.mean() * 1e-3 + 1e-12)])
        even[:, index] = np.interp(np.linspace(0, travelled[-1], count), travelled, columns[:, index])
    even[0], even[-1] = 0.0, 1.0
    return even
