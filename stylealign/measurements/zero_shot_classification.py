"""Attributes that both domains share, by networks and by latent codes; and numbers by latent codes of few labels."""

import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from stylealign.config import MetricSettings
from stylealign.errors import StyleAlignError
from stylealign.measurements import zero_shot
from stylealign.measurements.declare import Experiment, File, Kind, Measured, NamedFiles, Progress, Table
from stylealign.measurements.shared import DIFFERENCE_PROTOCOL, difference_of, minus
from stylealign.measurements.zero_shot_tables import INVERTED
from stylealign.metrics.declared import Metric
from stylealign.work.cost import MEGABYTE, Cost, Work

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from stylealign.applications.labels.networks import Labeller
    from stylealign.datasets.annotations import Annotations
    from stylealign.measurements.inputs import Inputs
    from stylealign.measurements.rows import Row, RowKey
    from stylealign.metrics.latent_labels import Plane

BOUNDARY = "latent boundary"
DISTANCES = "latent distances"
LABELS = (2, 5, 10, 20, 1000)
"""Labels that a number is regressed on; and all there are, where they are fewer."""
CHOICES = 200
"""Choices of so many labels."""
FEWEST = 2
"""Images that each side of a value needs for a number."""
LATENT_FILES = ("parent", "parent-data", "parent-annotations", "parent-codes", "codes")

ACCURACY = Metric("accuracy", True, "share of images rightly said to have a value or not", is_by_setting=True)
AUC = Metric("auc", True, "chance that an image with a value scores higher than one without", is_by_setting=True)
MEAN_AUC = Metric("mean_auc", True, "mean of auc over the values that the networks know")

TABLE = Table(
    "zero_shot_classification",
    title="Zero-shot classification",
    section="zero-shot",
    metrics=(ACCURACY, AUC, MEAN_AUC, difference_of(AUC)),
    protocol="values of the attributes that both domains name alike (of yes and no, yes), each with "
    f"{FEWEST} test images on either side; networks: the value's probability, right at above a half; {BOUNDARY}: mean "
    "distance of a child image's W+ code, inverted in the child, to a hyperplane of the parent (logistic regression on "
    "its samples, labelled by the parent's network), right at above the middle between both sides' means; "
    f"{DIFFERENCE_PROTOCOL}",
    headline=MEAN_AUC.name,
    compared=(MEAN_AUC.name,),
    charts=(MEAN_AUC.name,),
)
REGRESSION = zero_shot.TABLES["pose"]
PROTOCOL = (
    f"{DISTANCES}: least squares on the distances of the first 4 layers of W+ codes to a hyperplane of the parent "
    f"(between the fifths of its samples with the lowest and highest numbers), from so many annotated images of the "
    f"parent's domain inverted in the parent, the mean over {CHOICES} choices of them, for images inverted in the child"
)


class Latents(NamedTuple):
    """Codes and what is known of the images that they are of."""

    codes: "NDArray[np.float32]"
    images: "NDArray[np.uint8]"
    annotations: "Annotations"

    def number(self, name: str) -> "NDArray[np.float32]":
        """Return a number `[N, 1]` of the annotations, NaN where it is not known; they must have it."""
        assert self.annotations.pose is not None, "the names are those of the numbers"
        return self.annotations.pose[:, [self.annotations.names.values.index(name)]]


def measure(inputs: "Inputs", settings: MetricSettings, progress: Progress) -> Measured:
    """Return the rows of the networks and, where there are codes, those of the latents.

    Raises:
        StyleAlignError: files that do not belong together, or domains that share no attribute.
    """
    from stylealign.applications.labels.networks import load_label_network
    from stylealign.devices import compute_device
    from stylealign.metrics.effects import shared_values

    given = [role for role in LATENT_FILES if inputs.has(role)]
    if given and len(given) < len(LATENT_FILES):
        missing = next(role for role in LATENT_FILES if role not in given)
        raise StyleAlignError(f"--{given[0]}: goes with --{missing} and the other files of latents; give all, or none")
    data = inputs.images("data")
    annotations = inputs.annotations("annotations", data)
    loaded = {
        name: load_label_network(path, "attributes", data.resolution_px) for name, path in inputs.named_files.items()
    }
    networks = {name: network.to(compute_device()) for name, (network, _) in loaded.items()}
    theirs = [f"{name}={value}" for name, values in annotations.attribute_values.items() for value in values]
    values = theirs
    for network in networks.values():
        values = [value for value in values if value in shared_values(network.spec.names, theirs)]
    values = [value for value in values if min(_sides(annotations, value)) >= FEWEST]
    rows: list[Row] = []
    chances = {name: _chances(network, data.read()) for name, network in networks.items()}
    for name, own in chances.items():
        rows += value_rows(own, annotations, values, 0.5, inputs.key_of(TABLE.name, name), settings)
    if not values:
        warnings.warn(f"no attribute that all networks know has {FEWEST} images on either side", stacklevel=2)
    if given:
        rows += _latent_rows(inputs, networks.get(zero_shot.SOURCE_ONLY), values, settings)
    facts = {"networks": {name: origin for name, (_, origin) in loaded.items()}, "latents": PROTOCOL}
    return rows, facts


