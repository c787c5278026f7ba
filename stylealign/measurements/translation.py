"""How well translated images fit the target domain, how they differ, and how much of their sources they keep."""

import dataclasses
from typing import TYPE_CHECKING

from stylealign.applications.labels.tasks import comparing
from stylealign.config import MetricSettings
from stylealign.errors import StyleAlignError
from stylealign.measurements.declare import (
    File,
    Kind,
    Measured,
    NamedFiles,
    Option,
    Progress,
    Table,
    of_each_child,
    rulers,
)
from stylealign.measurements.shared import (
    AGREEMENTS,
    DIFFERENCE_PROTOCOL,
    DISTRIBUTION_PROTOCOL,
    FID,
    KID,
    UNALIGNED,
    difference_of,
    distribution_rows,
    minus,
)
from stylealign.metrics.declared import Metric
from stylealign.metrics.structure import AGREEMENT_PROTOCOL
from stylealign.work.cost import Cost, Work
from stylealign.work.rates import perceptual_s

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from stylealign.datasets.images import ImageZip
    from stylealign.measurements.inputs import Inputs
    from stylealign.measurements.rows import Row, RowKey
    from stylealign.metrics.kernel_distance import Tied
    from stylealign.metrics.translation import Target

TO_TEST, TO_TRAINING = PROTOCOLS = ("to test images", "to training images")
"""What outputs are compared with by FID and KID; the protocol stands in `setting`."""
UNTOUCHED, RANDOM = "untouched", "random"
DIVERSITY = Metric("diversity", True, "perceptual distance between outputs of one source")
COMPARED = (KID, *AGREEMENTS.values())
"""Metrics whose differences between methods are told."""

TABLE = Table(
    "translation",
    title="Translations",
    section="translation",
    metrics=(FID, KID, DIVERSITY, *AGREEMENTS.values(), *map(difference_of, COMPARED)),
    protocol=f"{TO_TEST}: the first output of every source against the target's test images (as CUT and EGSDE report, "
    f"with their own features and sizes); {TO_TRAINING}: every output of every source (10 where the method has many, 1 "
    "where it has one) against the target's training images (as StarGAN v2 reports, at its own size, with Inception "
    "and ten references): these are alike, so that FID is biased upwards as that of fewer images; KID without pairs of "
    "outputs of one source or one reference, and without pairs of an output and the test image that is its reference, "
    "with an interval over sources and references; diversity: mean "
    "perceptual distance between the outputs of a source; psi: truncation of z codes in the target's mapping; "
    f"{DISTRIBUTION_PROTOCOL}; {AGREEMENT_PROTOCOL}; "
    f"{DIFFERENCE_PROTOCOL}",
    headline="kid",
    compared=("keypoint_error", "rotation_error", "kid"),
    charts=("keypoint_error", "kid"),
)


@dataclasses.dataclass(frozen=True)
class Found:
    """What is compared of a method, source by source.

    Attributes:
        first: features `[S, D]` of the first output of each source.
        tied: which of these have one reference, and which test image that is.
        structure: values `[S]` by metric.
    """

    first: "Tensor"
    tied: "Tied"
    structure: "Mapping[str, NDArray[np.float64]]"


