"""Which directions a child has silenced, and which of them work again after it was fine-tuned back.

StyleAlign, section 4: what a child seems to have forgotten, attributes that its domain lacks, comes back when it is
fine-tuned to the parent's domain again. The shares below are this project's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from stylealign.metrics.effects import Effects, See

Array = NDArray[np.float64]

LEAST_EFFECT = 0.5
"""Change in the parent, in spreads of its samples, that a direction needs to be one that can go silent."""
SILENT = 0.25
"""Share of its effect in the parent, with either sign, that a direction has at most in a child where it is silent."""
BACK = 0.5
"""Share of its effect in the parent, with its sign, that a direction has at least where it works again."""
FEATURES = "features"
"""Number that stands for all others where nothing sees numbers: the change of the features along the parent's."""


@dataclass(frozen=True)
class Course:
    """Mean effects of one direction: in the parent, in the child, and in what was fine-tuned from it."""

    before: float
    between: float
    after: float

    @property
    def is_asked(self) -> bool:
        """Return whether the direction does enough in the parent to be missed."""
        return abs(self.before) >= LEAST_EFFECT

    @property
    def is_silent(self) -> bool:
        """Return whether it has gone silent in the child."""
        return self.is_asked and abs(self.between) <= SILENT * abs(self.before)

    @property
    def is_back(self) -> bool:
        """Return whether it had gone silent and works again."""
        return self.is_silent and self.after * np.sign(self.before) >= BACK * abs(self.before)


@dataclass(frozen=True)
class Trio:
    """Effects of the same K directions in the parent, in its child, and in what was fine-tuned from that.

    Attributes:
        before, between, after: their effects.
        targets: `[K]`: the number that each is about, empty for none.
        spreads: spread of each number over the parent's samples.
    """

    before: Effects
    between: Effects
    after: Effects
    targets: Sequence[str]
    spreads: Mapping[str, float]

    def changes(self, place: int) -> tuple[Array, Array, Array]:
        """Return the changes of what a direction is about, in spreads, `[N]` by latent in each of the three."""
        target = self.targets[place]
        before, between, after = (
            made.numbers[target][place] / self.spreads[target] for made in (self.before, self.between, self.after)
        )
        return before, between, after

    def courses(self) -> list[Course | None]:
        """Return the mean effects of each direction, None for one that is about nothing."""
        return [
            Course(*(float(values.mean()) for values in self.changes(place))) if target else None
            for place, target in enumerate(self.targets)
        ]


def projections(changes: NDArray[np.float32], parents: NDArray[np.float32]) -> Array:
    """Return how far features `[K, N, F]` change along the parent's change, as a share of it, `[K, N]`.

    1 for the parent itself, 0 where the change is at right angles to the parent's, or the parent's is none.
    """
    own = parents.astype(np.float64)
    product, square = (changes * own).sum(axis=2), (own * own).sum(axis=2)
    return np.divide(product, square, out=np.zeros_like(square), where=square > 0)


def with_features(effects: Effects, parent: Effects) -> Effects:
    """Return effects whose only number is the features' change along the parent's."""
    return replace(effects, numbers={FEATURES: projections(effects.features, parent.features)})


def one_or_other(names: Sequence[str], first: See, others: See) -> See:
    """Return what sees some numbers by one function, and the rest of another's numbers by that.

    Args:
        names: numbers of `first`.
        first, others: see numbers in images.
    """

    def see(images: NDArray[np.uint8]) -> Mapping[str, Array]:
        found = first(images)
        return {**others(images), **{name: found[name] for name in names}}

    return see
