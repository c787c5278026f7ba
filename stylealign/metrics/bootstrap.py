"""95 % intervals by bootstrap over images."""

import dataclasses

import numpy as np

_CHUNK = 64


@dataclasses.dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval (None where there is none) and the count it is made of."""

    value: float
    ci_low: float | None = None
    ci_high: float | None = None
    n: int | None = None


def mean_estimate(values: np.ndarray, draws: int, seed: int) -> Estimate:
    """Return the mean of per-image values with its percentile bootstrap interval.

    Args:
        values: `[N]` one value an image; NaN marks an image without a value and is left out.
        draws: bootstrap draws.
        seed: seed of the draws.
    """
    values = np.asarray(values, dtype=np.float64)
    values = values[~np.isnan(values)]
    if np.isinf(values).any():  # the PSNR of equal images: a mean without an interval
        return Estimate(float(values.mean()), n=len(values))
    return ratio_estimate(values, np.ones_like(values), draws, seed)


def ratio_estimate(numerators: np.ndarray, denominators: np.ndarray, draws: int, seed: int) -> Estimate:
    """Return sum(numerators) / sum(denominators) over images, with its percentile bootstrap interval.

    Args:
        numerators, denominators: `[N]` one value an image.

    Returns:
        Estimate; its value is NaN where the denominators sum to 0 (or there are no images).
    """
    return ratio_estimates(numerators[:, None], denominators[:, None], draws, seed)[1]


def ratio_estimates(numerators: np.ndarray, denominators: np.ndarray, draws: int, seed: int
                    ) -> tuple[list[Estimate], Estimate]:  # fmt: skip
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
    generator = np.random.default_rng(seed)
    sampled = []
    for start in range(0, draws, _CHUNK):
        weights = generator.multinomial(count, np.full(count, 1 / count), size=min(_CHUNK, draws - start)).astype(
            np.float64
        )
        sampled.append(_ratio(weights @ numerators, weights @ denominators))
    samples = np.concatenate(sampled)
    values = _ratio(numerators.sum(axis=0), denominators.sum(axis=0))
    columns = [_estimate(value, samples[:, index], count) for index, value in enumerate(values)]
    present = ~np.isnan(values)
    if not present.any():
        return columns, Estimate(float("nan"), n=count)
    return columns, _estimate(values[present].mean(), _nanmean(samples[:, present]), count)


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
