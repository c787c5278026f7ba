"""What agreement there is without any model: the rows of drawn pairs beside those of parent and child.

In a pair two figures are drawn in one pose, or one figure in two renderings. What their annotations agree in, a child
that keeps the pose alone, or everything but the rendering, would reach; the joint ruler sees the same images.
"""

import dataclasses
from typing import TYPE_CHECKING

from stylealign.applications.labels.tasks import LabelTask, comparing, scored
from stylealign.config import MetricSettings
from stylealign.errors import StyleAlignError
from stylealign.measurements import alignment_pointwise, zero_shot
from stylealign.measurements.declare import Experiment, File, Kind, Measured, Option, Progress, rulers
from stylealign.measurements.shared import ANNOTATED, MOST_PAIRS, PAIRS_SHUFFLED
from stylealign.work.cost import Cost, Work

if TYPE_CHECKING:
    import numpy as np

    from stylealign.datasets.annotations import Annotations
    from stylealign.measurements.inputs import Inputs
    from stylealign.measurements.rows import Row, RowKey
    from stylealign.metrics.same_latents import Drawn
    from stylealign.metrics.seeing import Ruler

SIDES = ("source", "target")

PROTOCOL = (
    "drawn pairs: figures of the parent's domain and of the child's, drawn in the same pose on the same ground, the "
    "figures independently or, where the child's domain is the parent's in ink, one figure; shuffled: each image with "
    f"the next pair's partner. Setting `{ANNOTATED}`: of exact annotations; without it: of what the joint networks see "
    "in the images, their errors included. Key points: of those that both figures show. In the zero-shot tables the "
    "annotations of the parent's figure are taken as the prediction for the child's; classes, key points and values "
    "that the child's domain lacks are left out of the means"
)


def measure(inputs: "Inputs", settings: MetricSettings, progress: Progress) -> Measured:
    """Return the agreement of both sides of drawn pairs, by their annotations and by the rulers that were given.

    Raises:
        StyleAlignError: two sides that do not belong together, or that no label is common to.
    """
    images = {side: inputs.images(f"{side}-images") for side in SIDES}
    one, other = (inputs.annotations(f"{side}-annotations", images[side]) for side in SIDES)
    paths = [inputs.path(f"{side}-annotations") for side in SIDES]
    if len(one) != len(other) or images["source"].resolution_px != images["target"].resolution_px:
        raise StyleAlignError(f"{paths[1]}: other pairs than {paths[0]}; give both sides of `stylealign data pairs`")
    pixels = [images[side].read() for side in SIDES]
    rows = _by_annotations(inputs, one, other, pixels, settings)
    networks = inputs.rulers()
    if networks:
        counter = progress(2 * len(one), "images")
        seen = []
        for done, side in enumerate(pixels, start=1):
            seen.append(_seen(networks, side))
            counter.update(done * len(one))
        rows += _pointwise_rows(inputs, seen[0], seen[1], networks, settings, "")
    for task in scored():
        rows += _zero_shot_rows(inputs, task, one, other, settings)
    if not rows:
        raise StyleAlignError(f"{paths[1]}: has no label in common with {paths[0]}; give two domains of figures")
    return rows, {"pairs": len(one), "references": PROTOCOL}


def _by_annotations(
    inputs: "Inputs",
    one: "Annotations",
    other: "Annotations",
    pixels: "list[np.ndarray]",
    settings: MetricSettings,
) -> "list[Row]":
    networks = {}
    for task in comparing():
        ruler = _annotated_ruler(task, one, other, pixels[0].shape[-1])
        if ruler is not None:
            networks[task.name] = ruler
    mine, theirs = (_annotated(side, images) for side, images in zip((one, other), pixels, strict=True))
    return _pointwise_rows(inputs, mine, theirs, networks, settings, ANNOTATED)


def _annotated_ruler(task: LabelTask, one: "Annotations", other: "Annotations", size_px: int) -> "Ruler | None":
    """Return how annotations of a task compare; None where one side lacks it or the two name nothing alike."""
    from stylealign.metrics.seeing import Ruler, Seeing

    specs = [task.functions.spec(size_px, side) for side in (one, other)]
    compare = None if None in specs else task.functions.comparison(*specs)
    if compare is None:
        return None
    assert task.agreement is not None
    return Ruler(Seeing(task.sees, specs[0].names, lambda images: images), task.agreement.name, compare)