def _sides(annotations: "Annotations", value: str) -> tuple[int, int]:
    has, is_known = _has(annotations, value)
    return int((is_known & ~has).sum()), int((is_known & has).sum())


def _has(annotations: "Annotations", value: str) -> "tuple[NDArray[np.bool_], NDArray[np.bool_]]":
    """Return which images have a value, and of which it is known."""
    attribute, _, name = value.partition("=")
    numbers = annotations.attributes[attribute]
    return numbers == list(annotations.names.attributes[attribute]).index(name), numbers >= 0


def _chances(network: "Labeller", images: "NDArray[np.uint8]") -> "dict[str, NDArray[np.float64]]":
    """Return the probability of every value `[N]` that a network knows."""
    from stylealign.applications.labels.learning import predict
    from stylealign.metrics.effects import probabilities

    found = probabilities(network.spec.names, predict(network, images)["attributes"])
    return {name: found[:, place] for place, name in enumerate(network.spec.names)}


def value_rows(
    scores: "Mapping[str, NDArray[np.float64]]",
    annotations: "Annotations",
    values: "Sequence[str]",
    threshold: float,
    key: "RowKey",
    settings: MetricSettings,
    others: "Mapping[str, NDArray[np.float64]] | None" = None,
) -> "list[Row]":
    """Return accuracy and area under the curve of each value, and the mean of the areas.

    Args:
        scores: `[N]` by value; images whose value is not known are left out.
        annotations: of the same images.
        values: those that count, each on both sides.
        threshold: from where on an image is said to have a value.
        key: names of the rows.
        settings: bootstrap draws and seed.
        others: scores of source-only on the same images, whose areas are taken off.
    """
    import numpy as np

    from stylealign.metrics.bootstrap import mean_estimate, resampled_estimate
    from stylealign.metrics.classification import auc, auc_estimate

    draws = settings.bootstrap, settings.seed
    rows = []
    for value in values:
        has, is_known = _has(annotations, value)
        own, labels = scores[value][is_known], has[is_known]
        right = ((own > threshold) == labels).astype(float)
        rows.append(key.row(ACCURACY.name, mean_estimate(right, *draws), setting=value))
        rows.append(key.row(AUC.name, auc_estimate(own, labels, *draws), setting=value))
        if others is not None:
            paired = auc_estimate(own, labels, *draws, other=others[value][is_known])
            setting = f"{value}, {minus(zero_shot.SOURCE_ONLY)}"
            rows.append(key.row(difference_of(AUC).name, paired, setting=setting))

    def mean_of(weights: "NDArray[np.float64]") -> "NDArray[np.float64]":
        sides = [_has(annotations, value) for value in values]
        areas = [auc(scores[value], has, weights * known) for value, (has, known) in zip(values, sides, strict=True)]
        return np.mean(areas, axis=0)

    if values:
        rows.append(key.row(MEAN_AUC.name, resampled_estimate(mean_of, len(annotations), *draws)))
    return rows


def _latent_rows(
    inputs: "Inputs", network: "Labeller | None", values: "Sequence[str]", settings: MetricSettings
) -> "list[Row]":
    """Return the rows of the values' boundaries and of the numbers' distances, on the images that were inverted."""
    from stylealign.applications.labels.learning import seeing
    from stylealign.devices import compute_device
    from stylealign.metrics.effects import seeing_all
    from stylealign.metrics.latent_labels import planes_of, scores_of

    parent = inputs.model("parent")
    own = _latents(inputs, "codes", "data", "annotations")
    theirs = _latents(inputs, "parent-codes", "parent-data", "parent-annotations")
    pose = inputs.seeing("pose", "pose") if inputs.has("pose") else None
    see = seeing_all(pose, None if network is None else seeing(network), values if network is not None else ())
    if see is None:
        raise StyleAlignError(
            f"--codes: needs {zero_shot.SOURCE_ONLY}=NET or --pose NET, networks of the parent's domain; give one"
        )
    planes = planes_of(parent.generator.to(compute_device()), see, settings.direction_samples, settings.seed)
    rows: list[Row] = []
    scores = scores_of(own.codes, planes)
    known = [value for value in values if value in scores and min(_sides(own.annotations, value)) >= FEWEST]
    if network is not None and known:
        key = inputs.key_of(TABLE.name, BOUNDARY)
        others = _chances(network, own.images)
        rows += value_rows(scores, own.annotations, known, 0.0, key, settings, others)
    if pose is not None:
        rows += _number_rows(
            inputs, own, theirs, planes, dict(zip(pose.names, pose(own.images).T, strict=True)), settings
        )
    return rows


