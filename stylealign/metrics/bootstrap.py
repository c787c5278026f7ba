"""95 % intervals by bootstrap over images."""

import dataclasses
from collections.abc import Hashable, Sequence
from functools import lru_cache
from typing import Protocol

import numpy as np

from stylealign.metrics.student import student_factor
from stylealign.streams import numpy_stream

_CHUNK = 64
_NORMAL = 1.96
"""97.5 % point of the normal distribution."""


@dataclasses.dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval (None where there is none) and the count it is made of."""

    value: float
    ci_low: float | None = None
    ci_high: float | None = None
    n: int | None = None

    @property
    def is_off_zero(self) -> bool:
        """Whether the interval leaves out 0; false where there is none."""
        return self.ci_low is not None and self.ci_high is not None and not self.ci_low <= 0 <= self.ci_high


def mean_estimate(values: np.ndarray, draws: int, seed: int) -> Estimate:
    """Return the mean of per-image values with its percentile bootstrap interval.

    Args:
        values: `[N]` one value an image; NaN marks an image without a value and is left out.
        draws: bootstrap draws.
        seed: seed of the draws.
    """
    values = np.asarray(values, dtype=np.float64)
    values = values[~np.isnan(values)]
    return ratio_estimate(values, np.ones_like(values), draws, seed)


def share_estimate(hits: np.ndarray) -> Estimate:
    """Return the share of `hits` `[N]` in {0, 1} with Wilson's interval, which has a width where all or none hit."""
    count, share = len(hits), float(np.mean(hits))
    z = 1.96**2 / count
    centre, half = (share + z / 2) / (1 + z), (z * share * (1 - share) + z**2 / 4) ** 0.5 / (1 + z)
    return Estimate(share, max(centre - half, 0.0), min(centre + half, 1.0), count)


def ratio_estimate(numerators: np.ndarray, denominators: np.ndarray, draws: int, seed: int) -> Estimate:
    """Return sum(numerators) / sum(denominators) over images, with its percentile bootstrap interval.

    Args:
        numerators, denominators: `[N]` one value an image.

    Returns:
        Estimate; its value is NaN where the denominators sum to 0 (or there are no images).
    """
    return ratio_estimates(numerators[:, None], denominators[:, None], draws, seed)[1]


def ratio_estimates(
    numerators: np.ndarray, denominators: np.ndarray, draws: int, seed: int
) -> tuple[list[Estimate], Estimate]:
    """Return sum(numerators) / sum(denominators) of each column, and the mean of these ratios, with intervals.

    All columns share the same bootstrap draws, so that the interval of the mean is right.

    Args:
        numerators, denominators: `[N, C]`.

    Returns:
        One estimate a column (NaN where its denominators sum to 0), and the mean over the columns that have a value.
    """
    count = len(numerators)
    if count == 0:
        empty = Estimate(float("nan"), n=0)
        return [empty] * numerators.shape[1], empty
    drawn = _weights(count, draws, seed)
    samples = np.concatenate([_ratio(weights @ numerators, weights @ denominators) for weights in drawn])
    return _columns_and_mean(_ratio(numerators.sum(axis=0), denominators.sum(axis=0)), samples, count)


def mean_difference(one: np.ndarray, other: np.ndarray, draws: int, seed: int) -> Estimate:
    """Return mean(one) - mean(other) of two methods on the same images, with the interval of the paired difference.

    What the methods share (an easy source, an odd latent) is in both and falls out: images are resampled together.

    Args:
        one, other: `[N]` one value an image, image by image; an image that is NaN in one of them is left out of both.
        draws, seed: bootstrap over images.
    """
    assert one.shape == other.shape, "paired values must have one shape"
    return mean_estimate(one.astype(np.float64) - other, draws, seed)


class Score(Protocol):
    """A score of images that can be resampled."""

    @property
    def count(self) -> int:
        """Number of images."""

    @property
    def kind(self) -> Hashable:
        """What two scores must have alike to be compared."""

    def __hash__(self) -> int:
        """Return a hash: a score is remembered with its draws."""

    def resampled(self, drawn: Sequence[np.ndarray]) -> tuple[float, np.ndarray]:
        """Return the score, and that of each draw of images, `[B]`, by their weights `[b, N]`."""


