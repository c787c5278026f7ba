"""Label networks against the annotations of real images."""

import math
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from stylealign.applications.labels.methods import BACKWARDS, BEST, TRANSFERRED
from stylealign.applications.labels.tasks import LabelTask, task_of
from stylealign.config import MetricSettings
from stylealign.errors import StyleAlignError
from stylealign.measurements.declare import (
    Experiment,
    File,
    Kind,
    Measured,
    NamedFiles,
    Option,
    Progress,
    Table,
)
from stylealign.measurements.zero_shot_latents import backwards_rows, cost_rows, is_of_latents
from stylealign.measurements.zero_shot_tables import (
    COSTS_TABLE,
    LABELLER,
    SOURCE_ONLY,
    TABLES,
    WAYS,
    difference_rows,
    is_of_way,
    score_rows,
    without_seed,
)
from stylealign.work.cost import MEGABYTE, Cost, Work
from stylealign.work.rates import load_rates

if TYPE_CHECKING:
    from stylealign.applications.labels.networks import Labeller, Scores
    from stylealign.applications.labels.sharing import Shared
    from stylealign.measurements.inputs import Inputs
    from stylealign.measurements.rows import Row


OTHER_CLASSES = "other-classes"
FEWEST_LABELLED = 2
"""Validation images with labels that a method is chosen on, at least."""


def measure(inputs: "Inputs", settings: MetricSettings, progress: Progress) -> Measured:
    """Return the scores of every method, and those of each less source-only's.

    The class, point or number stands in `setting`, and of a difference what is taken off.

    Raises:
        StyleAlignError: files that do not belong together, or that name nothing alike, or a network of another task.
    """
    from stylealign.applications.labels.networks import load_label_network
    from stylealign.devices import compute_device

    task, data = inputs.options["task"], inputs.images("data")
    if inputs.has("val-data") != inputs.has("val-annotations"):
        raise StyleAlignError("--val-data and --val-annotations go together; give both, or none")
    loaded = {
        name: load_label_network(path, task, data.resolution_px)
        for name, path in inputs.named_files.items()
        if not is_of_latents(name)
    }
    networks = {name: network.to(compute_device()) for name, (network, _) in loaded.items()}
    if task == "segmentation" and settings.classes:
        _check_classes(inputs, networks, settings.classes)
    shared = _shared(inputs, networks, "annotations", settings.classes)
    found = _scored(inputs, networks, "data", "annotations", shared)
    facts: dict[str, Any] = {"networks": {name: origin for name, (_, origin) in loaded.items()}}
    ways = [way for way in WAYS if way in found]
    chosen: list[tuple[str, list[Scores]]] = []
    judged = {name: network for name, network in networks.items() if without_seed(name) in (SOURCE_ONLY, *ways)}
    numbers = list(dict.fromkeys(name for seeds in found.values() for _, name in seeds[0]))
    if ways and (marks := _marks(inputs, task_of(task), judged, ways, numbers, settings)):
        best = {number: max(ways, key=by_way.__getitem__) for number, by_way in _by_number(marks).items()}
        chosen = _of_the_best(found, best)
        facts |= {"best": best.get("", best), "validation": {way: own.get("", own) for way, own in marks.items()}}
    rows: list[Row] = []
    for name, seeds in (*found.items(), *chosen):
        key = inputs.key_of(TABLES[task].name, name)
        rows += score_rows(seeds, key, settings)
        if SOURCE_ONLY in found and name != SOURCE_ONLY:
            rows += difference_rows(task_of(task), seeds, found[SOURCE_ONLY], key, settings)
    rows += backwards_rows(inputs, networks, shared, settings)
    return rows + cost_rows(inputs, networks, settings), facts


def _marks(
    inputs: "Inputs",
    task: LabelTask,
    networks: "Mapping[str, Labeller]",
    ways: Sequence[str],
    numbers: Sequence[str],
    settings: MetricSettings,
) -> dict[str, dict[str, float]]:
    """Return the `marks_of` each way on the validation images; nothing, and a warning, where too few have labels."""
    if not inputs.has("val-data"):
        return {}
    labels = inputs.annotations("val-annotations", inputs.images("val-data"))
    known, marks = int(labels.only(set(task.labels)).known().sum()), {}
    if known >= FEWEST_LABELLED:
        shared = _shared(inputs, networks, "val-annotations", settings.classes)
        found = _scored(inputs, networks, "val-data", "val-annotations", shared)
        marks = {way: marks_of(task, found[way], found.get(SOURCE_ONLY), numbers) for way in ways}
    if not marks or not all(math.isfinite(mark) for own in marks.values() for mark in own.values()):
        told = f"{known} of {len(labels)} validation images have labels of {task.name}"
        warnings.warn(f"{told}, too few to choose a method by: no row is called {BEST}", stacklevel=2)
        return {}
    return marks


