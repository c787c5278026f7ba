"""How well translated images fit the target domain, how they differ, and how much of their sources they keep."""

from typing import TYPE_CHECKING

from stylealign.config import MetricSettings
from stylealign.errors import StyleAlignError
from stylealign.measurements.declare import (
    File,
    Kind,
    LabelledFiles,
    Measured,
    Option,
    Progress,
    Table,
    of_each_child,
)
from stylealign.measurements.shared import (
    AGREEMENTS,
    DISTRIBUTION_PROTOCOL,
    FID,
    KID,
    distribution_rows,
)
from stylealign.metrics.declared import Metric
from stylealign.metrics.structure import AGREEMENT_PROTOCOL
from stylealign.work.cost import Cost, Work
from stylealign.work.rates import perceptual_s

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import nn

    from stylealign.datasets.images import ImageZip
    from stylealign.measurements.inputs import Inputs
    from stylealign.measurements.rows import Row, RowKey
    from stylealign.metrics.translation import Outputs, Target

CUT = "cut"
STARGAN_V2 = "stargan-v2"
UNTOUCHED = "untouched"
DIVERSITY = Metric("diversity", True, "perceptual distance between outputs of one source")

TABLE = Table(
    "translation",
    title="Translations",
    section="translation",
    metrics=(FID, KID, DIVERSITY, *AGREEMENTS.values()),
    protocol=f"{CUT}: the first output of every source against the target's test images; {STARGAN_V2}: every output of "
    "every source (10 where the method has many, 1 where it has one) against the target's training images; diversity: "
    "mean perceptual distance between the outputs of a source (StarGAN v2, appendix C); "
    f"{DISTRIBUTION_PROTOCOL}; {AGREEMENT_PROTOCOL}",
    headline="kid",
    compared=("keypoint_error", "rotation_error", "kid"),
    charts=("keypoint_error", "kid"),
)


def measure(inputs: "Inputs", settings: MetricSettings, progress: Progress) -> Measured:
    """Return the rows of every method, the untouched sources first where they are asked for.

    Raises:
        StyleAlignError: files that do not belong together.
    """
    from stylealign.datasets.images import ImageZip
    from stylealign.measurements.inputs import distance_of, extractor_of, images_named
    from stylealign.metrics.generators import require_resolution
    from stylealign.metrics.translation import Outputs, Structure, Target, diversity

    data, test = inputs.images("source-data"), inputs.images("target-data")
    zips = {label: ImageZip(path) for label, path in inputs.labelled.items()}
    for images in (test, *zips.values()):
        require_resolution(images, data.resolution_px)
    sources = images_named(data, _source_names(zips), inputs.path("source-data"))
    most = max(len(images) // len(sources) or 1 for images in zips.values() if "names" in images.info)
    outputs = {label: Outputs.of(images, len(sources), most) for label, images in zips.items()}
    if inputs.options["untouched"]:
        outputs = {UNTOUCHED: Outputs(sources)} | outputs
    extractor, distance = extractor_of(settings), distance_of(settings)
    structure = Structure(sources, inputs.pairs(("source", "target")))
    counter = progress(len(outputs), "methods")
    train = inputs.images("target-train") if inputs.has("target-train") else None
    target = Target.of(test, train, extractor)
    rows = []
    for label, translated in outputs.items():
        key = inputs.key_of(TABLE.name, label)
        rows += fit_rows(translated, target, extractor, key, settings)
        if translated.each > 1:
            varied = diversity(translated, distance, settings.bootstrap, settings.seed)
            rows.append(key.row(DIVERSITY.name, varied, settings.perceptual, STARGAN_V2))
        kept = structure.estimates(translated, settings.bootstrap, settings.seed)
        rows += [key.row(metric, estimate) for metric, estimate in kept.items()]
        counter.advance()
    outputs_of = {label: images.each for label, images in outputs.items()}
    return rows, {"sources": len(sources), "sources_of": len(data), "outputs": outputs_of}


def fit_rows(
    outputs: "Outputs", target: "Target", extractor: "nn.Module", key: "RowKey", settings: MetricSettings
) -> "list[Row]":
    """Return `fid` and `kid` by each protocol that the target has images for; the protocol stands in `setting`."""
    from stylealign.metrics.features import features_of

    generated = features_of((outputs.read(part) for part in outputs.chunks()), extractor)
    rows = distribution_rows(generated[:: outputs.each], target.test, key, settings, CUT)
    if target.train is not None:
        rows += distribution_rows(generated, target.train, key, settings, STARGAN_V2)
    return rows


def _source_names(zips: "Mapping[str, ImageZip]") -> list[str]:
    """Return the names of the sources, which the translations hold; samples that know no source hold none.

    Raises:
        StyleAlignError: no zip names its sources, or two name different ones.
    """
    named = {label: images.info["names"] for label, images in zips.items() if "names" in images.info}
    if not named:
        raise StyleAlignError(
            f"{next(iter(zips.values())).path}: names no sources; give images of stylealign translate"
        )
    first = next(iter(named))
    for label, names in named.items():
        if names != named[first]:
            raise StyleAlignError(
                f"{zips[label].path}: translations of other sources than {zips[first].path}; translate the same codes"
            )
    return list(named[first])


def cost(work: Work, child: str) -> Cost:
    """Return the cost of a job: all methods of a child."""
    found, data = work.model(child), work.data_of(child)
    sources, outputs = work.config.inversion.images, work.config.guided_outputs
    spaces = len(work.config.inversion_spaces)
    images = sources * (3 * outputs + 2 * spaces + 2)  # two guides and random samples; spaces, the control's, swap
    pairs = 2 * sources * outputs * (outputs - 1) / 2  # diversity
    features = work.features_s(data.splits.train_images + data.splits.test_images + images, found.px)
    distances = pairs * perceptual_s(work.config.metrics.perceptual, found.px)
    return Cost(
        host_s=(2 * spaces + 5) * 2 * work.fid_s(),
        network_s=features + distances,
        memory_mb=2000 + found.pixels_mb(1024 + 2 * images) * 2,
    )


KIND = Kind(
    name="translation",
    version=7,
    text="FID, KID and diversity of translated images, and how much of the source's structure they keep",
    files=(
        File("source-data", "ZIP", "images the sources are among (test split)"),
        File("target-data", "ZIP", "test images of the target (setting `cut`)"),
        File("target-train", "ZIP", "training images of the target (setting `stargan-v2`)", False),
        *(
            File(f"{role}-{task}", "NET", f"{task} network of the {role} domain ({metric.name})", False)
            for task, metric in AGREEMENTS.items()
            for role in ("source", "target")
        ),
    ),
    labelled=LabelledFiles(
        "ZIP",
        "images.zip of `stylealign translate`, or any samples of as many outputs for each source; the label goes into "
        "the `method` column, what follows a / into `setting` (unaligned/w+=...)",
    ),
    options=(Option("untouched", "add the sources as they are, as method `untouched`"),),
    settings=("features", "perceptual", "bootstrap", "seed", "weights_dir"),
    networks=("features", "perceptual"),
    tables=(TABLE,),
    rows=of_each_child,
    costs={"translation": cost},
    measure=measure,
)
