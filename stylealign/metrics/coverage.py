"""Whether a generator covers its domain: the spread of its poses, and how often each attribute's values occur."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from stylealign.metrics.bootstrap import Estimate, spread_ratio_estimates
from stylealign.metrics.structure import POSE_NAMES
from stylealign.streams import numpy_stream

Choices = Mapping[str, NDArray[np.int64]]
"""Attribute -> `[N]` indices into its values."""


@dataclasses.dataclass(frozen=True)
class Seen:
    """What the networks of a domain see in a set of images.

    Attributes:
        names: names of the numbers.
        numbers: `[N, V]`.
        attributes: value of each attribute in each image.
    """

    names: tuple[str, ...]

    numbers: NDArray[np.float32]
    attributes: Choices


def spreads_of(
    names: Sequence[str], numbers: NDArray[np.float32], real: NDArray[np.float32], draws: int, seed: int
) -> dict[str, Estimate]:
    """Return by metric the spread of the numbers that the tables know over that in real images.

    Args:
        names: names of the columns.
        numbers, real: `[N, V]` and `[M, V]`.
        draws, seed: bootstrap over images.
    """
    known = [name for name in names if name in POSE_NAMES]
    columns = [names.index(name) for name in known]
    ours, theirs = (np.ascontiguousarray(values[:, columns]) for values in (numbers, real))
    spreads = spread_ratio_estimates(ours, theirs, draws, seed)
    return {f"{POSE_NAMES[name]}_spread": spread for name, spread in zip(known, spreads, strict=True)}


def attribute_skill(predicted: NDArray[np.int64], truth: NDArray[np.int64]) -> float:
    """Return the share of what lies between guessing the commonest value and no error: 1 without error.

    Args:
        predicted, truth: `[N]` indices into the attribute's values; a true value that is not known is negative.

    Returns:
        0 where no true value is known.
    """
    predicted, truth = predicted[truth >= 0], truth[truth >= 0]
    if len(truth) == 0:
        return 0.0
    guessed = float(np.bincount(truth).max() / len(truth))
    accuracy = float((predicted == truth).mean())
    return (accuracy - guessed) / (1 - guessed) if guessed < 1 else 0.0


def total_variation(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Return half the sum of absolute differences of two frequency vectors `[V]`: 0 if equal, 1 if disjoint."""
    return float(np.abs(one - other).sum() / 2)


def chance_distance(frequencies: NDArray[np.float64], one: int, other: int, draws: int, seed: int) -> float:
    """Return the mean total variation between draws of `one` and of `other` images from the same frequencies `[V]`."""
    random = numpy_stream("chance", seed)
    drawn = [random.multinomial(size, frequencies, size=draws) / size for size in (one, other)]
    return float(np.abs(drawn[0] - drawn[1]).sum(axis=1).mean() / 2)


def frequencies(chosen: NDArray[np.int64], values: int) -> NDArray[np.float64]:
    """Return how often each of so many values occurs in `[N]` indices, as shares `[V]`."""
    return np.bincount(chosen, minlength=values) / len(chosen)


def mean(values: list[float] | list[bool]) -> float:
    """Return the mean; NaN of none."""
    return float(np.mean(values)) if values else float("nan")
