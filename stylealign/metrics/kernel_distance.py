"""The kernel distance MMD^2 of two samples, and a 95 % interval that holds for unequal sizes and equal distributions.

With Hoeffding's decomposition of the two-sample U-statistic (Serfling 1980, "Approximation Theorems of Mathematical
Statistics", section 5), over samples x of size n and y of size m,

    U - MMD^2 = 2/n sum a(x_i) - 2/m sum b(y_j) + means over pairs of g_xx, g_yy and -2 g_xy,

all of whose terms are uncorrelated. The variances of a and b (which vanish where the distributions are equal) and of
the pair terms are estimated without bias from the kernel matrices' row sums and sums of squares.

Several images of one source are not independent of each other, their sources are. A sample of x is then all images of a
source, and its kernel with another sample the mean over their images: pairs of one source's images are left out.
"""

import dataclasses
from collections.abc import Iterator

import torch
from torch import Tensor

from stylealign.metrics.bootstrap import Estimate

FEWEST = 4
_QUANTILE = 1.96
_ROWS = 128
"""Rows of a kernel matrix in memory at once: few enough for a cache."""


@dataclasses.dataclass(frozen=True)
class Within:
    """Sums of a kernel matrix of a sample with itself, its diagonal left out.

    Attributes:
        count: images, or sources where there are several images of each.
        mean: mean of the n (n - 1) values.
        effects: `[n]`, the part of each value that belongs to the image (or source) alone, up to a constant.
        pairs: variance of the part that belongs to pairs (U-centred: Szekely and Rizzo 2014, equation 3.2).
    """

    count: int
    mean: float
    effects: Tensor
    pairs: float


@dataclasses.dataclass(frozen=True)
class Between:
    """Sums of a kernel matrix of two samples.

    Attributes:
        mean: mean of the n m values.
        rows, columns: `[n]` and `[m]` means.
        pairs: variance of the part that belongs to pairs.
    """

    mean: float
    rows: Tensor
    columns: Tensor
    pairs: float


def within(x: Tensor, minus: Tensor | None = None, each: int = 1) -> Within:
    """Return the sums of k(x_i, x_j), or of k(x_i, x_j) - k(minus_i, minus_j), of features `[N, D]` float64.

    Args:
        x, minus: features, source after source.
        each: images of a source.
    """
    n, sums, squares = len(x) // each, [], 0.0
    assert n >= FEWEST, f"a kernel distance needs at least {FEWEST} images on each side"
    for start, rows_of_part in _kernels(x, x, minus, minus, each):
        part = rows_of_part.unflatten(1, (n, each)).mean(dim=2)
        part.diagonal(start).zero_()
        sums.append(part.sum(dim=1))
        squares += part.square().sum().item()
    rows = torch.cat(sums)
    total = rows.sum().item()
    centred = squares - 2 / (n - 2) * rows.square().sum().item() + total**2 / ((n - 1) * (n - 2))
    return Within(n, total / (n * (n - 1)), rows / (n - 2), max(centred, 0.0) / (n * (n - 3)))


def between(x: Tensor, y: Tensor, minus: Tensor | None = None, each: int = 1) -> Between:
    """Return the sums of k(x_i, y_j), or of k(x_i, y_j) - k(minus_i, y_j), of features float64; `each` of x's alone."""
    n, m = len(x) // each, len(y)
    assert min(n, m) >= FEWEST, f"a kernel distance needs at least {FEWEST} images on each side"
    rows, columns, squares = [], y.new_zeros(m), 0.0
    for _, part in _kernels(x, y, minus, y, each):
        rows.append(part.mean(dim=1))
        columns += part.sum(dim=0)
        squares += part.square().sum().item()
    row_means, column_means = torch.cat(rows), columns / n
    mean = row_means.mean().item()
    centred = squares - m * row_means.square().sum().item() - n * column_means.square().sum().item() + n * m * mean**2
    return Between(mean, row_means, column_means, max(centred, 0.0) / ((n - 1) * (m - 1)))


def kernel_distance(xx: Within, yy: Within | None, xy: Between) -> Estimate:
    """Return the unbiased estimate of MMD^2 with its 95 % interval; `n` is the smaller count.

    The variance grows with the distance itself: the interval holds the values theta whose own variance,
    pairs + slope * max(theta, 0), has the estimate within 1.96 standard deviations (as Wilson's interval of a
    proportion).

    Args:
        xx, yy, xy: sums of the kernel matrices. Without `yy` they are differences of kernels, whose own part of y is
            0: the distance is a signed difference, whose variance is taken as it is (at least 3/4 of the pairs').
    """
    n, m = xx.count, len(xy.columns)
    value = xx.mean + (yy.mean if yy else 0.0) - 2 * xy.mean
    pairs = 2 * xx.pairs / (n * (n - 1)) + 4 * xy.pairs / (n * m)
    images_x = (xx.effects - xy.rows).var().item() - xx.pairs / (n - 2) - xy.pairs / m
    images_y = ((yy.effects if yy else 0.0) - xy.columns).var().item() - xy.pairs / n
    if yy:
        pairs += 2 * yy.pairs / (m * (m - 1))
        images_y -= yy.pairs / (m - 2)
    images = 4 * images_x / n + 4 * images_y / m
    if yy is None:
        half = _QUANTILE * max(pairs + images, 0.75 * pairs) ** 0.5
        return Estimate(value, value - half, value + half, min(n, m))
    # Near 0 both images and value are noise of the size of the pairs: the slope is drawn towards that.
    slope = (max(images, 0.0) + pairs) / (max(value, 0.0) + pairs**0.5) if pairs else 0.0
    shift = _QUANTILE**2 * slope / 2
    half = max(_QUANTILE**2 * (pairs + slope * value) + shift**2, 0.0) ** 0.5
    least = _QUANTILE * pairs**0.5
    low = value + shift - half if value > least else value - least
    high = value + shift + half if value > -least else value + least
    return Estimate(value, low, high, min(n, m))


def _kernels(
    x: Tensor, y: Tensor, minus_x: Tensor | None, minus_y: Tensor | None, each: int
) -> Iterator[tuple[int, Tensor]]:
    """Yield the first row and the rows of the matrix of kernels, a few at a time; a row is the mean of `each` of x."""
    step = each * max(1, _ROWS // each)
    for start in range(0, len(x), step):
        part = _polynomial(x[start : start + step], y)
        if minus_x is not None and minus_y is not None:
            part -= _polynomial(minus_x[start : start + step], minus_y)
        yield start // each, part.unflatten(0, (-1, each)).mean(dim=1)


def _polynomial(x: Tensor, y: Tensor) -> Tensor:
    """Return (x . y / D + 1)^3 of every pair of rows (Binkowski et al. 2018, section 4)."""
    base = (x @ y.T).div_(x.shape[1]).add_(1)
    return base.square().mul_(base)
