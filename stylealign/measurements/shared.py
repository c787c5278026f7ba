"""Metrics that several tables have, and the rows that several kinds make alike. Imports no torch."""

from typing import TYPE_CHECKING

from stylealign.applications.labels.tasks import comparing
from stylealign.config import FEWEST_MEASURED, MetricSettings
from stylealign.datasets.avatars import POSE
from stylealign.errors import StyleAlignError
from stylealign.metrics.declared import Metric
from stylealign.metrics.structure import POSE_NAMES

if TYPE_CHECKING:
    from torch import Tensor

    from stylealign.measurements.rows import Row, RowKey
    from stylealign.metrics.fid_kid import Reference
    from stylealign.metrics.kernel_distance import Tied


AGREEMENTS = {task.name: task.agreement for task in comparing() if task.agreement is not None}
"""Label task -> how alike its networks see two images."""

FID = Metric("fid", False, "Fréchet distance of feature distributions, generated against real")
LABEL_FID = Metric(
    "label_fid", False, "Fréchet distance in the features of the label networks that measure both domains"
)
KID = Metric("kid", False, "kernel distance of features, unbiased for few images")
RECALL = Metric("recall", True, "share of real images near generated ones")
KIMG = Metric("kimg", None, "real images shown in training", unit="thousands")
SHARE = Metric("share", None, "share of the images that a linear classifier takes for the domain, not for the parent's")
SHARE_ACCURACY = Metric("share_accuracy", True, "share of right answers of that classifier on real test images")
PAIRS = {"same-pose": "drawn pairs, same pose", "same-figure": "drawn pairs, same figure"}
"""Kind of drawn pairs -> the method of their rows."""
PAIRS_SHUFFLED = "drawn pairs, shuffled"
UNALIGNED = "unaligned"
"""Method of the control of a child: of the same domain, with a parent of another seed."""
EVERYTHING = "everything"
"""Method of a child whose components were all trained, beside those of which single ones were."""
OTHER_SEED = "unaligned parent"
"""Method of a control that was never anything but a parent of another seed."""
MOST_PAIRS = 200
"""Drawn pairs of two domains, at most: drawing is what they cost."""
ANNOTATED = "annotations"
"""Setting of rows that annotations were compared for, not what networks see."""

SPREADS = tuple(
    Metric(
        f"{POSE_NAMES[name]}_spread",
        None,
        f"spread of the {POSE_NAMES[name].replace('_', ' ')} in samples over that in the training images; 1 is covered",
    )
    for name in POSE
)

DIFFERENCE_PROTOCOL = (
    "NAME_difference: NAME of the method less that of the one in `setting`, on the same images, resampled together"
)


def difference_of(metric: Metric) -> Metric:
    """Return the metric of a paired difference between two methods; better in the direction that the metric is."""
    meaning = f"{metric.name} less that of the method named in `setting`, on the same images"
    return Metric(f"{metric.name}_difference", metric.higher_is_better, meaning, unit=metric.unit)


def minus(method: str) -> str:
    """Return what the setting of a difference says."""
    return f"minus {method}"


SHARE_PROTOCOL = (
    "share: images that a logistic regression (C = 1, standardised features of FID's network, equally many training "
    "images of the parent's domain and of the child's, at most 2,000 of each) takes for the child's domain; "
    "share_accuracy: its share of right answers on test images, the mean of the two domains"
)
"""How the share is reckoned (`metrics.share`)."""

LABEL_FID_PROTOCOL = (
    "label_fid: the last features of those networks' encoders, averaged over places, each in units of its spread over "
    "training images and as many of the parent's: no discriminator has seen by them"
)
"""How the Fréchet distance of label networks is reckoned (`metrics.label_fid`)."""

DISTRIBUTION_PROTOCOL = (
    "FID in float64, equal to torch-fidelity's; KID with the polynomial kernel of degree 3, unbiased, over all pairs "
    "of images (of at most 10,000 of each set), interval by the variance of the U-statistic; precision and recall "
    "with 3 neighbours, as torch-fidelity's"
)
"""How FID, KID, precision and recall are reckoned (`metrics.fid_kid`)."""


def distribution_rows(
    generated: "Tensor",
    real: "Tensor | Reference",
    key: "RowKey",
    settings: MetricSettings,
    setting: str = "",
    each: int = 1,
    tied: "Tied | None" = None,
) -> "list[Row]":
    """Return the rows `fid` and `kid` between two feature matrices `[N, D]` and `[M, D]`.

    Args:
        generated, real: features.
        key: of the rows.
        settings: features, seed.
        setting: of the rows.
        each, tied: generated images of one source, and ties between images, as in `fid_kid.kid`.

    Raises:
        StyleAlignError: fewer than four images in one of them, or fewer than four sources.
    """
    from stylealign.metrics import fid_kid
    from stylealign.metrics.kernel_distance import UNTIED

    count = min(len(generated) // each, len(real))
    if count < FEWEST_MEASURED:
        raise StyleAlignError(
            f"{key.table}: FID and KID need at least {FEWEST_MEASURED} images on each side, not {count}; give more"
        )
    fid = fid_kid.fid(generated, real, each)
    kid = fid_kid.kid(generated, real, settings.seed, each, tied or UNTIED)
    return [
        key.row(FID.name, fid, settings.features, setting),
        key.row(KID.name, kid, settings.features, setting),
    ]
