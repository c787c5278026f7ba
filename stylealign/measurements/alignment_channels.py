"""Style channels that are localized in the same region of parent and child (Wu et al. 2021; StyleAlign, section 4)."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from stylealign.config import MetricSettings
from stylealign.measurements.declare import (
    Experiment,
    File,
    Kind,
    Measured,
    Progress,
    Table,
    of_each_family,
)
from stylealign.metrics.declared import Metric
from stylealign.work.cost import Cost, Work

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from stylealign.measurements.inputs import Inputs
    from stylealign.metrics.seeing import Seeing
    from stylealign.networks.generator import Generator

TRUNCATION_PSI, TRUNCATED_LAYERS = 0.7, 8
PASSES_PER_CELL = 2.1
"""Passes through the network, in units of a synthesis, that a cell takes for each colour (64 px, 16 cells)."""
LISTED = 5
"""Shared channels of each region that the provenance names, the surest first."""

LOCALIZED = Metric("localized", None, "style channels that are localized in a region of the parent that both have")
SHARED = Metric("shared", True, "share of them that is localized in the same region of the child")
PERMUTED = Metric("shared_permuted", None, "the same share with the child's channels permuted inside their layer")

TABLE = Table(
    "alignment_channels",
    title="The same style channel in parent and child",
    section="alignment",
    metrics=(LOCALIZED, SHARED, PERMUTED),
    protocol=f"w of the same z in both, psi {TRUNCATION_PSI} in the first {TRUNCATED_LAYERS} layers, stored noise; "
    "gradient of the image, averaged in square cells, with respect to each style channel, toRGB apart, mean magnitude "
    "over RGB; each map is cut to as many cells as the region has, overlap n / o^2; a channel is localized in the "
    "region that wins in more than 50 % of the images containing it and leads the runner-up by more than 25 points (Wu "
    "et al. 2021, section 4); regions by the joint segmentation network in images of each model, those that a fifth "
    "of the images of both contain, 2 at least, 10 at most: what the child's domain lacks does not count; interval of "
    "the share: Wilson's, over the channels; of the permuted one: 95 % of the permutations",
    headline=SHARED.name,
    compared=(SHARED.name,),
    charts=(SHARED.name,),
)


def measure(inputs: "Inputs", settings: MetricSettings, progress: Progress) -> Measured:
    """Return the rows of each region, named in `setting`, and of all regions together.

    Raises:
        StyleAlignError: models or a network that do not belong together.
    """
    import numpy as np

    from stylealign.devices import compute_device
    from stylealign.latents.directions import channel_names
    from stylealign.metrics.bootstrap import Estimate, share_estimate
    from stylealign.metrics.style_channels import NOWHERE, localized_regions, most_shared, shared_channels

    parent, child = inputs.parent_and_child()
    counter = progress(2 * settings.channel_images, "images")
    seeing = inputs.seeing("segmentation", "segmentation")
    shares, seen = zip(
        *(
            channel_wins(model.generator.to(compute_device()), seeing, settings, counter.advance)
            for model in (parent, child)
        ),
        strict=True,
    )
    of_parent, of_child = (localized_regions(own) for own in shares)
    counted = np.flatnonzero(seen[0] & seen[1]).tolist()
    of_parent = np.where(np.isin(of_parent, counted), of_parent, NOWHERE)
    channels = {name: count for name, count in parent.architecture.style_channels.items() if "torgb" not in name}
    labels = [name for name in channel_names(parent.architecture) if "torgb" not in name]
    key, rows = inputs.key(TABLE.name), []
    for region, name in [(None, ""), *((place, seeing.names[place]) for place in counted)]:
        asked = of_parent >= 0 if region is None else of_parent == region
        found = shared_channels(of_parent, of_child, list(channels.values()), region, settings.bootstrap, settings.seed)
        rows.append(key.row(LOCALIZED.name, Estimate(float(found.localized), n=len(of_parent)), setting=name))
        if not found.localized:
            continue
        hits = of_child[asked] == of_parent[asked]
        low, high = (float(value) for value in np.percentile(found.baseline, [2.5, 97.5]))
        chance = Estimate(float(found.baseline.mean()), low, high, found.localized)
        rows.append(key.row(SHARED.name, share_estimate(hits), setting=name))
        rows.append(key.row(PERMUTED.name, chance, setting=name))
    listed = most_shared(of_parent, of_child, shares)
    named = {seeing.names[region]: [labels[place] for place in own[:LISTED]] for region, own in listed.items()}
    return rows, {"shared_channels": named}


def channel_wins(
    generator: "Generator", seeing: "Seeing", settings: MetricSettings, done: Callable[[], object]
) -> "tuple[NDArray[np.float64], NDArray[np.bool_]]":
    """Return in which share of the images each region wins, `[C, R]`, for each style channel of the convolutions, and
    which regions are in enough images to count, `[R]`.

    Args:
        generator: on the device it runs on.
        seeing: sees regions in its images.
        settings: images, cells and seed.
        done: called after each image.
    """
    import numpy as np
    import torch

    from stylealign.images import to_pixels
    from stylealign.latents.style_channels import gradient_maps
    from stylealign.metrics.style_channels import are_seen, overlap_scores, regions_in_cells, win_shares
    from stylealign.sampling import sample_latents

    cells = min(settings.channel_cells, generator.architecture.resolution)
    scores, present = [], []
    for z, c in sample_latents(generator, settings.channel_images, settings.seed):
        with torch.no_grad():
            ws = generator.mapping(z, c, TRUNCATION_PSI, TRUNCATED_LAYERS)
        for code in ws.split(1):
            with torch.no_grad():
                classes = seeing(to_pixels(generator.synthesis(code)))
            regions = regions_in_cells(classes, len(seeing.names), cells)
            maps = torch.cat(list(gradient_maps(generator, code, cells).values()), dim=1)
            scores.append(overlap_scores(maps.cpu().numpy(), regions))
            present.append(regions.any(axis=(2, 3)))
            done()
    contained = np.concatenate(present)
    return win_shares(np.concatenate(scores), contained), are_seen(contained)


def rows_of(experiment: Experiment) -> list[str]:
    """Return a file of rows for each child, and each control, whose domain a network shares with its parent's."""
    return [model for model in of_each_family(experiment) if experiment.measuring_networks(model)]


def cost(work: Work, model: str) -> Cost:
    """Return the cost of a job: the Jacobians of parent and child."""
    metrics, found = work.config.metrics, work.model(model)
    images = 2 * metrics.channel_images * 3 * metrics.channel_cells**2 * PASSES_PER_CELL
    memory = 3000 + 16 * found.weights_mb + found.pixels_mb(1024)
    return Cost(network_s=work.labels_s(2 * metrics.channel_images, found.px), memory_mb=memory, **found.passes(images))


KIND = Kind(
    name="alignment_channels",
    version=4,
    text="style channels that are localized in the same region of parent and child",
    files=(
        File("parent", "MODEL", "the parent"),
        File("child", "MODEL", "the child, or an unaligned control"),
        File("segmentation", "NET", "segmentation network that sees the regions in images of both"),
    ),
    settings=("channel_images", "channel_cells", "bootstrap", "seed"),
    tables=(TABLE,),
    rows=rows_of,
    costs={"alignment_channels": cost},
    measure=measure,
)
