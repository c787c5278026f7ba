"""Rows of labels by where latent codes lie: values by a boundary, numbers by distances to one (LARGE)."""

from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from stylealign.config import MetricSettings
from stylealign.errors import StyleAlignError
from stylealign.measurements.shared import minus
from stylealign.measurements.zero_shot_tables import SOURCE_ONLY, TABLES
from stylealign.measurements.zero_shot_values import BOUNDARY, FEWEST, TABLE, areas_of, chances, sides, value_rows

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from stylealign.applications.labels.networks import Labeller
    from stylealign.datasets.annotations import Annotations
    from stylealign.measurements.inputs import Inputs
    from stylealign.measurements.rows import Row
    from stylealign.metrics.latent_labels import Plane

DISTANCES = "latent distances"
DAMPED = "latent distances damped"
PRIORS = {DISTANCES: 0.0, DAMPED: 1.0}
"""Method -> weight of "the number does not depend on this distance", in labels."""
LABELS = (2, 5, 10, 20, 1000)
"""Labels that a number is regressed on; and all there are, where they are fewer."""
CHOICES = 200
"""Choices of so many labels."""
FILES = ("parent", "parent-data", "parent-annotations", "parent-codes")
"""What is needed beside the codes of the child's images."""

REGRESSION = TABLES["pose"]
PROTOCOL = (
    f"{DISTANCES}: least squares on the distances of the first 4 layers of W+ codes to a hyperplane of the parent "
    f"(between the fifths of its samples with the lowest and highest numbers), from so many annotated images of the "
    f"parent's domain inverted in the parent, the mean over {CHOICES} choices of them, for images inverted in the "
    f"child, from twice as many labels on as it has coefficients: of fewer that mean does not settle; {DAMPED}: ridge "
    "regression, which holds each distance back with the weight of one label; unaligned: the same images inverted in "
    "the control"
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


def is_of_codes(name: str) -> bool:
    """Return whether the file of METHOD[/SETTING] holds codes of the child's images."""
    return name.startswith(BOUNDARY)


def latent_rows(
    inputs: "Inputs", network: "Labeller | None", values: Sequence[str], settings: MetricSettings
) -> "list[Row]":
    """Return the rows of the values' boundaries and of the numbers' distances, on the images that were inverted.

    Args:
        inputs: with `FILES`; the files named `BOUNDARY`[ unaligned][/SETTING] are codes of the child's test images.
        network: attribute network of the parent's domain.
        values: those that all networks know.
        settings: samples of the parent, bootstrap draws and seed.

    Raises:
        StyleAlignError: files that are missing or do not belong together, or no network of the parent's domain.
    """
    from stylealign.applications.labels.learning import seeing
    from stylealign.devices import compute_device
    from stylealign.metrics.effects import seeing_all
    from stylealign.metrics.latent_labels import planes_of, scores_of

    named = list(filter(is_of_codes, inputs.named_files))
    if not _are_complete(inputs, named):
        return []
    pose = inputs.seeing("pose", "pose") if inputs.has("pose") else None
    see = seeing_all(pose, None if network is None else seeing(network), values if network is not None else ())
    if see is None:
        raise StyleAlignError(
            f"{named[0]}: needs {SOURCE_ONLY}=NET or --pose NET, networks of the parent's domain; give one"
        )
    parent = inputs.model("parent")
    theirs = _latents(inputs, inputs.path("parent-codes"), "parent-data", "parent-annotations")
    planes = planes_of(parent.generator.to(compute_device()), see, settings.direction_samples, settings.seed)
    rows: list[Row] = []
    for name in named:
        own = _latents(inputs, inputs.named_files[name], "data", "annotations")
        scores = scores_of(own.codes, planes)
        known = [value for value in values if value in scores and min(sides(own.annotations, value)) >= FEWEST]
        if network is not None and known:
            key = inputs.key_of(TABLE.name, name)
            others = areas_of(chances(network, own.images), own.annotations, known)
            rows += value_rows([scores], own.annotations, known, 0.0, key, settings, others)
        if pose is not None:
            seen = dict(zip(pose.names, pose(own.images).T.astype("float64"), strict=True))
            rows += _number_rows(inputs, name.removeprefix(BOUNDARY), own, theirs, planes, seen, settings)
    return rows


def _are_complete(inputs: "Inputs", named: Sequence[str]) -> bool:
    """Return whether there are codes and all that they need; false where there is none of it.

    Raises:
        StyleAlignError: some of it is missing.
    """
    given = [role for role in FILES if inputs.has(role)]
    if not named and not given:
        return False
    missing = [f"--{role}" for role in FILES if role not in given]
    missing += [] if named else [f"'{BOUNDARY}=NPZ'"]
    if missing:
        first = named[0] if named else f"--{given[0]}"
        raise StyleAlignError(f"{first}: goes with {missing[0]} and the other files of latents; give all, or none")
    return True


def _latents(inputs: "Inputs", path: Path, data_role: str, annotations_role: str) -> Latents:
    """Return W+ codes with the images and annotations that they are of.

    Raises:
        StyleAlignError: codes of another space, or of other images.
    """
    import numpy as np

    from stylealign.latents.codes import Codes
    from stylealign.measurements.inputs import images_named

    data = inputs.images(data_role)
    codes = Codes.load(path, space="w+")
    images = images_named(data, codes.names, path)
    places = np.array([data.names.index(name) for name in codes.names])
    return Latents(codes.values, images, inputs.annotations(annotations_role, data).rows(places))


def _number_rows(
    inputs: "Inputs",
    end: str,
    own: Latents,
    theirs: Latents,
    planes: "Mapping[str, Plane]",
    seen: "Mapping[str, NDArray[np.float64]]",
    settings: MetricSettings,
) -> "list[Row]":
    """Return the scores of each number by how many labels it was regressed on, and less source-only's on these images.

    Source-only's own are rows of `evaluate zero-shot`, beside those of labels by codes.

    Args:
        inputs: of the measurement.
        end: what is put behind the method, empty for the child.
        own: codes of the child's images.
        theirs: codes of the parent's, whose numbers are known.
        planes: by name of the number.
        seen: what source-only sees in the child's images, by name of the number.
        settings: bootstrap draws and seed.
    """
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
        given = features[0][is_known], labels[is_known, 0], features[1]
        fewest = 2 * (features[0].shape[1] + 1)  # a coefficient for each distance, and the level
        for count, (method, prior) in product(label_counts(int(is_known.sum())), PRIORS.items()):
            if count < fewest and not prior:
                continue
            key = inputs.key_of(REGRESSION.name, method + end)
            found = repeated(*given, count, CHOICES, settings.seed, prior)
            scores = [pose_scores(predicted[:, None], truth, (name,))[name] for predicted in found]
            setting = f"{name}, {count} labels"
            for place, metric in enumerate(("mae", "r2")):
                each = [score[place] for score in scores]
                rows.append(key.row(metric, pooled_estimate(each, *draws), setting=setting))
                paired = pooled_difference(each, [base[place]], *draws)
                against = f"{setting}, {minus(SOURCE_ONLY)}"
                rows.append(key.row(f"{metric}_difference", paired, setting=against))
    return rows


def label_counts(known: int) -> list[int]:
    """Return how many labels a number is regressed on, of as many as are known."""
    return sorted({min(count, known) for count in LABELS}) if known >= LABELS[0] else []