def _annotated(annotations: "Annotations", images: "np.ndarray") -> "Drawn":
    """Return annotations as if they had been seen in the images; a key point that is not visible is NaN."""
    import numpy as np

    from stylealign.metrics.same_latents import COLOURS, Drawn, mean_colour

    seen: dict[str, np.ndarray] = {}
    names: dict[str, tuple[str, ...]] = {}
    colours = {}
    if annotations.segmentation is not None:
        seen["segmentation"] = annotations.segmentation
        classes = annotations.names.classes
        for name in (name for name in COLOURS if name in classes):
            colours[name] = mean_colour(images, annotations.segmentation, classes.index(name))
    if annotations.keypoints is not None and annotations.visible is not None:
        seen["keypoints"] = np.where(annotations.visible[:, :, None], annotations.keypoints, np.nan)
    if annotations.pose is not None:
        seen["pose"], names["pose"] = annotations.pose, tuple(annotations.names.values)
    return Drawn(None, images.shape[-1], seen, names, colours)


def _seen(networks: "dict[str, Ruler]", images: "np.ndarray") -> "Drawn":
    from stylealign.metrics.same_latents import measured_in

    return measured_in(images, {task: ruler.seeing for task, ruler in networks.items()})


def _pointwise_rows(
    inputs: "Inputs",
    one: "Drawn",
    other: "Drawn",
    networks: "dict[str, Ruler]",
    settings: MetricSettings,
    setting: str,
) -> "list[Row]":
    from stylealign.metrics.same_latents import agreement

    rows = []
    for key, is_shuffled in _keys(inputs, alignment_pointwise.TABLE.name):
        drawn = other.shuffled() if is_shuffled else other
        found = agreement(one, drawn, networks, settings.bootstrap, settings.seed)
        rows += [key.row(metric, estimate, setting=setting) for metric, estimate in found.items()]
    return rows


def _zero_shot_rows(
    inputs: "Inputs", task: LabelTask, one: "Annotations", other: "Annotations", settings: MetricSettings
) -> "list[Row]":
    """Return the scores of the source's labels as predictions for the target; none where the names differ."""
    import numpy as np

    assert task.table is not None
    mine, theirs = one.only(task.labels), other.only(task.labels)
    if task.functions.spec(1, mine) is None or task.functions.spec(1, theirs) is None:
        return []
    try:
        paths = [inputs.path(f"{side}-annotations") for side in SIDES]
        mine = mine.named_like(theirs, *paths)
    except StyleAlignError:  # domains that name other things: no labels to carry over
        return []
    spec = task.functions.spec(inputs.images("target-images").resolution_px, theirs)
    labels = {"maps": mine.segmentation, "points": mine.keypoints, "numbers": mine.pose}[task.sees]
    assert labels is not None, "the tasks asked for are those that the annotations have"
    rows = []
    for key, is_shuffled in _keys(inputs, task.table.name):
        predicted = np.roll(labels, 1, axis=0) if is_shuffled else labels
        scores = task.functions.scores({task.answer: predicted}, theirs, spec)
        for (metric, name), score in scores.items():
            rows.append(key.row(metric, score.estimate(settings.bootstrap, settings.seed), setting=name))
    return rows


def _keys(inputs: "Inputs", table: str) -> "list[tuple[RowKey, bool]]":
    """Return the key of the rows and, if asked for, that of the shuffled ones, each with whether it is of these."""
    key = inputs.key(table)
    shuffled = dataclasses.replace(key, method=PAIRS_SHUFFLED)
    return [(key, False), *([(shuffled, True)] if inputs.options["shuffled"] else [])]


def rows_of(experiment: Experiment) -> list[str]:
    """Return a file for each child and each kind of drawn pairs of its domain and its parent's."""
    return [f"{child}/{kind}" for child in experiment.children for kind in experiment.pair_kinds(child)]


def cost(work: Work, child: str, kind: str) -> Cost:
    """Return the cost of a job: three label networks look at both sides of the pairs."""
    px = work.data_of(child).resolution_px
    return Cost(network_s=6 * work.labels_s(min(MOST_PAIRS, work.config.metrics.pairs), px), memory_mb=2000)


KIND = Kind(
    name="references",
    version=2,
    text="agreement of drawn pairs: what the same pose alone gives, what shuffled poses give, and one figure redrawn",
    files=(
        *(File(f"{side}-images", "ZIP", f"images of the {side}'s side of `stylealign data pairs`") for side in SIDES),
        *(File(f"{side}-annotations", "NPZ", f"annotations of the {side}'s side") for side in SIDES),
        *rulers(comparing()),
    ),
    options=(Option("shuffled", f"add the rows of pairs that are none, method `{PAIRS_SHUFFLED}`"),),
    settings=("bootstrap", "seed"),
    tables=(),
    adds_to=(alignment_pointwise.TABLE, *zero_shot.TABLES.values()),
    rows=rows_of,
    costs={"references": cost},
    measure=measure,
)