def _scored(
    inputs: "Inputs",
    networks: "Mapping[str, Labeller]",
    images_role: str,
    annotations_role: str,
    shared: "Shared",
) -> "dict[str, list[Scores]]":
    """Return the scores of every seed of each METHOD[/SETTING] on some annotated images."""
    from stylealign.applications.labels.learning import scores

    data = inputs.images(images_role)
    annotations, images = inputs.annotations(annotations_role, data), data.read()
    found: dict[str, list[Scores]] = {}
    for name, network in networks.items():
        own = scores(network, images, annotations, shared)
        found.setdefault(without_seed(name), []).append(own)
    return found


def _shared(
    inputs: "Inputs",
    networks: "Mapping[str, Labeller]",
    annotations_role: str,
    classes: "Mapping[str, str | None] | None",
) -> "Shared":
    """Return what the networks and some annotations name alike."""
    from stylealign.applications.labels.sharing import shared_names
    from stylealign.datasets.annotations import Annotations

    files = {inputs.named_files[name]: network.spec for name, network in networks.items()}
    path = inputs.path(annotations_role)
    return shared_names(files, Annotations.load(path), path, classes)


def _check_classes(inputs: "Inputs", networks: "Mapping[str, Labeller]", classes: "Mapping[str, str | None]") -> None:
    """Check that there are the classes that are given shared names.

    Raises:
        StyleAlignError: one is neither the networks' nor the annotations'; `OTHER_CLASSES` makes that a warning.
    """
    from stylealign.applications.labels.sharing import unknown_class
    from stylealign.datasets.annotations import Annotations

    files = {inputs.named_files[name]: network.spec for name, network in networks.items()}
    told = unknown_class(classes, files, Annotations.load(inputs.path("annotations")))
    if told is None:
        return
    if not inputs.options.get(OTHER_CLASSES):
        raise StyleAlignError(f"settings.classes: {told} (where another domain has it, give --{OTHER_CLASSES})")
    warnings.warn(f"classes: {told} (nothing is wrong where another domain has it)", stacklevel=2)


def marks_of(
    task: LabelTask, own: "Sequence[Scores]", other: "Sequence[Scores] | None", numbers: Sequence[str]
) -> dict[str, float]:
    """Return how good a method is: how many times better its headline numbers are than another's.

    Args:
        task: the task, whose table has the headline.
        own: scores of each seed.
        other: those of source-only; without them the numbers themselves count.
        numbers: what there is to choose a method for.

    Returns:
        By number, where each is a measurement of its own, as those of a pose are; else the mean, by "". A number that
        fewer than `FEWEST_LABELLED` images have a label of has the mean of the others, NaN where there is none.
    """
    assert task.table is not None
    metric = next(metric for metric in task.table.metrics if metric.name == task.table.headline)
    ratios = {}
    for key in (key for key, score in own[0].items() if key[0] == metric.name and score.count >= FEWEST_LABELLED):
        value, base = (_mean(scores, key) if scores else 1.0 for scores in (own, other))
        ratio = value / base if base else value
        ratios[key[1]] = ratio if metric.higher_is_better else -ratio
    known = {name: ratio for name, ratio in ratios.items() if math.isfinite(ratio)}
    mean = sum(known.values()) / len(known) if known else math.nan
    return {number: known.get(number, mean) for number in numbers} if task.sees == "numbers" else {"": mean}