def _latents(inputs: "Inputs", codes_role: str, data_role: str, annotations_role: str) -> Latents:
    """Return W+ codes with the images and annotations that they are of.

    Raises:
        StyleAlignError: codes of another space, or of other images.
    """
    import numpy as np

    from stylealign.latents.codes import Codes
    from stylealign.measurements.inputs import images_named

    path, data = inputs.path(codes_role), inputs.images(data_role)
    codes = Codes.load(path, space="w+")
    images = images_named(data, codes.names, path)
    places = np.array([data.names.index(name) for name in codes.names])
    return Latents(codes.values, images, inputs.annotations(annotations_role, data).rows(places))


def _number_rows(
    inputs: "Inputs",
    own: Latents,
    theirs: Latents,
    planes: "Mapping[str, Plane]",
    seen: "Mapping[str, NDArray[np.float64]]",
    settings: MetricSettings,
) -> "list[Row]":
    """Return the scores of each number by how many labels it was regressed on, and source-only's on these images."""
    import numpy as np

    from stylealign.metrics.bootstrap import pooled_difference, pooled_estimate
    from stylealign.metrics.latent_labels import LAYERS, distances, repeated
    from stylealign.metrics.structure import POSE_NAMES, pose_scores

    draws, rows = (settings.bootstrap, settings.seed), []
    for name, values in seen.items():
        plane = planes.get(POSE_NAMES.get(name, name))
        if plane is None or name not in own.annotations.names.values or name not in theirs.annotations.names.values:
            continue
        truth, labels = (side.number(name) for side in (own, theirs))
        is_known = ~np.isnan(labels[:, 0])
        features = [distances(side.codes, plane)[:, :LAYERS] for side in (theirs, own)]
        base = pose_scores(values[:, None].astype(np.float32), truth, (name,))[name]
        key = inputs.key_of(REGRESSION.name, zero_shot.SOURCE_ONLY)
        for metric, score in zip(("mae", "r2"), base, strict=True):
            rows.append(key.row(metric, score.estimate(*draws), setting=f"{name}, {INVERTED}"))
        key = inputs.key_of(REGRESSION.name, DISTANCES)
        for count in label_counts(int(is_known.sum())):
            found = repeated(features[0][is_known], labels[is_known, 0], features[1], count, CHOICES, settings.seed)
            scores = [pose_scores(predicted[:, None], truth, (name,))[name] for predicted in found]
            setting = f"{name}, {count} labels"
            for place, metric in enumerate(("mae", "r2")):
                each = [score[place] for score in scores]
                rows.append(key.row(metric, pooled_estimate(each, *draws), setting=setting))
                paired = pooled_difference(each, [base[place]], *draws)
                against = f"{setting}, {minus(zero_shot.SOURCE_ONLY)}"
                rows.append(key.row(f"{metric}_difference", paired, setting=against))
    return rows


def label_counts(known: int) -> list[int]:
    """Return how many labels a number is regressed on, of as many as are known."""
    fewer = [count for count in LABELS if count < known]
    return [*fewer, min(known, LABELS[-1])] if known >= LABELS[0] else []


def rows_of(experiment: Experiment) -> list[str]:
    """Return a file for each child whose domain shares attributes with its parent's."""
    return [child for child in experiment.children if experiment.classification_networks(child)]


def cost(work: Work, child: str) -> Cost:
    """Return the cost of a job: networks on the test images, samples of the parent, and their labels."""
    data, found, metrics = work.data_of(child), work.model(child), work.config.metrics
    images, px = data.splits.test_images, data.resolution_px
    networks = 2 + 2 * work.config.zero_shot.seeds * len(work.config.zero_shot.methods)
    seconds = work.labels_s(networks * images + 2 * metrics.direction_samples, px)
    memory = 2000 + images * px**2 * 20 / MEGABYTE
    return Cost(network_s=seconds, memory_mb=memory, **found.passes(metrics.direction_samples))


KIND = Kind(
    name="zero_shot_classification",
    version=1,
    text="attributes that both domains share, by networks and by latent codes; numbers by latent codes of few labels",
    files=(
        File("data", "ZIP", "test images of the child's domain"),
        File("annotations", "NPZ", "their annotations"),
        File("pose", "NET", "pose network of the parent's domain (rows of numbers)", is_required=False),
        File("parent", "MODEL", "the parent, for the rows of latents", is_required=False),
        File("parent-data", "ZIP", "test images of the parent's domain", is_required=False),
        File("parent-annotations", "NPZ", "their annotations", is_required=False),
        File("parent-codes", "NPZ", "W+ codes of some of them in the parent", is_required=False),
        File("codes", "NPZ", "W+ codes of some of the child's test images in the child", is_required=False),
    ),
    named_files=NamedFiles("NET", "attributes network; the name goes into the `method` column, a / before `setting`"),
    settings=("direction_samples", "bootstrap", "seed"),
    tables=(TABLE,),
    adds_to=(REGRESSION,),
    rows=rows_of,
    costs={"zero_shot_classification": cost},
    measure=measure,
)
