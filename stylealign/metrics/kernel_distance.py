"""The kernel distance MMD^2 of two samples, and a 95 % interval that holds for unequal sizes and equal distributions.

With Hoeffding's decomposition of the two-sample U-statistic (Serfling 1980, "Approximation Theorems of Mathematical
Statistics", section 5), over samples x of size n and y of size m,

    U - MMD^2 = 2/n sum a(x_i) - 2/m sum b(y_j) + means over pairs of g_xx, g_yy and -2 g_xy,

all of whose terms are uncorrelated. The variances of a and b (which vanish where the distributions are equal) and of
the pair terms are estimated without bias from the kernel matrices' row sums and sums of squares.

Several images of one source are not independent of each other, their sources are. A sample of x is then all images of a
source, and its kernel with another sample the mean over their images: pairs of one source's images are left out. So are
other pairs that are not independent (`Tied`). Where that leaves nothing of two samples, their kernel is taken to be
what their row and column have without it, which expects the same.
"""

import dataclasses
from collections.abc import Callable, Iterator
from functools import partial
from itertools import combinations

import torch
from torch import Tensor

from stylealign.metrics.bootstrap import Estimate

FEWEST = 4
_QUANTILE = 1.96
_ROWS = 128
"""Rows of a kernel matrix in memory at once: few enough for a cache."""


@dataclasses.dataclass(frozen=True)
class Tied:
    """Which images are not independent of which; their pairs are left out.

    Attributes:
        shared: `[N]` or `[N, L]`, numbers of what images of x share, such as a reference: two with one number in one
            place are tied.
        own: `[N]` or `[N, L]`, numbers of the images of y that an image of x was made from; -1 for none.
    """

    shared: Tensor | None = None
    own: Tensor | None = None

    @classmethod
    def either(cls, one: "Tied", other: "Tied") -> "Tied":
        """Return the ties of two sets of as many images, row by row."""
        return cls(_beside(one.shared, other.shared), _beside(one.own, other.own))

    def every(self, step: int) -> "Tied":
        """Return the ties of the first row of x, and of every `step`-th one after it."""
        return self.at(slice(None, None, step))

    def at(self, rows: Tensor | slice) -> "Tied":
        """Return the ties of some rows of x."""
        return Tied(*(None if numbers is None else numbers[rows] for numbers in (self.shared, self.own)))

    @property
    def numbers_shared(self) -> Tensor | None:
        """`[N, L]` of `shared`; what all images share is left away: it would leave no pair."""
        numbers = _in_columns(self.shared)
        if numbers is None:
            return None
        differ = (numbers != numbers[:1]).any(dim=0)
        return numbers[:, differ] if differ.any() else None


def _in_columns(numbers: Tensor | None) -> Tensor | None:
    return numbers[:, None] if numbers is not None and numbers.ndim == 1 else numbers


def _beside(one: Tensor | None, other: Tensor | None) -> Tensor | None:
    columns = [numbers for numbers in map(_in_columns, (one, other)) if numbers is not None]
    return torch.cat(columns, dim=1) if columns else None


UNTIED = Tied()
"""Images that are independent of each other, and of the real ones."""


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


def within(x: Tensor, minus: Tensor | None = None, each: int = 1, tied: Tied = UNTIED) -> Within:
    """Return the sums of k(x_i, x_j), or of k(x_i, x_j) - k(minus_i, minus_j), of features `[N, D]` float64.

    Args:
        x, minus: features, source after source.
        each: images of a source.
        tied: which of the images share something.
    """
    n, sums, squares = len(x) // each, [], 0.0
    assert n >= FEWEST, f"a kernel distance needs at least {FEWEST} images on each side"
    kernels, is_whole = _kernels_within(x, minus, each, tied.numbers_shared), tied.numbers_shared is None
    for start, part in kernels() if is_whole else _filled(kernels, is_within=True):
        part.diagonal(start).zero_()
        sums.append(part.sum(dim=1))
        squares += part.square().sum().item()
    rows = torch.cat(sums)
    total = rows.sum().item()
    centred = squares - 2 / (n - 2) * rows.square().sum().item() + total**2 / ((n - 1) * (n - 2))
    return Within(n, total / (n * (n - 1)), rows / (n - 2), max(centred, 0.0) / (n * (n - 3)))


