"""FID, KID, precision and recall between two matrices of features.

The first argument is always the generated set, the second the real one (only precision and recall tell them apart).
"""

import dataclasses
import warnings
from functools import cached_property

import torch
from torch import Tensor

from stylealign.metrics.bootstrap import Estimate
from stylealign.metrics.kernel_distance import (
    UNTIED,
    Tied,
    Within,
    between,
    kernel_distance,
    variance_of_shared,
    variance_of_shared_pairs,
    within,
)
from stylealign.streams import torch_stream

FEWEST_IMAGES = 2048
"""Below this number of images FID is biased too far upwards to be compared with anything."""

KID_MOST_IMAGES = 10_000
NEIGHBOURS = 3
_BLOCK = 10_000
"""Rows whose distances are computed at once."""


class FewImagesWarning(UserWarning):
    """FID was asked for with too few images."""


class Reference:
    """Features that several sets are compared with: what FID and KID need of them alone is reckoned once.

    Attributes:
        features: `[M, D]` float.
    """

    def __init__(self, features: Tensor) -> None:
        self.features = features
        self._within: dict[int, Within] = {}

    def __len__(self) -> int:
        return len(self.features)

    @cached_property
    def mean(self) -> Tensor:
        """The mean of the features, `[D]` float64."""
        return self.features.double().cpu().mean(dim=0)

    @cached_property
    def root(self) -> Tensor:
        """A matrix R `[min(M, D), D]` float64 with R^T R the covariance of the features."""
        centred = (self.features.double().cpu() - self.mean) / (len(self.features) - 1) ** 0.5
        rows, columns = centred.shape
        return torch.linalg.qr(centred, mode="r").R if rows > columns else centred

    def within(self, seed: int) -> Within:
        """Return the sums of their kernel matrix, of at most `KID_MOST_IMAGES` that a seed chooses."""
        if seed not in self._within:
            rows = _chosen(len(self), KID_MOST_IMAGES, seed)
            self._within[seed] = within(self.features[rows].double())
        return self._within[seed]


