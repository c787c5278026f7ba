"""How well scores tell two kinds of images apart: accuracy, and the area under the ROC curve."""

import numpy as np
from numpy.typing import NDArray

from stylealign.metrics.bootstrap import Estimate, resampled_estimate

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


def auc_estimate(
    scores: Array, labels: NDArray[np.bool_], draws: int, seed: int, other: Array | None = None
) -> Estimate:
    """Return the area under the ROC curve, less that of other scores if given, with its interval."""

    def measured(weights: Array) -> Array:
        own = auc(scores, labels, weights)
        return own if other is None else own - auc(other, labels, weights)

    return resampled_estimate(measured, len(scores), draws, seed)
