"""FID, KID, precision and recall between two matrices of features; all but KID by torch-fidelity's own functions.

The first argument is always the generated set, the second the real one (only precision and recall tell them apart).
"""

import warnings

import torch
from torch import Tensor

from stylealign.metrics.bootstrap import Estimate
from stylealign.metrics.kernel_distance import between, kernel_distance, within
from stylealign.streams import torch_stream

FEWEST_IMAGES = 2048
"""Below this number of images FID is biased too far upwards to be compared with anything."""

KID_MOST_IMAGES = 10_000
NEIGHBOURS = 3


class FewImagesWarning(UserWarning):
    """FID was asked for with too few images."""


def fid(generated: Tensor, real: Tensor) -> Estimate:
    """Return the Frechet distance (Heusel et al. 2017, arXiv 1706.08500, equation 6) between two feature matrices.

    Args:
        generated, real: `[N, D]` and `[M, D]` float.

    Returns:
        Estimate without interval: FID is no mean over images, and its bias depends on N and M.
    """
    # Takes time, and KID does without it.
    from torch_fidelity.metric_fid import KEY_METRIC_FID, fid_features_to_statistics, fid_statistics_to_metric

    count = _checked(generated, real)
    if count < FEWEST_IMAGES:
        warnings.warn(
            f"FID of {count} images: below {FEWEST_IMAGES} it is biased upwards; compare KID instead",
            FewImagesWarning,
            stacklevel=2,
        )
    statistics = [fid_features_to_statistics(features.double().cpu()) for features in (generated, real)]
    return Estimate(fid_statistics_to_metric(*statistics, verbose=False)[KEY_METRIC_FID], n=count)


def kid(generated: Tensor, real: Tensor, seed: int = 0) -> Estimate:
    """Return the kernel distance (Binkowski et al. 2018, arXiv 1801.01401, section 4) between two feature matrices.

    The value is the unbiased estimator over all pairs of images, which is what the usual mean over subsets approaches
    as subsets are added; it has their expectation and less noise. Its interval: `kernel_distance`.

    Args:
        generated, real: `[N, D]` and `[M, D]` float, N and M at least 4.
        seed: which images are left out of a set of more than `KID_MOST_IMAGES`.
    """
    _checked(generated, real)
    generated, real = (_at_most(features, KID_MOST_IMAGES, seed).double() for features in (generated, real))
    return kernel_distance(within(generated), within(real), between(generated, real))


def kid_difference(one: Tensor, other: Tensor, real: Tensor, seed: int = 0) -> Estimate:
    """Return KID(one, real) - KID(other, real), with the interval of the paired difference.

    Args:
        one, other: `[N, D]` features of two methods' images of the same N sources or latents, row by row.
        real: `[M, D]`.
        seed: as in `kid`.
    """
    assert one.shape == other.shape, "paired features must have one shape"
    _checked(one, real)
    _checked(other, real)
    one, other, real = (_at_most(features, KID_MOST_IMAGES, seed).double() for features in (one, other, real))
    # A kernel of pairs: what the real images have among themselves falls out.
    return kernel_distance(within(one, other), None, between(one, real, other))


def precision_recall(generated: Tensor, real: Tensor) -> tuple[Estimate, Estimate]:
    """Return precision and recall (Kynkaanniemi et al. 2019, arXiv 1904.06991) of generated features against real ones.

    Args:
        generated, real: `[N, D]` and `[M, D]` float, at least 4 rows each.
    """
    # Takes time, and KID does without it.
    from torch_fidelity.metric_prc import KEY_METRIC_PRECISION, KEY_METRIC_RECALL, prc_features_to_metric

    count = _checked(generated, real)
    result = prc_features_to_metric(
        generated.float(),
        real.float(),
        prc_neighborhood=NEIGHBOURS,
        prc_batch_size=10000,
        save_cpu_ram=False,
        verbose=False,
    )
    return Estimate(result[KEY_METRIC_PRECISION], n=count), Estimate(result[KEY_METRIC_RECALL], n=count)


def _at_most(features: Tensor, count: int, seed: int) -> Tensor:
    """Return `count` of the rows, the same for every matrix of one length, or all of them where there are fewer."""
    if len(features) <= count:
        return features
    return features[torch.randperm(len(features), generator=torch_stream("rows", seed))[:count]]


def _checked(generated: Tensor, real: Tensor) -> int:
    assert generated.ndim == real.ndim == 2, "features must be [N, D] and [M, D]"
    assert generated.shape[1] == real.shape[1], "features must be [N, D] and [M, D]"
    assert torch.isfinite(generated).all().logical_and(torch.isfinite(real).all()), "features must be finite"
    return min(len(generated), len(real))