def fid(generated: Tensor, real: Tensor | Reference, each: int = 1) -> Estimate:
    """Return the Frechet distance (Heusel et al. 2017, arXiv 1706.08500, equation 6) between two feature matrices.

    With R^T R and S^T S the covariances, the eigenvalues of their product that are not 0 are those of R S^T S R^T: as
    few as there are images, where these are fewer than the features. torch-fidelity takes those of the whole product.

    Args:
        generated, real: `[N, D]` and `[M, D]` float.
        each: generated images of one source. They are alike, so that FID is biased as that of fewer images, and sources
            are what has to be many.

    Returns:
        Estimate without interval: FID is no mean over images, and its bias depends on N and M.
    """
    ours, theirs = Reference(generated), real if isinstance(real, Reference) else Reference(real)
    count = _checked(generated, theirs.features)
    independent = min(len(generated) // each, len(theirs))
    if independent < FEWEST_IMAGES:
        what = "images" if each == 1 or len(theirs) == independent else "sources"
        warnings.warn(
            f"FID of {independent} {what}: below {FEWEST_IMAGES} it is biased upwards; compare KID instead",
            FewImagesWarning,
            stacklevel=2,
        )
    shorter, longer = sorted((ours.root, theirs.root), key=len)
    product = shorter @ longer.T
    roots = torch.linalg.eigvalsh(product @ product.T).clamp(min=0).sqrt().sum()
    spread = ours.root.square().sum() + theirs.root.square().sum() - 2 * roots
    return Estimate(((ours.mean - theirs.mean).square().sum() + spread).item(), n=count)


def kid(generated: Tensor, real: Tensor | Reference, seed: int = 0, each: int = 1, tied: Tied = UNTIED) -> Estimate:
    """Return the kernel distance (Binkowski et al. 2018, arXiv 1801.01401, section 4) between two feature matrices.

    The value is the unbiased estimator over all pairs of images, which is what the usual mean over subsets approaches
    as subsets are added; it has their expectation and less noise. Its interval: `kernel_distance`.

    Args:
        generated, real: `[N, D]` and `[M, D]` float, N / each and M at least 4.
        seed: which images are left out of a set of more than `KID_MOST_IMAGES`.
        each: generated images of one source, which stand together: pairs of them are left out, and the interval is
            over sources.
        tied: generated images that share something else, or that were made from real ones: such pairs are left out,
            too. The interval is over what is shared as well; at a distance of 0 it holds that in nine of ten cases. Of
            images that were made from real ones it is rather too wide: it takes both sets for independent.
    """
    reference = real if isinstance(real, Reference) else Reference(real)
    _checked(generated, reference.features)
    rows = _chosen(len(generated) // each, KID_MOST_IMAGES // each, seed)
    rows = (rows[:, None] * each + torch.arange(each)).flatten()
    columns = _chosen(len(reference), KID_MOST_IMAGES, seed)
    x, y, tied = generated[rows].double(), reference.features[columns].double(), tied.at(rows)
    among, apart = within(x, each=each, tied=tied), between(x, y, each=each, tied=tied, numbers=columns)
    shared, shared_pairs, numbers = 0.0, (0.0, 0.0), tied.numbers_shared
    if numbers is not None:
        single, both = among.effects - apart.rows, numbers
        if each > 1:  # the effects of single images, each of which has another reference
            of_sources = Tied.either(Tied(torch.arange(len(x)) // each), tied)
            single = within(x, tied=of_sources).effects - between(x, y, tied=tied, numbers=columns).rows
            both = torch.cat([(torch.arange(len(x)) // each)[:, None], numbers], dim=1)
        shared = variance_of_shared(single, numbers)
        shared_pairs = variance_of_shared_pairs(x, y, both, tied=tied, numbers=columns)
    found = kernel_distance(among, reference.within(seed), apart, shared, shared_pairs)
    return dataclasses.replace(found, n=min(len(x), len(y)))


def kid_difference(one: Tensor, other: Tensor, real: Tensor, seed: int = 0, tied: Tied = UNTIED) -> Estimate:
    """Return KID(one, real) - KID(other, real), with the interval of the paired difference.

    Args:
        one, other: `[N, D]` features of two methods' images of the same N sources or latents, row by row.
        real: `[M, D]`.
        seed, tied: as in `kid`; what is tied in one of the methods is left out of both.
    """
    assert one.shape == other.shape, "paired features must have one shape"
    _checked(one, real)
    _checked(other, real)
    rows, columns = (_chosen(len(features), KID_MOST_IMAGES, seed) for features in (one, real))
    one, other, real = one[rows].double(), other[rows].double(), real[columns].double()
    tied = tied.at(rows)
    # A kernel of pairs: what the real images have among themselves falls out.
    among, apart = within(one, other, tied=tied), between(one, real, other, tied=tied, numbers=columns)
    numbers = tied.numbers_shared
    if numbers is None:
        return kernel_distance(among, None, apart)
    shared = variance_of_shared(among.effects - apart.rows, numbers)
    shared_pairs = variance_of_shared_pairs(one, real, numbers, other, tied, columns)
    return kernel_distance(among, None, apart, shared, shared_pairs)


def precision_recall(generated: Tensor, real: Tensor) -> tuple[Estimate, Estimate]:
    """Return precision and recall (Kynkaanniemi et al. 2019, arXiv 1904.06991) of generated features against real ones.

    Args:
        generated, real: `[N, D]` and `[M, D]` float, at least 4 rows each.
    """
    count = _checked(generated, real)
    generated, real = generated.float(), real.float()
    apart = _distances(real, generated)
    precision = (_radii(real) >= apart.T).any(dim=1)
    recall = (apart <= _radii(generated)).any(dim=1)
    return Estimate(precision.float().mean().item(), n=count), Estimate(recall.float().mean().item(), n=count)


def _radii(features: Tensor) -> Tensor:
    """Return the distance of each row to its third neighbour, `[N]`; the nearest of all is the row itself."""
    return _distances(features, features).kthvalue(NEIGHBOURS + 1).values


def _distances(x: Tensor, y: Tensor) -> Tensor:
    """Return the distances of all pairs of rows, `[N, M]`, a block at a time."""
    rows = [torch.cat([torch.cdist(part, other).cpu() for other in y.split(_BLOCK)], dim=1) for part in x.split(_BLOCK)]
    return torch.cat(rows)


def _chosen(rows: int, count: int, seed: int) -> Tensor:
    """Return the numbers of `count` rows, the same for every matrix of one length; of all where there are fewer."""
    if rows <= count:
        return torch.arange(rows)
    return torch.randperm(rows, generator=torch_stream("rows", seed))[:count]


def _checked(generated: Tensor, real: Tensor) -> int:
    assert generated.ndim == real.ndim == 2, "features must be [N, D] and [M, D]"
    assert generated.shape[1] == real.shape[1], "features must be [N, D] and [M, D]"
    assert torch.isfinite(generated).all().logical_and(torch.isfinite(real).all()), "features must be finite"
    return min(len(generated), len(real))
