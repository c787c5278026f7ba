"""How close a generator's samples are to a domain: FID, KID, precision and recall."""

from typing import TYPE_CHECKING

from stylealign.config import MetricSettings
from stylealign.errors import StyleAlignError
from stylealign.measurements.declare import Experiment, File, Kind, Measured, Progress, Table
from stylealign.measurements.shared import (
    DISTRIBUTION_PROTOCOL,
    FID,
    KID,
    KIMG,
    RECALL,
    SHARE,
    SHARE_ACCURACY,
    SHARE_PROTOCOL,
    distribution_rows,
)
from stylealign.metrics.bootstrap import Estimate
from stylealign.metrics.declared import Metric
from stylealign.work.cost import Cost, Work
from stylealign.work.rates import load_rates

if TYPE_CHECKING:
    from torch import Tensor, nn

    from stylealign.measurements.inputs import Inputs
    from stylealign.measurements.rows import Row, RowKey

SHARE_FILES = ("parent-data", "test-data", "parent-test-data")
"""Files that the share is measured with."""
SHARE_IMAGES = 2000
"""Training images of a domain, at most, that the share's classifier sees."""

PRECISION = Metric("precision", True, "share of generated images near real ones")

TABLE = Table(
    "generators",
    title="Generators against real images of each domain",
    section="models",
    metrics=(FID, KID, PRECISION, RECALL, SHARE, SHARE_ACCURACY, KIMG),
    protocol="samples of the averaged generator, no truncation, stored noise, against the whole set; "
    f"{DISTRIBUTION_PROTOCOL}; {SHARE_PROTOCOL}",
    headline="fid",
    compared=("fid",),
    charts=("fid",),
)


def measure(inputs: "Inputs", settings: MetricSettings, progress: Progress) -> Measured:
    """Return `fid`, `kid`, `precision`, `recall`; `share` where there is a parent's domain; `kimg` where it is known.

    Raises:
        StyleAlignError: model and data of different resolution, or too few images.
    """
    from stylealign.measurements.inputs import extractor_of
    from stylealign.metrics import fid_kid
    from stylealign.metrics.features import features_of
    from stylealign.metrics.generators import require_resolution, sample_images

    if len({inputs.has(role) for role in SHARE_FILES}) > 1:
        names = [f"--{role}" for role in SHARE_FILES]
        raise StyleAlignError(f"{', '.join(names[:-1])} and {names[-1]} go together: give all or none")
    checkpoint, extractor = inputs.model("model"), extractor_of(settings)
    data = inputs.features("data", extractor, settings.features)
    require_resolution(data, checkpoint.architecture.resolution)
    counter, real = progress(settings.samples, "images"), data.values
    generator = checkpoint.generator.to(next(extractor.parameters()).device)
    samples = sample_images(generator, settings.samples, settings.seed)
    generated = features_of(samples, extractor, progress=counter.update)
    key = inputs.key(TABLE.name)
    rows = distribution_rows(generated, real, key, settings)
    precision, recall = fid_kid.precision_recall(generated, real)
    rows.append(key.row(PRECISION.name, precision, settings.features))
    rows.append(key.row(RECALL.name, recall, settings.features))
    if inputs.has(SHARE_FILES[0]):
        rows += share_rows(inputs, generated, real, extractor, key, settings)
    kimg = checkpoint.info.get("kimg")
    if isinstance(kimg, int | float):
        rows.append(key.row(KIMG.name, Estimate(float(kimg))))
    return rows, {"real_images": len(data)}


def share_rows(
    inputs: "Inputs",
    generated: "Tensor",
    real: "Tensor",
    extractor: "nn.Module",
    key: "RowKey",
    settings: MetricSettings,
) -> "list[Row]":
    """Return `share` and `share_accuracy` of generated features, with those of the domain's training images."""
    from stylealign.metrics.share import DomainClassifier

    def features(role: str) -> "Tensor":
        return inputs.features(role, extractor, settings.features).values[:SHARE_IMAGES]

    classifier = DomainClassifier.fit(features("parent-data"), real[:SHARE_IMAGES])
    share = classifier.share(generated)
    tests = features("parent-test-data"), features("test-data")
    accuracy = classifier.accuracy(*tests)
    return [
        key.row(SHARE.name, share, settings.features),
        key.row(SHARE_ACCURACY.name, accuracy, settings.features),
    ]


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
        network_s=work.features_s(metrics.samples, found.px),
        memory_mb=memory,
    )


KIND = Kind(
    name="generators",
    version=11,
    text="FID, KID, precision and recall of a generator against the training images of a domain",
    files=(
        File("model", "MODEL", "model whose samples are scored"),
        File("data", "ZIP", "training images of the domain, or their features (`stylealign features`)"),
        File("parent-data", "ZIP", "those of the parent's domain (share)", False),
        File("test-data", "ZIP", "test images of the domain, or their features (share_accuracy)", False),
        File("parent-test-data", "ZIP", "those of the parent's domain (share_accuracy)", False),
    ),
    settings=("features", "samples", "seed", "weights_dir"),
    networks=("features",),
    tables=(TABLE,),
    rows=rows_of,
    costs={"generators": cost},
    measure=measure,
)
