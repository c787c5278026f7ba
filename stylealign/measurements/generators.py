"""How close a generator's samples are to a domain: FID, KID, precision and recall."""

from typing import TYPE_CHECKING

from stylealign.config import MetricSettings
from stylealign.measurements.declare import Experiment, File, Kind, Measured, Progress, Table
from stylealign.measurements.shared import DISTRIBUTION_PROTOCOL, FID, KID, KIMG, distribution_rows
from stylealign.metrics.bootstrap import Estimate
from stylealign.metrics.declared import Metric
from stylealign.work.cost import Cost, Work
from stylealign.work.rates import load_rates

if TYPE_CHECKING:
    from stylealign.measurements.inputs import Inputs

PRECISION = Metric("precision", True, "share of generated images near real ones")
RECALL = Metric("recall", True, "share of real images near generated ones")

TABLE = Table(
    "generators",
    title="Generators against real images of each domain",
    section="models",
    metrics=(FID, KID, PRECISION, RECALL, KIMG),
    protocol="samples of the averaged generator, no truncation, stored noise, against the whole set; "
    f"{DISTRIBUTION_PROTOCOL}",
    headline="fid",
    compared=("fid",),
    charts=("fid",),
)


def measure(inputs: "Inputs", settings: MetricSettings, progress: Progress) -> Measured:
    """Return `fid`, `kid`, `precision`, `recall`, and `kimg` where the model says it.

    Raises:
        StyleAlignError: model and data of different resolution, or too few images.
    """
    from stylealign.measurements.inputs import extractor_of
    from stylealign.metrics import fid_kid
    from stylealign.metrics.features import features_of
    from stylealign.metrics.generators import read_images, require_resolution, sample_images

    checkpoint, data = inputs.model("model"), inputs.images("data")
    require_resolution(data, checkpoint.architecture.resolution)
    extractor = extractor_of(settings)
    counter = progress(settings.samples + len(data), "images")
    generator = checkpoint.generator.to(next(extractor.parameters()).device)
    samples = sample_images(generator, settings.samples, settings.seed)
    generated = features_of(samples, extractor, progress=counter.update)
    real = features_of(read_images(data), extractor, progress=lambda done: counter.update(settings.samples + done))
    key = inputs.key(TABLE.name)
    rows = distribution_rows(generated, real, key, settings)
    precision, recall = fid_kid.precision_recall(generated, real)
    rows.append(key.row(PRECISION.name, precision, settings.features))
    rows.append(key.row(RECALL.name, recall, settings.features))
    kimg = checkpoint.info.get("kimg")
    if isinstance(kimg, int | float):
        rows.append(key.row(KIMG.name, Estimate(float(kimg))))
    return rows, {"real_images": len(data)}


def rows_of(experiment: Experiment) -> list[str]:
    """Return a file for each model that is scored on the domain of a parent or a child."""
    subjects = experiment.parents + experiment.children
    return [f"{subject}/{model}" for subject in subjects for model in experiment.generators_of(subject)]


def cost(work: Work, subject: str, model: str) -> Cost:
    """Return the cost of a job: a model's samples against the training images of the domain of `subject`."""
    metrics, found = work.config.metrics, work.model(model)
    real = work.data_of(subject).splits.train_images
    pairs = metrics.samples * real / 4000**2
    statistics = work.fid_s() + work.kid_s() + pairs * load_rates().cpu.precision_recall_s * work.dimensions
    memory = 2000 + 8 * found.weights_mb + found.pixels_mb(1024) * 2
    memory += work.features_mb(metrics.samples + real) + max(metrics.samples, real) * 0.04
    return Cost(
        **found.passes(metrics.samples),
        host_s=statistics,
        network_s=work.features_s(metrics.samples + real, found.px),
        memory_mb=memory,
    )


KIND = Kind(
    name="generators",
    version=7,
    text="FID, KID, precision and recall of a generator against the training images of a domain",
    files=(
        File("model", "MODEL", "model whose samples are scored"),
        File("data", "ZIP", "training images of the domain"),
    ),
    settings=("features", "samples", "seed", "weights_dir"),
    networks=("features",),
    tables=(TABLE,),
    rows=rows_of,
    costs={"generators": cost},
    measure=measure,
)
