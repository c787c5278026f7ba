"""Rows of what `stylealign morph` measured, and how real the middle of a morph looks."""

from typing import Any

import numpy as np
from torch import nn

from stylealign.config import MetricSettings
from stylealign.datasets.images import ImageZip
from stylealign.errors import StyleAlignError
from stylealign.metrics.bootstrap import mean_estimate
from stylealign.metrics.features import features_of
from stylealign.metrics.fid_kid import kid
from stylealign.metrics.generators import read_images
from stylealign.metrics.rows import Row, RowKey

FEWEST_MIDDLE_IMAGES = 4
METRICS = ("path_length", "step_ratio", "endpoint_error")
MIDDLE_SETTINGS = ("middle to source domain", "middle to target domain")
MIDDLE_PROTOCOL = (
    "path_length: sum over the frames of the root of the perceptual distance of one to the next; step_ratio: the "
    "largest of these steps over their mean; kid: the frame half-way through each morph, one a morph, against the test "
    "images of each domain"
)


def morphing_rows(content: dict[str, Any], source: str, labels: RowKey, settings: MetricSettings) -> list[Row]:
    """Return one row for each method and metric.

    Args:
        content: metrics.json of `stylealign morph`: `methods` -> method -> metric -> one value an image; `features`.
        source: file the content is from, for errors.
        labels: labels of the rows; a method there keeps only that method.
        settings: bootstrap.

    Raises:
        StyleAlignError: not such a file, or without the wanted method.
    """
    try:
        features = str(content["features"])
        methods = {method: {metric: np.array(columns[metric], dtype=np.float64) for metric in METRICS}
                   for method, columns in content["methods"].items()}  # fmt: skip
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise StyleAlignError(
            f"{source}: not the metrics of a morph ({error}); make it again with `stylealign morph`"
        ) from error
    wanted = [labels.method] if labels.method else list(methods)
    rows = []
    for method in wanted:
        if method not in methods:
            raise StyleAlignError(f"{source}: no method {method!r}; it has {', '.join(methods)}")
        group = RowKey(labels.table, labels.parent, labels.child, method, labels.setting)
        for metric, values in methods[method].items():
            rows.append(group.row(metric, mean_estimate(values, settings.bootstrap, settings.seed), features))
    return rows


def middle_rows(middle: ImageZip, domains: list[ImageZip], extractor: nn.Module, labels: RowKey,
                settings: MetricSettings) -> list[Row]:  # fmt: skip
    """Return the KID of each method's middle frames, one a morph, to each of the two domains.

    Args:
        middle: middle.zip of `stylealign morph`; its labels say which method an image is of.
        domains: test images of the source's and of the target's domain.
        extractor: feature network.
        labels: labels of the rows; a method there keeps only that method.
        settings: features, seed.

    Raises:
        StyleAlignError: not such a zip, or too few frames in it.
    """
    methods = middle.info.get("methods")
    if not methods or middle.labels is None:
        raise StyleAlignError(f"{middle.path}: not the middle frames of a morph; make it again with `stylealign morph`")
    features, classes = features_of(middle.read(), extractor), np.array(middle.labels)
    references = [features_of(read_images(domain), extractor) for domain in domains]
    rows = []
    for index, method in enumerate(methods):
        if labels.method in ("", method):
            frames = features[classes == index]
            if len(frames) < FEWEST_MIDDLE_IMAGES:
                raise StyleAlignError(
                    f"{middle.path}: {len(frames)} middle frames of {method}, KID needs {FEWEST_MIDDLE_IMAGES}; "
                    "raise morphing.middle_images or inversion.images"
                )
            group = RowKey(labels.table, labels.parent, labels.child, method, labels.setting)
            rows += [group.row("kid", kid(frames, real, settings.seed), settings.features, setting)
                     for setting, real in zip(MIDDLE_SETTINGS, references, strict=True)]  # fmt: skip
    return rows
