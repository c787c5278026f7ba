"""How far the domains of the children of one parent are from the parent's: FID and KID between real images."""

import dataclasses
from typing import TYPE_CHECKING

from stylealign.config import FEWEST_MEASURED, MetricSettings
from stylealign.errors import StyleAlignError
from stylealign.measurements.declare import Experiment, File, Kind, Measured, NamedFiles, Progress, Table
from stylealign.measurements.shared import DISTRIBUTION_PROTOCOL
from stylealign.metrics.declared import Metric
from stylealign.work.cost import Cost, Work

if TYPE_CHECKING:
    from stylealign.measurements.inputs import Inputs

MOST_IMAGES = 500
"""Images of a domain, at most, that its distance is measured with."""

DOMAIN_FID = Metric("domain_fid", None, "Fréchet distance between real images of a domain and of the parent's")
DOMAIN_KID = Metric("domain_kid", None, "kernel distance between the same images, unbiased for few")

TABLE = Table(
    "distances",
    title="How far each domain is from the parent's",
    section="alignment",
    metrics=(DOMAIN_FID, DOMAIN_KID),
    protocol="training images of a child's domain against those of its parent's, equally many of each: the smallest "
    f"number that all domains of the parent's children have, at most {MOST_IMAGES:,}; the row of the parent itself: "
    f"test images of its own domain, the distance of no distance; {DISTRIBUTION_PROTOCOL}",
)


def measure(inputs: "Inputs", settings: MetricSettings, progress: Progress) -> Measured:
    """Return the distance of each named domain from the parent's, and that of the parent's own test images.

    Raises:
        StyleAlignError: a child of the parent's name, images of another size than the parent's, or too few of them.
    """
    from stylealign.datasets.images import ImageZip
    from stylealign.measurements.inputs import extractor_of
    from stylealign.metrics import fid_kid
    from stylealign.metrics.features import features_of
    from stylealign.metrics.generators import read_images, require_resolution

    if inputs.parent in inputs.named_files:
        raise StyleAlignError(f"{inputs.parent}: a child and the parent of one name; give --parent-name another")
    data = inputs.images("data")
    sets = {inputs.parent: inputs.images("test-data")}
    sets |= {child: ImageZip(path) for child, path in inputs.named_files.items()}
    count = min(MOST_IMAGES, *map(len, (data, *sets.values())))
    for own in sets.values():
        require_resolution(own, data.resolution_px)
        if len(own) < FEWEST_MEASURED or len(data) < FEWEST_MEASURED:
            path = own.path if len(own) < FEWEST_MEASURED else data.path
            raise StyleAlignError(f"{path}: FID and KID need at least {FEWEST_MEASURED} images of a domain; give more")
    counter = progress(count * (1 + len(sets)), "images")
    extractor = extractor_of(settings)
    real = features_of(read_images(data.first(count)), extractor)
    rows = []
    for done, (child, own) in enumerate(sets.items(), start=1):
        counter.update(done * count)
        features = features_of(read_images(own.first(count)), extractor)
        key = dataclasses.replace(inputs.key(TABLE.name), child=child, method="")
        rows.append(key.row(DOMAIN_FID.name, fid_kid.fid(features, real), settings.features))
        rows.append(key.row(DOMAIN_KID.name, fid_kid.kid(features, real, seed=settings.seed), settings.features))
    counter.update(count * (1 + len(sets)))
    return rows, {"images": count}


def rows_of(experiment: Experiment) -> list[str]:
    """Return a file for each parent of children in several domains."""
    return experiment.ladders()


def cost(work: Work, parent: str) -> Cost:
    """Return the cost of a job: features of every child's domain and of the parent's."""
    domains = {model.domain for model in work.config.models.values() if model.parent == parent}
    sets, px = 2 + len(domains), work.data_of(parent).resolution_px
    statistics = len(domains) * (work.fid_s() + work.kid_s() / 16)
    memory = 2000 + work.features_mb(MOST_IMAGES * sets)
    return Cost(host_s=statistics, network_s=work.features_s(MOST_IMAGES * sets, px), memory_mb=memory)


KIND = Kind(
    name="distances",
    version=4,
    text="FID and KID between real images of the domains of the children of one parent and of its own",
    files=(
        File("data", "ZIP", "training images of the parent's domain"),
        File("test-data", "ZIP", "test images of the parent's domain"),
    ),
    named_files=NamedFiles("ZIP", "training images of a child's domain; the name goes into the `child` column"),
    settings=("features", "seed", "weights_dir"),
    networks=("features",),
    tables=(TABLE,),
    rows=rows_of,
    costs={"distances": cost},
    measure=measure,
)