def between(
    x: Tensor,
    y: Tensor,
    minus: Tensor | None = None,
    each: int = 1,
    tied: Tied = UNTIED,
    numbers: Tensor | None = None,
) -> Between:
    """Return the sums of k(x_i, y_j), or of k(x_i, y_j) - k(minus_i, y_j), of features float64; `each` of x's alone.

    Args:
        x, y, minus: features.
        each: images of a source in x.
        tied: which of x were made from which of y.
        numbers: `[M]`, by which `tied` calls the rows of y; None for 0, 1, ...
    """
    n, m = len(x) // each, len(y)
    assert min(n, m) >= FEWEST, f"a kernel distance needs at least {FEWEST} images on each side"
    rows, columns, squares = [], y.new_zeros(m), 0.0
    kernels = _kernels_between(x, y, minus, each, tied, numbers)
    for _, part in kernels() if tied.own is None else _filled(kernels, is_within=False):
        rows.append(part.mean(dim=1))
        columns += part.sum(dim=0)
        squares += part.square().sum().item()
    row_means, column_means = torch.cat(rows), columns / n
    mean = row_means.mean().item()
    centred = squares - m * row_means.square().sum().item() - n * column_means.square().sum().item() + n * m * mean**2
    return Between(mean, row_means, column_means, max(centred, 0.0) / ((n - 1) * (m - 1)))


def variance_of_shared(effects: Tensor, numbers: Tensor) -> float:
    """Return the variance that the mean of `[N]` effects has by what images share, over that of independent images.

    It is the sum over the pairs that share something of the products of their centred effects, over N^2: the clusters'
    part of the variance of Cameron, Gelbach and Miller 2011, "Robust Inference with Multiway Clustering", equation 2.2.

    Args:
        effects: of images, with an error that is independent from one to the next.
        numbers: `[N, L]` of what they share.
    """
    centred, found = effects - effects.mean(), 0.0
    for column in numbers.T.unique(dim=0):  # two methods of the same references share them once
        groups, places = column.unique(return_inverse=True)
        sums = torch.zeros(len(groups), dtype=centred.dtype).index_add_(0, places, centred)
        pairs = sums.square().sum() - centred.square().sum()
        found += pairs.item() * len(groups) / (len(groups) - 1)
    return max(found, 0.0) / len(effects) ** 2


def variance_of_shared_pairs(
    x: Tensor,
    y: Tensor,
    shared: Tensor,
    minus: Tensor | None = None,
    tied: Tied = UNTIED,
    numbers: Tensor | None = None,
) -> tuple[float, float]:
    """Return the variances of the mean kernels of x with itself and of x with y, by what belongs to pairs alone.

    As `variance_of_shared`, of pairs (Cameron and Miller 2014, "Robust Inference for Dyadic Data"): two pairs count
    that share something on both sides. What shares something on one side is in `variance_of_shared`: here the means of
    rows and columns are taken off. Of independent images it is that of single pairs.

    Args:
        x, y, minus: features of images, as in `within` and `between`.
        shared: `[N, L]` numbers of what images of x share; such pairs are left out.
        tied, numbers: as in `between`.
    """
    groups = _groups(shared)
    among = _of_grouped_pairs(_kernels_within(x, minus, 1, shared), groups, groups)
    apart = _of_grouped_pairs(_kernels_between(x, y, minus, 1, tied, numbers), groups, [(1, torch.arange(len(y)))])
    return 2 * among, 4 * apart


def _groups(shared: Tensor) -> list[tuple[int, Tensor]]:
    """Return signs and numbers `[N]` of groups; the signed sum of their pairs is that of pairs that share something.

    By inclusion and exclusion: pairs that share one thing, without those that share two, and so on.
    """
    columns = list(shared.T.unique(dim=0))  # two methods of the same references share them once
    some = [own for count in range(1, len(columns) + 1) for own in combinations(columns, count)]
    return [((-1) ** (len(own) + 1), torch.stack(own, dim=1).unique(dim=0, return_inverse=True)[1]) for own in some]