def _by_number(marks: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """Return what is by way and number by number and way."""
    numbers = next(iter(marks.values()))
    return {number: {way: own[number] for way, own in marks.items()} for number in numbers}


def _of_the_best(found: "Mapping[str, list[Scores]]", best: "Mapping[str, str]") -> "list[tuple[str, list[Scores]]]":
    """Return the scores that were chosen, of the child and of its controls, under the name of the best method.

    Args:
        found: scores of every seed of each METHOD[/SETTING].
        best: number -> its way; "" for all.
    """
    chosen = [
        (f"{BEST}{name.removeprefix(way)}", [_of_number(number, own) for own in seeds])
        for number, way in best.items()
        for name, seeds in found.items()
        if is_of_way(name, way)
    ]
    return sorted(chosen, key=lambda own: own[0])  # numbers together, as every method's are


def _of_number(number: str, scores: "Scores") -> "Scores":
    return {key: score for key, score in scores.items() if number in ("", key[1])}


def _mean(seeds: "Sequence[Scores]", key: tuple[str, str]) -> float:
    return sum(scores[key].value for scores in seeds) / len(seeds)


def rows_of(experiment: Experiment) -> list[str]:
    """Return a file for each task and each child whose parent's domain has its labels.

    Where the child's own domain has none, the labelling network is tested in the parent's.
    """
    found = []
    for task in TABLES:
        for child in (child for child in experiment.children if task in experiment.zero_shot_tasks(child)):
            parent = experiment.compared_with(child)
            if experiment.is_tested(task, child):
                found.append(f"{task}/{child}")
            elif experiment.is_tested(task, parent):  # a network of one's own may label images that no labels are of
                found.append(f"{LABELLER}/{task}/{parent}")
    return list(dict.fromkeys(found))


def tables_of(experiment: Experiment, names: Sequence[str]) -> tuple[Table, ...]:
    """Return the tables of the tasks that there are files of rows of: domains of one's own may have one task alone."""
    tasks = {name.removeprefix(f"{LABELLER}/").split("/")[0] for name in names}
    found = tuple(table for task, table in TABLES.items() if task in tasks)
    of_children = [name for name in names if not name.startswith(f"{LABELLER}/")]
    return (*found, COSTS_TABLE) if of_children else found


def cost(work: Work, task: str, child: str) -> Cost:
    """Return the cost of a job: the networks of a task on test images of a child's domain, and images of latents."""
    data, found = work.data_of(child), work.model(child)
    drawn = 2 * work.config.inversion.images + 3 * work.config.metrics.pairs
    images, px = data.splits.test_images, data.resolution_px
    own = work.config.zero_shot
    networks = 2 + own.seeds * 2 * (len(own.methods) + 1)
    seconds = work.labels_s(networks * images + 2 * drawn, px)
    memory = 1500 + images * px**2 * 20 / MEGABYTE + 8 * found.weights_mb
    scores_s = networks * load_rates().cpu.label_scores_s
    return Cost(scores_s, network_s=seconds, memory_mb=memory, **found.passes(drawn))


def cost_of_labeller(work: Work, task: str, parent: str) -> Cost:
    """Return the cost of the same for one network in a parent's domain."""
    data = work.data_of(parent)
    images, px = data.splits.test_images, data.resolution_px
    return Cost(network_s=work.labels_s(images, px), memory_mb=1500 + images * px**2 * 20 / MEGABYTE)


KIND = Kind(
    name="zero_shot",
    version=17,
    text="label networks on annotated test images",
    files=(
        File("data", "ZIP", "test images of the domain"),
        File("annotations", "NPZ", "annotations of the test images"),
        File("val-data", "ZIP", "validation images, on which the best method is chosen", is_required=False),
        File("val-annotations", "NPZ", "annotations of the validation images", is_required=False),
        File("parent", "MODEL", "the parent, which draws the images of codes and latents", is_required=False),
    ),
    named_files=NamedFiles(
        "NET",
        "network of `stylealign supervise` or `transfer`; the name goes into the `method` column, what follows a / "
        "into `setting`; networks of one name that differ in a number behind @ are seeds of one method; the files of "
        f"`{BACKWARDS}` are codes of test images (NPZ), found in the child, those of `{TRANSFERRED}` models of the "
        "child's domain",
    ),
    options=(
        Option("task", "task of the network", choices=tuple(TABLES)),
        Option(OTHER_CLASSES, "`classes` of the settings may name classes of other domains, that are not here"),
    ),
    settings=("pairs", "bootstrap", "seed", "classes"),
    tables=(*TABLES.values(), COSTS_TABLE),
    rows=rows_of,
    tables_of=tables_of,
    costs={"zero_shot": cost, "zero_shot_labeller": cost_of_labeller},
    measure=measure,
)