@dataclasses.dataclass(frozen=True, eq=False)
class Ratio:
    """A score of images that can be resampled: the mean over columns of sum(numerators) / sum(denominators).

    Attributes:
        numerators, denominators: `[N, C]` float64, a row an image; a column whose denominators sum to 0 does not count.
        is_complement: whether the score is 1 minus that.
    """

    numerators: np.ndarray
    denominators: np.ndarray
    is_complement: bool = False

    @classmethod
    def mean(cls, values: np.ndarray) -> "Ratio":
        """Return the mean of one value an image, `[N]`; an image that is NaN does not count."""
        values = values.astype(np.float64)[:, None]
        return cls(np.nan_to_num(values), (~np.isnan(values)).astype(np.float64))

    def estimate(self, draws: int, seed: int) -> Estimate:
        """Return the score with its percentile bootstrap interval over images."""
        return pooled_estimate([self], draws, seed)

    def minus(self, other: "Ratio", draws: int, seed: int) -> Estimate:
        """Return this score less another one of the same images, with the interval of the paired difference.

        Both take the same draws, so that what they share (an easy image, an odd one) falls out.
        """
        return pooled_difference([self], [other], draws, seed)

    @property
    def count(self) -> int:
        """Number of images."""
        return len(self.numerators)

    @property
    def kind(self) -> Hashable:
        """What two scores must have alike to be compared."""
        return self.numerators.shape, self.is_complement

    @property
    def value(self) -> float:
        """The score of all images, NaN where no column counts."""
        return self.resampled([np.ones((1, len(self.numerators)))])[0]

    def resampled(self, drawn: Sequence[np.ndarray]) -> tuple[float, np.ndarray]:
        """Return the score, and that of each draw of images, `[B]`, by their weights (`_weights`)."""
        whole = _ratio(self.numerators.sum(axis=0), self.denominators.sum(axis=0))
        present = ~np.isnan(whole)
        if not present.any():
            return float("nan"), np.full(sum(map(len, drawn)), np.nan)
        samples = np.concatenate([_ratio(weights @ self.numerators, weights @ self.denominators) for weights in drawn])
        value, means = float(whole[present].mean()), _nanmean(samples[:, present])
        return (1 - value, 1 - means) if self.is_complement else (value, means)


def pooled_estimate(scores: Sequence[Score], draws: int, seed: int) -> Estimate:
    """Return the mean of the scores of several seeds on the same images.

    Images are resampled together, and of several seeds the seeds as well, a level of their own (`_over_seeds`); `n`
    counts the images.
    """
    return pooled_difference(scores, (), draws, seed)


def pooled_difference(ones: Sequence[Score], others: Sequence[Score], draws: int, seed: int) -> Estimate:
    """Return the mean score of some seeds less that of others on the same images, with the interval of that difference.

    Args:
        ones, others: scores of one kind; the second may be empty, which counts as 0.
        draws, seed: of the bootstrap; all take the same draws of images.
    """
    count = ones[0].count
    assert len({score.kind for score in (*ones, *others)}) == 1, "paired scores must be of one kind, of the same images"
    if count == 0:
        return Estimate(float("nan"), n=0)
    random = numpy_stream("bootstrap of seeds", seed)
    value, samples = 0.0, np.zeros(draws)
    for sign, scores in ((1, ones), (-1, others)):
        if not scores:
            continue
        wholes, resampled = zip(*[_resampled(score, draws, seed) for score in scores], strict=True)
        value += sign * float(np.mean(wholes))
        samples += sign * _over_seeds(np.array(wholes), np.stack(resampled, axis=1), random)
    return _estimate(value, samples, count)


@lru_cache(maxsize=1024)
def _resampled(score: Score, draws: int, seed: int) -> tuple[float, np.ndarray]:
    """Return a score, and that of each draw of its images, `[B]`.

    A score stands in its own row and in differences to others: it is made once.
    """
    value, samples = score.resampled(_weights(score.count, draws, seed))
    samples.setflags(write=False)
    return value, samples