def _of_grouped_pairs(
    kernels: Callable[[], "Kernels"], rows: list[tuple[int, Tensor]], columns: list[tuple[int, Tensor]]
) -> float:
    """Return the signed sum over groups of rows and of columns of the squared sums of centred kernels, over pairs^2.

    With `rows` and `columns` the same list, the matrix is that of a sample with itself.
    """
    is_within, found = rows is columns, 0.0
    means = _means(kernels, is_within)
    several = [_places_among_several(numbers) for _, numbers in rows]
    sums: dict[tuple[int, int], Tensor] = {}
    for start, part in kernels():
        if is_within:
            part.diagonal(start).fill_(torch.nan)
        part = (part - means.of(start, len(part))).nan_to_num_(0.0)
        for column, (sign, numbers) in enumerate(columns):
            grouped = _summed(part, numbers)
            for row, ((own_sign, _), of_all) in enumerate(zip(rows, several, strict=True)):
                places = of_all[start : start + len(part)]
                alone = places < 0
                found += sign * own_sign * grouped[alone].square().sum().item()
                if alone.all():
                    continue
                if (row, column) not in sums:
                    sums[row, column] = part.new_zeros(int(of_all.max()) + 1, grouped.shape[1])
                sums[row, column].index_add_(0, places[~alone], grouped[~alone])
    for (row, column), total in sums.items():
        found += rows[row][0] * columns[column][0] * total.square().sum().item()
    return max(found, 0.0) / means.pairs**2


def _places_among_several(numbers: Tensor) -> Tensor:
    """Return the place of each image's group among those of several images, -1 for an image that is alone."""
    several = numbers.bincount()[numbers] > 1
    places = torch.full_like(numbers, -1)
    places[several] = numbers[several].unique(return_inverse=True)[1]
    return places


def _summed(part: Tensor, numbers: Tensor) -> Tensor:
    """Return the sums `[n, G]` over groups of columns."""
    groups = int(numbers.max()) + 1
    return part if groups == len(numbers) else part.new_zeros(len(part), groups).index_add_(1, numbers, part)


def kernel_distance(
    xx: Within, yy: Within | None, xy: Between, shared: float = 0.0, shared_pairs: tuple[float, float] = (0.0, 0.0)
) -> Estimate:
    """Return the unbiased estimate of MMD^2 with its 95 % interval; `n` is the smaller count.

    The variance grows with the distance itself: the interval holds the values theta whose own variance,
    pairs + slope * max(theta, 0), has the estimate within 1.96 standard deviations (as Wilson's interval of a
    proportion).

    Args:
        xx, yy, xy: sums of the kernel matrices. Without `yy` they are differences of kernels, whose own part of y is
            0: the distance is a signed difference, whose variance is taken as it is (at least 3/4 of the pairs').
        shared: variance that the mean over x has by what its samples share (`variance_of_shared`).
        shared_pairs: variances of the two mean kernels of x by its pairs (`variance_of_shared_pairs`), taken where they
            are above those of independent pairs.
    """
    n, m = xx.count, len(xy.columns)
    value = xx.mean + (yy.mean if yy else 0.0) - 2 * xy.mean
    pairs = max(2 * xx.pairs / (n * (n - 1)), shared_pairs[0]) + max(4 * xy.pairs / (n * m), shared_pairs[1])
    images_x = (xx.effects - xy.rows).var().item() - xx.pairs / (n - 2) - xy.pairs / m
    images_y = ((yy.effects if yy else 0.0) - xy.columns).var().item() - xy.pairs / n
    if yy:
        pairs += 2 * yy.pairs / (m * (m - 1))
        images_y -= yy.pairs / (m - 2)
    images = 4 * images_x / n + 4 * images_y / m + 4 * shared
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


Kernels = Iterator[tuple[int, Tensor]]
"""The first row and some rows of a matrix of kernels, NaN where all pairs are left out."""


def _kernels_within(x: Tensor, minus: Tensor | None, each: int, numbers: Tensor | None) -> Callable[[], Kernels]:
    """Return what yields the matrix of x with itself; pairs with a number in common do not count."""
    left_out = None if numbers is None else (numbers, numbers)
    return partial(_kernels, x, x, (minus, minus), (each, each), left_out)