def measure(inputs: "Inputs", settings: MetricSettings, progress: Progress) -> Measured:
    """Return the rows of every method, the untouched sources first where they are asked for, then the differences.

    Raises:
        StyleAlignError: files that do not belong together.
    """
    from stylealign.datasets.images import ImageZip
    from stylealign.measurements.inputs import distance_of, extractor_of, images_named
    from stylealign.metrics.bootstrap import mean_estimate
    from stylealign.metrics.features import features_of
    from stylealign.metrics.fid_kid import Reference
    from stylealign.metrics.generators import require_resolution
    from stylealign.metrics.translation import Outputs, Structure, Target, diversity

    data, extractor = inputs.images("source-data"), extractor_of(settings)
    test = inputs.features("target-data", extractor, settings.features)
    zips = {name: ImageZip(path) for name, path in inputs.named_files.items()}
    require_resolution(test, data.resolution_px)
    for images in zips.values():
        require_resolution(images, data.resolution_px)
    sources = images_named(data, _source_names(zips), inputs.path("source-data"))
    most = max(len(images) // len(sources) or 1 for images in zips.values() if "names" in images.info)
    outputs = {name: Outputs.of(images, len(sources), most) for name, images in zips.items()}
    if inputs.options["untouched"]:
        outputs = {UNTOUCHED: Outputs(sources)} | outputs
    distance = distance_of(settings)
    structure = Structure(sources, inputs.rulers())
    counter = progress(len(outputs), "methods")
    train = None
    if inputs.has("target-train"):
        train = Reference(inputs.features("target-train", extractor, settings.features).values)
    target = Target(Reference(test.values), train)
    rows, found = [], {}
    for name, translated in outputs.items():
        key = inputs.key_of(TABLE.name, name)
        generated = features_of((translated.read(part) for part in translated.chunks()), extractor)
        tied = translated.ties(test.images)
        found[name] = Found(generated[:: translated.each], tied.every(translated.each), structure.values(translated))
        rows += fit_rows(generated, translated.each, target, key, settings, tied)
        if translated.each > 1:
            varied = diversity(translated, distance, settings.bootstrap, settings.seed)
            rows.append(key.row(DIVERSITY.name, varied, settings.perceptual))
        for metric, values in found[name].structure.items():
            rows.append(key.row(metric, mean_estimate(values, settings.bootstrap, settings.seed)))
        counter.advance()
    for name in outputs:
        for other in compared_with(name, list(outputs), _space_of(zips[name]) if name in zips else ""):
            key = inputs.key_of(TABLE.name, name)
            rows += difference_rows(found[name], found[other], target, key, minus(other.replace("/", " ")), settings)
    outputs_of = {name: images.each for name, images in outputs.items()}
    return rows, {"sources": len(sources), "sources_of": len(data), "outputs": outputs_of}


def fit_rows(
    generated: "Tensor", each: int, target: "Target", key: "RowKey", settings: MetricSettings, tied: "Tied"
) -> "list[Row]":
    """Return `fid` and `kid` of features `[S * each, D]` by each protocol that the target has images for.

    Args:
        generated: features, source after source.
        each: outputs of a source.
        target: features of the target's images.
        key: of the rows.
        settings: features, seed.
        tied: which of the images have one reference, and which of the test images that is.
    """
    rows = distribution_rows(generated[::each], target.of_test, key, settings, TO_TEST, tied=tied.every(each))
    if target.of_training is not None:
        among = dataclasses.replace(tied, own=None)
        rows += distribution_rows(generated, target.of_training, key, settings, TO_TRAINING, each, among)
    return rows


def _space_of(images: "ImageZip") -> str:
    """Return the space of the codes that translations start from, as their file says; empty where it does not."""
    said: object = images.info
    for key in ("provenance", "settings", "space"):
        said = said.get(key) if isinstance(said, dict) else None
    return said if isinstance(said, str) else ""


def compared_with(name: str, names: "Sequence[str]", space: str = "") -> list[str]:
    """Return the methods that one is compared with: the untouched sources, and the control by the same space.

    Args:
        name: METHOD[/SETTING] of a method.
        names: those of all methods.
        space: of the codes that it starts from, for one that is not called after it (a guide, the layer swap); where
            it is not known, that is compared with the last control.
    """
    method, _, _ = name.partition("/")
    if method == UNTOUCHED:
        return []
    controls = {other: other.partition("/")[2].split(", ")[0] for other in names if other.split("/")[0] == UNALIGNED}
    own_space = method if method in controls.values() else space
    same = [other for other, own in controls.items() if own == own_space]
    if not own_space:
        same = list(controls)[-1:]
    own = [] if method in (UNALIGNED, RANDOM) else same[:1]
    return [other for other in (UNTOUCHED, *own) if other in names]


def difference_rows(
    one: Found, other: Found, target: "Target", key: "RowKey", setting: str, settings: MetricSettings
) -> "list[Row]":
    """Return how far one method is from another by `COMPARED` (KID against the test images)."""
    from stylealign.metrics.bootstrap import mean_difference
    from stylealign.metrics.fid_kid import kid_difference
    from stylealign.metrics.kernel_distance import Tied

    tied = Tied.either(one.tied, other.tied)
    apart = kid_difference(one.first, other.first, target.of_test.features, settings.seed, tied)
    rows = [key.row(difference_of(KID).name, apart, settings.features, f"{TO_TEST}, {setting}")]
    for metric, values in one.structure.items():
        apart = mean_difference(values, other.structure[metric], settings.bootstrap, settings.seed)
        rows.append(key.row(f"{metric}_difference", apart, setting=setting))
    return rows


def _source_names(zips: "Mapping[str, ImageZip]") -> list[str]:
    """Return the names of the sources, which the translations hold; samples that know no source hold none.

    Raises:
        StyleAlignError: no zip names its sources, or two name different ones.
    """
    named = {name: images.info["names"] for name, images in zips.items() if "names" in images.info}
    if not named:
        raise StyleAlignError(
            f"{next(iter(zips.values())).path}: names no sources; give images of stylealign translate"
        )
    first = next(iter(named))
    for name, own in named.items():
        if own != named[first]:
            raise StyleAlignError(
                f"{zips[name].path}: translations of other sources than {zips[first].path}; translate the same codes"
            )
    return list(named[first])


def cost(work: Work, child: str) -> Cost:
    """Return the cost of a job: all methods of a child."""
    found = work.model(child)
    sources, outputs = work.config.inversion.images, work.config.guided_outputs
    spaces = len(work.config.inversion_spaces)
    images = sources * (3 * outputs + 2 * spaces + 2)  # two guides and random samples; spaces, the control's, swap
    pairs = 2 * sources * outputs * (outputs - 1) / 2  # diversity
    features = work.features_s(images, found.px)
    distances = pairs * perceptual_s(work.config.metrics.perceptual, found.px)
    return Cost(
        host_s=(2 * spaces + 5 + 4) * 2 * work.fid_s(),  # with references each kernel four times
        network_s=features + distances,
        memory_mb=2000 + found.pixels_mb(1024 + 2 * images) * 2,
    )


KIND = Kind(
    name="translation",
    version=14,
    text="FID, KID and diversity of translated images, and how much of the source's structure they keep",
    files=(
        File("source-data", "ZIP", "images the sources are among (test split)"),
        File("target-data", "ZIP", "test images of the target, or their features (`stylealign features`)"),
        File("target-train", "ZIP", f"training images of the target, or their features (rows `{TO_TRAINING}`)", False),
        *rulers(comparing()),
    ),
    named_files=NamedFiles(
        "ZIP",
        "images.zip of `stylealign translate`, or any samples of as many outputs for each source; the name goes into "
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