def _over_seeds(wholes: np.ndarray, resampled: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Return draws `[B]` of the mean over seeds: of images, as they are resampled, and of the seeds themselves.

    Three seeds drawn again and again lie between the lowest and the highest: as an interval that holds the truth in
    three of four cases. How far a draw of the seeds is off is therefore widened as Student's t is; and by what the
    images alone make seeds differ, which the draws of images have in them, it is narrowed.

    Args:
        wholes: `[S]`, scores of all images.
        resampled: `[B, S]`, scores of each draw of images.
        random: of the draws of seeds.
    """
    draws, seeds = resampled.shape
    means = resampled.mean(axis=1)
    if seeds == 1:
        return means
    chosen = random.multinomial(seeds, np.full(seeds, 1 / seeds), size=draws) / seeds
    apart, unbiased = resampled - means[:, None], seeds / (seeds - 1)
    spread, of_images = wholes.var(ddof=1), unbiased * np.nanvar(apart, axis=0).mean()
    share = max(0.0, 1 - of_images / spread) if spread > 0 else 0.0
    widening = student_factor(seeds - 1) / _NORMAL * np.sqrt(unbiased * share)
    return means + widening * (apart * chosen).sum(axis=1)


def _columns_and_mean(values: np.ndarray, samples: np.ndarray, count: int) -> tuple[list[Estimate], Estimate]:
    """Return an estimate of each of `values` `[C]` by its draws `[B, C]`, and one of the mean of those that exist."""
    columns = [_estimate(value, samples[:, index], count) for index, value in enumerate(values)]
    present = ~np.isnan(values)
    if not present.any():
        return columns, Estimate(float("nan"), n=count)
    return columns, _estimate(values[present].mean(), _nanmean(samples[:, present]), count)


def correlation_estimates(x: np.ndarray, y: np.ndarray, draws: int, seed: int) -> tuple[list[Estimate], Estimate]:
    """Return Pearson's correlation of each column of two matrices, and the mean of these, with intervals.

    Args:
        x, y: `[N, C]`; row by row they belong together, and rows are drawn together.

    Returns:
        One estimate a column (NaN where a column is constant), and the mean over the columns that have a value.
    """
    assert x.shape == y.shape, "x and y must have one shape"
    assert x.ndim == 2, "x and y must be [N, C]"
    count = len(x)
    if count < 2:
        empty = Estimate(float("nan"), n=count)
        return [empty] * x.shape[1], empty
    x, y = (values.astype(np.float64) - values.mean(axis=0, dtype=np.float64) for values in (x, y))
    samples = np.concatenate([_correlation(weights / count, x, y) for weights in _weights(count, draws, seed)])
    values = _correlation(np.full((1, count), 1 / count), x, y)[0]
    return _columns_and_mean(values, samples, count)


def spread_ratio_estimates(x: np.ndarray, y: np.ndarray, draws: int, seed: int) -> list[Estimate]:
    """Return the standard deviation of each column of `x` over that of `y`, with intervals by bootstrap over rows.

    Args:
        x, y: `[N, C]` and `[M, C]`, two independent samples.

    Returns:
        One estimate a column, `n` being the smaller number of rows; NaN where a column of `y` is constant.
    """
    assert x.ndim == y.ndim == 2, "x and y must be [N, C] and [M, C]"
    assert x.shape[1] == y.shape[1], "x and y must be [N, C] and [M, C]"
    drawn = [
        np.concatenate([_variance(weights / len(values), values) for weights in _weights(len(values), draws, own)])
        for values, own in ((x, seed), (y, seed + 1))
    ]
    samples = np.sqrt(_ratio(*drawn))
    whole = [_variance(np.full((1, len(values)), 1 / len(values)), values) for values in (x, y)]
    values = np.sqrt(_ratio(*whole))[0]
    count = min(len(x), len(y))
    return [_estimate(value, samples[:, column], count) for column, value in enumerate(values)]


@lru_cache(maxsize=2)
def _weights(count: int, draws: int, seed: int) -> tuple[np.ndarray, ...]:
    """Return how often each of `count` rows is drawn, `[B, count]` float64, `draws` times in all, a chunk at a time.

    What many metrics of the same images take is drawn once.
    """
    generator = numpy_stream("bootstrap", seed)
    drawn = []
    for start in range(0, draws, _CHUNK):
        size = min(_CHUNK, draws - start)
        drawn.append(generator.multinomial(count, np.full(count, 1 / count), size=size).astype(np.float64))
        drawn[-1].setflags(write=False)
    return tuple(drawn)


def _variance(weights: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the variances `[B, C]` of values `[N, C]` by weights `[B, N]` that sum to 1."""
    values = values.astype(np.float64) - values.mean(axis=0, dtype=np.float64)
    return np.maximum(weights @ values**2 - (weights @ values) ** 2, 0)


def _correlation(weights: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the correlations `[B, C]` of centred columns by weights `[B, N]` that sum to 1."""
    covariance = weights @ (x * y) - (weights @ x) * (weights @ y)
    return _ratio(covariance, np.sqrt(_variance(weights, x) * _variance(weights, y)))


def _ratio(numerators: np.ndarray, denominators: np.ndarray) -> np.ndarray:
    return np.divide(numerators, denominators, out=np.full(numerators.shape, np.nan), where=denominators != 0)


def _nanmean(samples: np.ndarray) -> np.ndarray:
    present = ~np.isnan(samples)
    return _ratio(np.where(present, samples, 0).sum(axis=1), present.sum(axis=1))


def _estimate(value: float, samples: np.ndarray, count: int) -> Estimate:
    samples = samples[~np.isnan(samples)]
    if np.isnan(value) or count < 2 or len(samples) == 0:
        return Estimate(float(value), n=count)
    low, high = np.percentile(samples, [2.5, 97.5])
    return Estimate(float(value), float(low), float(high), count)
