"""FID, KID, precision and recall between two matrices of features, through torch-fidelity's own functions.

The first argument is always the generated set, the second the real one (only precision and recall tell them apart).
"""

import warnings

import numpy as np
import torch
from torch import Tensor

from stylealign.metrics.bootstrap import Estimate

FEWEST_IMAGES = 2048
"""Below this number of images FID is biased too far upwards to be compared with anything."""

KID_SUBSET_SIZE = 1000
KID_SUBSETS = 50
NEIGHBOURS = 3
PROTOCOL = (
    f"torch-fidelity: FID in float64; KID polynomial kernel of degree 3, mean of {KID_SUBSETS} subsets of at most "
    f"{KID_SUBSET_SIZE} images and at most half of them; precision and recall with {NEIGHBOURS} neighbours"
)


class FewImagesWarning(UserWarning):
    """FID was asked for with too few images."""


def fid(generated: Tensor, real: Tensor) -> Estimate:
    """Return the Frechet distance (Heusel et al. 2017, arXiv 1706.08500, equation 6) between two feature matrices.

    Args:
        generated, real: `[N, D]` and `[M, D]` float.

    Returns:
        Estimate without interval: FID is no mean over images, and its bias depends on N and M.
    """
    from torch_fidelity.metric_fid import KEY_METRIC_FID, fid_features_to_statistics, fid_statistics_to_metric

    count = _checked(generated, real)
    if count < FEWEST_IMAGES:
        warnings.warn(f"FID of {count} images: below {FEWEST_IMAGES} it is biased upwards; compare KID instead",
                      FewImagesWarning, stacklevel=2)  # fmt: skip
    statistics = [fid_features_to_statistics(features.double().cpu()) for features in (generated, real)]
    return Estimate(fid_statistics_to_metric(*statistics, verbose=False)[KEY_METRIC_FID], n=count)


def kid(generated: Tensor, real: Tensor, seed: int = 0, subset_size: int = KID_SUBSET_SIZE, subsets: int = KID_SUBSETS
        ) -> Estimate:  # fmt: skip
    """Return the kernel distance (Binkowski et al. 2018, arXiv 1801.01401, section 4) between two feature matrices.

    The interval is 1.96 standard errors, estimated from subsets of b out of n images (Politis and Romano 1994): the
    spread of the subsets' values times sqrt(b / (n - b)), which is 1 for halves.

    Args:
        generated, real: `[N, D]` and `[M, D]` float, N and M at least 4.
        seed: seed of the subsets.
        subset_size, subsets: images of a subset (at most half of the smaller set), and how many are drawn.
    """
    from torch_fidelity.metric_kid import KEY_METRIC_KID_MEAN, KEY_METRIC_KID_STD, kid_features_to_metric

    count = _checked(generated, real)
    size = min(subset_size, count // 2)
    assert size >= 2, "KID needs at least 4 images"
    result = kid_features_to_metric(generated.double(), real.double(), kid_subsets=subsets, kid_subset_size=size,
                                    rng_seed=seed, verbose=False)  # fmt: skip
    value = result[KEY_METRIC_KID_MEAN]
    half_width = 1.96 * result[KEY_METRIC_KID_STD] * float(np.sqrt(size / (count - size)))
    return Estimate(value, value - half_width, value + half_width, count)


def precision_recall(generated: Tensor, real: Tensor) -> tuple[Estimate, Estimate]:
    """Return precision and recall (Kynkaanniemi et al. 2019, arXiv 1904.06991) of generated features against real ones.

    Args:
        generated, real: `[N, D]` and `[M, D]` float, at least 4 rows each.
    """
    from torch_fidelity.metric_prc import KEY_METRIC_PRECISION, KEY_METRIC_RECALL, prc_features_to_metric

    count = _checked(generated, real)
    result = prc_features_to_metric(generated.float(), real.float(), prc_neighborhood=NEIGHBOURS, prc_batch_size=10000,
                                    save_cpu_ram=False, verbose=False)  # fmt: skip
    return Estimate(result[KEY_METRIC_PRECISION], n=count), Estimate(result[KEY_METRIC_RECALL], n=count)


def _checked(generated: Tensor, real: Tensor) -> int:
    assert generated.ndim == real.ndim == 2, "features must be [N, D] and [M, D]"
    assert generated.shape[1] == real.shape[1], "features must be [N, D] and [M, D]"
    assert torch.isfinite(generated).all().logical_and(torch.isfinite(real).all()), "features must be finite"
    return min(len(generated), len(real))
