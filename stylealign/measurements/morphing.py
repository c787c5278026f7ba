"""What `stylealign morph` measured, as rows, and how real the middle of a morph looks."""

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from stylealign.config import FEWEST_MEASURED, MetricSettings
from stylealign.errors import StyleAlignError
from stylealign.measurements.declare import File, Kind, Measured, Progress, Table, of_each_child
from stylealign.measurements.shared import KID
from stylealign.metrics.bootstrap import mean_estimate
from stylealign.metrics.declared import Metric
from stylealign.work.cost import Cost, Work
from stylealign.work.rates import load_rates

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import nn

    from stylealign.datasets.images import ImageZip
    from stylealign.measurements.inputs import Inputs
    from stylealign.measurements.rows import Row, RowKey
    from stylealign.metrics.kernel_distance import Tied

OF_MORPHS = (
    Metric(
        "path_length",
        False,
        "sum of the perceptual steps along the morph, each the root of the distance between two frames",
    ),
    Metric("step_ratio", False, "largest perceptual step over the mean step; 1 is perfectly even"),
    Metric("endpoint_error", False, "perceptual distance between the ends and what they should be"),
)
"""Metrics that `stylealign morph` measures, one value a morph."""

MIDDLE_SETTINGS = ("middle-to-source", "middle-to-target")

TABLE = Table(
    "morphing",
    title="Morphs, by what moves",
    section="morphing",
    metrics=(*OF_MORPHS, KID),
    protocol="path_length: sum over the frames of the root of the perceptual distance of one to the next; step_ratio: "
    "the largest of these steps over their mean; kid: the frame half-way through each morph, one a morph, against the "
    "test images of each domain (middle-to-source, middle-to-target), without pairs of a frame and a test image that "
    "its morph starts or ends at",
    headline="step_ratio",
    charts=("step_ratio",),
)


def measure(inputs: "Inputs", settings: MetricSettings, progress: Progress) -> Measured:
    """Return the measures of each method, and the KID of its middle frames where they are given.

    Raises:
        StyleAlignError: files that are no morph's, or that do not belong together.
    """
    from stylealign.measurements.inputs import extractor_of

    key = inputs.key(TABLE.name)
    rows = morph_rows(inputs, key, settings)
    if inputs.has("middle"):
        if not (inputs.has("source-data") and inputs.has("target-data")):
            raise StyleAlignError("--middle: needs --source-data and --target-data, the test images of the two domains")
        domains = [inputs.images("source-data"), inputs.images("target-data")]
        rows += middle_rows(inputs.images("middle"), domains, extractor_of(settings), key, settings)
    return rows, {}


def morph_rows(inputs: "Inputs", key: "RowKey", settings: MetricSettings) -> "list[Row]":
    """Return one row for each method and metric of `OF_MORPHS`; a method in the key keeps only that one.

    Raises:
        StyleAlignError: not the metrics of a morph, or without the wanted method.
    """
    content, source = inputs.json("metrics"), inputs.path("metrics")
    try:
        features = str(content["features"])
        methods = {
            method: {metric.name: np.array(columns[metric.name], dtype=np.float64) for metric in OF_MORPHS}
            for method, columns in content["methods"].items()
        }
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise StyleAlignError(
            f"{source}: not the metrics of a morph ({error}); make it again with `stylealign morph`"
        ) from error
    rows = []
    for method in [key.method] if key.method else list(methods):
        if method not in methods:
            raise StyleAlignError(f"{source}: no method {method!r}; it has {', '.join(methods)}")
        own = dataclasses.replace(key, method=method)
        for metric, values in methods[method].items():
            rows.append(own.row(metric, mean_estimate(values, settings.bootstrap, settings.seed), features))
    return rows


def middle_rows(
    middle: "ImageZip",
    domains: "Sequence[ImageZip]",
    extractor: "nn.Module",
    key: "RowKey",
    settings: MetricSettings,
) -> "list[Row]":
    """Return the KID of each method's middle frames, one a morph, to each of the two domains.

    Args:
        middle: middle.zip of `stylealign morph`; its labels say which method an image is of.
        domains: test images of the source's and of the target's domain.
        extractor: feature network.
        key: of the rows; a method there keeps only that method.
        settings: features, seed.

    Raises:
        StyleAlignError: not such a zip, or too few frames in it.
    """
    from stylealign.metrics.features import features_of
    from stylealign.metrics.fid_kid import kid
    from stylealign.metrics.generators import read_images

    methods, ends = middle.info.get("methods"), [middle.listed(key) for key in ("sources", "targets")]
    if not methods or middle.labels is None or ends[0] is None:
        raise StyleAlignError(f"{middle.path}: not the middle frames of a morph; make it again with `stylealign morph`")
    features, classes = features_of(middle.read(), extractor), np.array(middle.labels)
    references = [features_of(read_images(domain), extractor) for domain in domains]
    rows = []
    for index, method in enumerate(methods):
        if key.method not in ("", method):
            continue
        frames = features[classes == index]
        if len(frames) < FEWEST_MEASURED:
            raise StyleAlignError(
                f"{middle.path}: {len(frames)} middle frames of {method}, KID needs {FEWEST_MEASURED}; "
                "raise morphing.middle_images or inversion.images"
            )
        own = dataclasses.replace(key, method=method)
        for setting, real, names, domain in zip(MIDDLE_SETTINGS, references, ends, domains, strict=True):
            tied = made_from(names, domain.names, len(frames))
            rows.append(own.row(KID.name, kid(frames, real, settings.seed, tied=tied), settings.features, setting))
    return rows


def made_from(names: "Sequence[str] | None", images: "Sequence[str]", frames: int) -> "Tied":
    """Return which frame of a method was made from which image of a domain.

    Args:
        names: image that each frame was made from; None for none.
        images: names of the domain's images.
        frames: of the method.

    Raises:
        StyleAlignError: names of more or fewer frames.
    """
    import torch

    from stylealign.metrics.kernel_distance import UNTIED, Tied

    if names is None:
        return UNTIED
    if len(names) != frames:
        raise StyleAlignError(
            f"middle.zip: {frames} frames of a method, made from {len(names)} images; make it again with "
            "`stylealign morph`"
        )
    places = {name: place for place, name in enumerate(images)}
    return Tied(own=torch.tensor([places.get(name, -1) for name in names]))


def cost(work: Work, child: str) -> Cost:
    """Return the cost of a job: the morphs to a child."""
    found, model = work.model(child), work.config.models[child]
    domains = [model.domain, work.config.models[model.parent or child].domain]
    images = sum(work.config.domains[domain].splits.test_images for domain in domains)
    statistics = 2 * load_rates().cpu.fid_s * work.dimensions
    return Cost(statistics, network_s=work.features_s(images, found.px), memory_mb=2000 + found.pixels_mb(2048))


KIND = Kind(
    name="morphing",
    version=11,
    text="the numbers that `stylealign morph` measured, as rows, and the KID of the middle frames",
    files=(
        File(
            "metrics",
            "JSON",
            "metrics.json of `stylealign morph`; --method, where given, keeps that method's rows only",
        ),
        File("middle", "ZIP", "middle.zip of `stylealign morph`: adds their KID", False),
        *(
            File(f"{role}-data", "ZIP", f"test images of the {role}'s domain (with --middle)", False)
            for role in ("source", "target")
        ),
    ),
    settings=("features", "weights_dir", "bootstrap", "seed"),
    networks=("features",),
    tables=(TABLE,),
    rows=of_each_child,
    costs={"morphing": cost},
    measure=measure,
)
