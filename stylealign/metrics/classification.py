"""How well scores tell two kinds of images apart: accuracy, and the area under the ROC curve."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def auc(scores: Array, labels: NDArray[np.bool_], weights: Array) -> Array:
    """Return the area under the ROC curve: the chance that a positive has a higher score than a negative.

    Equal scores count half (Mann and Whitney 1947).

    Args:
        scores: `[N]`.
        labels: `[N]`.
        weights: `[B, N]`: how often each image counts.

    Returns:
        `[B]`, NaN where one side has no weight.
    """
    order = np.argsort(scores, kind="stable")
    ranked, sides, weights = scores[order], labels[order], weights[:, order]
    starts = np.flatnonzero(np.r_[True, np.diff(ranked) > 0])
    positive = np.add.reduceat(weights * sides, starts, axis=1)
    negative = np.add.reduceat(weights * ~sides, starts, axis=1)
    below = np.cumsum(negative, axis=1) - negative
    pairs = positive.sum(axis=1) * negative.sum(axis=1)
    won = (positive * (below + negative / 2)).sum(axis=1)
    return np.divide(won, pairs, out=np.full(len(weights), np.nan), where=pairs > 0)


@dataclass(frozen=True, eq=False)
class Area:
    """A weighted mean of the areas under the ROC curves of several scores of the same images, which can be resampled.

    Attributes:
        scores: `[N, V]`.
        labels: `[N, V]` bool.
        known: `[N, V]` bool: of which images the label counts.
        weights: `[V]`: how much each area counts.
    """

    scores: Array
    labels: NDArray[np.bool_]
    known: NDArray[np.bool_]
    weights: Array

    @property
    def count(self) -> int:
        """Number of images."""
        return len(self.scores)

    @property
    def kind(self) -> Hashable:
        """What two scores must have alike to be compared."""
        return self.scores.shape, *self.weights

    @property
    def value(self) -> float:
        """The mean area of all images."""
        return float(self._mean(np.ones((1, self.count)))[0])

    def resampled(self, drawn: Sequence[Array]) -> tuple[float, Array]:
        """Return the mean area, and that of each draw of images, `[B]`, by their weights `[b, N]`."""
        return self.value, np.concatenate([self._mean(weights) for weights in drawn])

    def _mean(self, weights: Array) -> Array:
        columns = zip(self.scores.T, self.labels.T, self.known.T, strict=True)
        areas = [auc(scores, labels, weights * known) for scores, labels, known in columns]
        return np.average(areas, axis=0, weights=self.weights)
