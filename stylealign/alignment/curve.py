"""Quality against alignment while a child is trained: what each further thousand images buys, and what it costs."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from stylealign.alignment.pointwise import Drawn, draw_and_measure, pointwise_rows
from stylealign.checkpoints import Checkpoint
from stylealign.config import MetricSettings
from stylealign.datasets.avatars import POSE
from stylealign.metrics import fid_kid
from stylealign.metrics.bootstrap import Estimate, spread_ratio_estimates
from stylealign.metrics.features import features_of
from stylealign.metrics.generators import distribution_rows, sample_images
from stylealign.metrics.rows import Row, RowKey
from stylealign.metrics.structure import POSE_NAMES
from stylealign.metrics.translation import Predict
from stylealign.networks.generator import Generator

TABLE = "alignment_curve"
PROTOCOL = (
    "averaged generator after each number of kimg, no truncation, stored noise: FID and KID against the training "
    "images (the same number of samples at every point: a FID of few images is too high, alike at all of them, and "
    "compares with no other table), spread of the pose over theirs, agreement with the parent's images of the same z; "
    f"{fid_kid.PROTOCOL}"
)


@dataclasses.dataclass(frozen=True)
class Reference:
    """What the snapshots of a child are compared with.

    Attributes:
        features: features `[N, D]` of the training images of the child's domain.
        pose: `[N, 4]` seen in these images, None without a pose network.
        parent: measurements of the parent's images of the latents that the snapshots draw too.
    """

    features: Tensor
    pose: NDArray[np.float32] | None
    parent: Drawn


def curve_rows(
    snapshots: Iterable[tuple[float, Checkpoint]],
    reference: Reference,
    extractor: nn.Module,
    networks: Mapping[str, Predict],
    labels: RowKey,
    settings: MetricSettings,
    progress: Callable[[float], None] | None = None,
) -> list[Row]:
    """Return the rows of every snapshot; their `setting` says after how many kimg.

    Args:
        snapshots: kimg and model, from the earliest.
        reference: what they are compared with.
        extractor: feature network, on the device that everything runs on.
        networks: measuring functions of the child's domain, those that the parent was measured with.
        labels: labels of the rows.
        settings: images, features, bootstrap, seed.
        progress: called with the kimg of each snapshot that is done.
    """
    device = next(extractor.parameters()).device
    rows = []
    for kimg, checkpoint in snapshots:
        own = dataclasses.replace(labels, setting=f"{kimg:g} kimg")
        rows.append(own.row("kimg", Estimate(kimg)))
        rows += _snapshot_rows(checkpoint.generator.to(device), reference, extractor, networks, own, settings)
        if progress is not None:
            progress(kimg)
    return rows


def _snapshot_rows(generator: Generator, reference: Reference, extractor: nn.Module, networks: Mapping[str, Predict],
                   labels: RowKey, settings: MetricSettings) -> list[Row]:  # fmt: skip
    count, seed = settings.curve_images, settings.seed
    features = features_of(sample_images(generator, count, seed), extractor)
    rows = distribution_rows(features, reference.features, labels, settings)
    drawn = draw_and_measure(generator, count, seed, networks)
    if drawn.pose is not None and reference.pose is not None:
        spreads = spread_ratio_estimates(drawn.pose, reference.pose, settings.bootstrap, seed)
        rows += [labels.row(f"{POSE_NAMES[name]}_spread", value) for name, value in zip(POSE, spreads, strict=True)]
    return rows + pointwise_rows(reference.parent, drawn, labels, settings)
