"""The table of zero-shot attributes, and its rows: how well scores tell images with a value from those without."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from stylealign.applications.labels.methods import BEST
from stylealign.config import MetricSettings
from stylealign.measurements.declare import Table
from stylealign.measurements.shared import DIFFERENCE_PROTOCOL, difference_of, minus
from stylealign.measurements.zero_shot_tables import SOURCE_ONLY
from stylealign.metrics.declared import Metric

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from stylealign.applications.labels.networks import Labeller
    from stylealign.datasets.annotations import Annotations
    from stylealign.measurements.rows import Row, RowKey
    from stylealign.metrics.classification import Area

    Scores = Mapping[str, NDArray[np.float64]]
    """What says whether images have a value, `[N]` by value."""

BOUNDARY = "latent boundary"
FEWEST = 2
"""Images that each side of a value needs for a number."""
FEWEST_BOUNDED = 10
"""Those that the interval of an area needs: of fewer it is too narrow."""

ACCURACY = Metric("accuracy", True, "share of images rightly said to have a value or not", is_by_setting=True)
AUC = Metric("auc", True, "chance that an image with a value scores higher than one without", is_by_setting=True)
MEAN_AUC = Metric("mean_auc", True, "mean over attributes of the mean of auc over an attribute's values")

TABLE = Table(
    "zero_shot_classification",
    title="Zero-shot classification",
    section="zero-shot",
    metrics=(ACCURACY, AUC, MEAN_AUC, difference_of(AUC), difference_of(MEAN_AUC)),
    protocol="values of the attributes that both domains name alike (of yes and no, yes), each with "
    f"{FEWEST} test images on either side; networks: the value's probability, right at above a half; {BOUNDARY}: mean "
    "distance of a child image's W+ code, inverted in the child (unaligned: in the control), to a hyperplane of the "
    "parent (logistic regression on its samples, labelled by the parent's network), right at above the middle between "
    f"both sides' means; {MEAN_AUC.name}: each attribute weighs the same, however many values it has; several seeds: "
    "their mean, images resampled together and seeds as a level of their own, widened as Student's t; n: images "
    "that the value, of a mean any, is known of; "
    f"{AUC.name} and its difference have no interval where either side has fewer than {FEWEST_BOUNDED} images; "
    f"{BEST}: the method with the highest {MEAN_AUC.name} on the validation images; {DIFFERENCE_PROTOCOL}",
    headline=MEAN_AUC.name,
    compared=(MEAN_AUC.name,),
    charts=(MEAN_AUC.name,),
)


def sides(annotations: "Annotations", value: str) -> tuple[int, int]:
    """Return how many images are known not to have a value, and to have it."""
    has, is_known = _has(annotations, value)
    return int((is_known & ~has).sum()), int((is_known & has).sum())


def _has(annotations: "Annotations", value: str) -> "tuple[NDArray[np.bool_], NDArray[np.bool_]]":
    """Return which images have a value, and of which it is known."""
    attribute, _, name = value.partition("=")
    numbers = annotations.attributes[attribute]
    return numbers == list(annotations.names.attributes[attribute]).index(name), numbers >= 0


def chances(network: "Labeller", images: "NDArray[np.uint8]") -> "dict[str, NDArray[np.float64]]":
    """Return the probability of every value `[N]` that a network knows."""
    from stylealign.applications.labels.learning import predict
    from stylealign.metrics.effects import probabilities

    found = probabilities(network.spec.names, predict(network, images)["attributes"])
    return {name: found[:, place] for place, name in enumerate(network.spec.names)}


def area_of(scores: "Scores", annotations: "Annotations", values: Sequence[str]) -> "Area":
    """Return the mean area under the curves of some values, which can be resampled; of images that one is known of.

    Each attribute weighs the same: it is the mean over attributes of the mean over an attribute's values.
    """
    import numpy as np

    from stylealign.metrics.classification import Area

    has, known = (np.stack(parts, axis=1) for parts in zip(*(_has(annotations, own) for own in values), strict=True))
    of_values = np.stack([scores[value] for value in values], axis=1)
    attributes = [value.partition("=")[0] for value in values]
    weights = np.array([1 / attributes.count(name) for name in attributes])
    counts = known.any(axis=1)
    return Area(of_values[counts], has[counts], known[counts], weights)


def areas_of(scores: "Scores", annotations: "Annotations", values: Sequence[str]) -> "dict[str, Area]":
    """Return the area of each value, and under the name of `MEAN_AUC` that of all together (`area_of`)."""
    areas = {value: area_of(scores, annotations, [value]) for value in values}
    return areas | ({MEAN_AUC.name: area_of(scores, annotations, values)} if values else {})


def value_rows(
    seeds: "Sequence[Scores]",
    annotations: "Annotations",
    values: Sequence[str],
    threshold: float,
    key: "RowKey",
    settings: MetricSettings,
    others: "Mapping[str, Area] | None" = None,
) -> "list[Row]":
    """Return accuracy and area under the curve of each value, and the mean area (`area_of`).

    The area of a value with fewer than `FEWEST_BOUNDED` images on a side has no interval; the mean has.

    Args:
        seeds: scores of each seed; images whose value is not known are left out.
        annotations: of the same images.
        values: those that count, each on both sides.
        threshold: from where on an image is said to have a value.
        key: names of the rows.
        settings: bootstrap draws and seed.
        others: areas of source-only on the same images (`areas_of`), which are taken off.
    """
    from stylealign.metrics.bootstrap import Ratio, pooled_difference, pooled_estimate

    draws, taken_off = (settings.bootstrap, settings.seed), minus(SOURCE_ONLY)
    rows = []
    areas = [areas_of(own, annotations, values) for own in seeds]
    for what in areas[0]:
        is_mean = what == MEAN_AUC.name
        if not is_mean:
            has, is_known = _has(annotations, what)
            right = [Ratio.mean(((own[what] > threshold) == has)[is_known]) for own in seeds]
            rows.append(key.row(ACCURACY.name, pooled_estimate(right, *draws), setting=what))
        metric, setting, found = MEAN_AUC if is_mean else AUC, "" if is_mean else what, [own[what] for own in areas]
        numbers = {(metric.name, setting): pooled_estimate(found, *draws)}
        if others is not None:
            told = taken_off if is_mean else f"{what}, {taken_off}"
            numbers[difference_of(metric).name, told] = pooled_difference(found, [others[what]], *draws)
        is_bounded = is_mean or min(sides(annotations, what)) >= FEWEST_BOUNDED
        for (name, told), number in numbers.items():
            estimate = number if is_bounded else dataclasses.replace(number, ci_low=None, ci_high=None)
            rows.append(key.row(name, estimate, setting=told))
    return rows
