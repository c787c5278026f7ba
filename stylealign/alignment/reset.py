"""What each component carries: the child with one component set back to the parent's (StyleAlign, section 4)."""

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn

from stylealign.config import MetricSettings
from stylealign.metrics import fid_kid
from stylealign.metrics.features import features_of
from stylealign.metrics.generators import distribution_rows, sample_images
from stylealign.metrics.rows import Row, RowKey
from stylealign.networks.components import COMPONENTS, component_of
from stylealign.networks.generator import Generator

TABLE = "alignment_reset"
NOTHING = "nothing"
RESETS = (NOTHING, *COMPONENTS)
PROTOCOL = (
    "the child's averaged generator with the trained parameters of one component set to the parent's, all others its "
    f"own; `{NOTHING}`: the child itself; samples without truncation, stored noise, against the training images of "
    f"the child's domain; {fid_kid.PROTOCOL}"
)


def with_reset(child: Generator, parent: Generator, component: str) -> Generator:
    """Return a copy of the child whose parameters of one of `RESETS` are the parent's; both of one architecture."""
    result, source = copy.deepcopy(child), dict(parent.named_parameters())
    with torch.no_grad():
        for name, parameter in result.named_parameters():
            place = component_of(name)
            if place is not None and place[0] == component:
                parameter.copy_(source[name])
    return result


def reset_rows(
    parent: Generator,
    child: Generator,
    real: Tensor,
    extractor: nn.Module,
    labels: RowKey,
    settings: MetricSettings,
    progress: Callable[[int], None] | None = None,
) -> list[Row]:
    """Return the rows `fid` and `kid` of the child with each of `RESETS` in turn, which goes into `setting`.

    Args:
        parent, child: generators of one architecture, on the extractor's device.
        real: features `[N, D]` of the training images of the child's domain.
        extractor: feature network.
        labels: labels of the rows.
        settings: number of samples, features, seed.
        progress: called with the samples done, of ``len(RESETS) * settings.samples``.

    Raises:
        StyleAlignError: fewer than four images on one side.
    """
    rows = []
    for place, component in enumerate(RESETS):

        def told(done: int, before: int = place * settings.samples) -> None:
            if progress is not None:
                progress(before + done)

        samples = sample_images(with_reset(child, parent, component), settings.samples, settings.seed)
        generated = features_of(samples, extractor, progress=told)
        rows += distribution_rows(generated, real, labels, settings, component)
    return rows