def _kernels_between(
    x: Tensor, y: Tensor, minus: Tensor | None, each: int, tied: Tied, numbers: Tensor | None
) -> Callable[[], Kernels]:
    """Return what yields the matrix of x with y; pairs of an image and what it was made from do not count."""
    own = _in_columns(tied.own)
    called = torch.arange(len(y)) if numbers is None else numbers
    left_out = None if own is None else (own, called[:, None].expand(-1, own.shape[1]))
    return partial(_kernels, x, y, (minus, y), (each, 1), left_out)


def _kernels(
    x: Tensor,
    y: Tensor,
    minus: tuple[Tensor | None, Tensor | None],
    each: tuple[int, int],
    left_out: tuple[Tensor, Tensor] | None,
) -> Kernels:
    """Yield the first row and the rows of the matrix of kernels, a few at a time: means over `each` of x and of y.

    Args:
        x, y: features.
        minus: features whose kernels are taken off, or None.
        each: images of a sample of x and of y.
        left_out: numbers `[N, L]` and `[M, L]`; pairs with one number in one place do not count.
    """
    step = each[0] * max(1, _ROWS // each[0])
    for start in range(0, len(x), step):
        rows = slice(start, start + step)
        part = _polynomial(x[rows], y)
        if minus[0] is not None and minus[1] is not None:
            part -= _polynomial(minus[0][rows], minus[1])
        if left_out is None:
            values = _samples(part, each).mean(dim=(1, 3))
        else:
            counted = (left_out[0][rows, None] != left_out[1]).all(dim=2).to(part)
            values = _samples(part * counted, each).sum(dim=(1, 3)) / _samples(counted, each).sum(dim=(1, 3))
        yield start // each[0], values


def _samples(part: Tensor, each: tuple[int, int]) -> Tensor:
    """Return kernels `[n * e, m * f]` as `[n, e, m, f]`."""
    return part.unflatten(1, (-1, each[1])).unflatten(0, (-1, each[0]))


@dataclasses.dataclass(frozen=True)
class _Means:
    """What the rows and columns of a matrix of kernels have on average, without the pairs that are left out.

    Attributes:
        whole: the mean.
        rows, columns: `[n]` and `[m]`, how far the mean of each lies from it.
        pairs: how many pairs count.
    """

    whole: Tensor
    rows: Tensor
    columns: Tensor
    pairs: float

    def of(self, start: int, count: int) -> Tensor:
        """Return what some rows of the matrix are taken to be, `[count, m]`."""
        return self.whole + self.rows[start : start + count, None] + self.columns


def _means(kernels: Callable[[], Kernels], is_within: bool) -> _Means:
    """Return the means of a matrix that `kernels` yields.

    Args:
        kernels: called once.
        is_within: whether the matrix is that of a sample with itself, whose diagonal tells nothing.
    """
    sums, counts, means = torch.zeros((), dtype=torch.float64), torch.zeros((), dtype=torch.float64), []
    for start, part in kernels():
        if is_within:
            part.diagonal(start).fill_(torch.nan)
        is_known = ~part.isnan()
        sums, counts = sums + part.nansum(dim=0), counts + is_known.sum(dim=0)
        means.append(part.nanmean(dim=1))
    whole = sums.sum() / counts.sum()
    rows, columns = (torch.where(own.isnan(), whole, own) - whole for own in (torch.cat(means), sums / counts))
    return _Means(whole, rows, columns, counts.sum().item())


def _filled(kernels: Callable[[], Kernels], is_within: bool) -> Kernels:
    """Yield what `kernels` yields, with what its row and its column have on average in the place of NaN.

    Args:
        kernels: called twice.
        is_within: whether the matrix is that of a sample with itself, whose diagonal tells nothing.
    """
    means = _means(kernels, is_within)
    for start, part in kernels():
        if is_within:
            part.diagonal(start).fill_(torch.nan)
        yield start, torch.where(part.isnan(), means.of(start, len(part)), part)


def _polynomial(x: Tensor, y: Tensor) -> Tensor:
    """Return (x . y / D + 1)^3 of every pair of rows (Binkowski et al. 2018, section 4)."""
    base = (x @ y.T).div_(x.shape[1]).add_(1)
    return base.square().mul_(base)
