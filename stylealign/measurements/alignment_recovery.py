"""Recovery: what the child has silenced works again after it was fine-tuned back (StyleAlign, section 4)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from stylealign.config import MetricSettings
from stylealign.measurements import alignment_semantic as semantic
from stylealign.measurements.alignment_semantic import shown
from stylealign.measurements.declare import Experiment, File, Kind, Measured, NamedFiles, Progress, Table
from stylealign.measurements.shared import OTHER_SEED
from stylealign.metrics.declared import Metric
from stylealign.work.cost import Cost, Work
from stylealign.work.rates import perceptual_s

if TYPE_CHECKING:
    from stylealign.measurements.inputs import Inputs
    from stylealign.measurements.rows import Row, RowKey
    from stylealign.metrics.effects import Effects, See
    from stylealign.metrics.recovery import Course, Trio
    from stylealign.networks.generator import Generator

LACKED = "not in the child's domain"
BOUNDARIES = "boundaries"

BEFORE = semantic.EFFECT_PARENT
BETWEEN = Metric("effect_child", None, "change that it makes in the child", unit="the parent's spreads")
AFTER = Metric("effect_after", None, "change that it makes in what was fine-tuned back", unit="the parent's spreads")
RATIO_BETWEEN = Metric("child_ratio", None, "effect in the child over that in the parent")
RATIO = Metric("after_ratio", None, "effect after the way back over that in the parent; 1: the same")
SILENT = Metric("silent", None, "1 for a direction that went silent in the child; of all: their share")
RECOVERED = Metric("recovered", True, "1 for one that went silent and works again; of all: share of the silent ones")
COSINE_BETWEEN = Metric("child_cosine", None, "cosine of the changes in the child's and parent's image")
COSINE = Metric("after_cosine", True, "cosine of the changes in the image after the way back and the parent's")

TABLE = Table(
    "alignment_recovery",
    title="What went silent in the child, and came back",
    section="alignment",
    metrics=(BEFORE, BETWEEN, AFTER, RATIO_BETWEEN, RATIO, SILENT, RECOVERED, COSINE_BETWEEN, COSINE),
    protocol=f"averaged generators, stored noise, no truncation; {semantic.DIRECTIONS}, here of every attribute value "
    f"of the parent's domain; {semantic.EFFECTS}; attributes in the child by the network of its domain, those that it "
    "does not name by that of the parent's, which sees all other models; without networks the effect is the features' "
    "change along the parent's, as a share of it; silent: at least 0.5 spreads in the parent, at most a quarter of that"
    " in the child, with either sign; recovered: silent, and at least half of the effect in the parent, with its sign; "
    f"{RATIO_BETWEEN.name} and {RATIO.name}: where the interval of {BEFORE.name} leaves out 0; "
    f"of all directions: Wilson's interval, and the mean of the cosines; "
    f"{OTHER_SEED}: a model of another seed in place of the one fine-tuned back",
    headline=RECOVERED.name,
    compared=(RECOVERED.name,),
    charts=(RECOVERED.name,),
)


def measure(inputs: "Inputs", settings: MetricSettings, progress: Progress) -> Measured:
    """Return the rows of each direction, named in `setting`, and of all together, for each model that was named.

    Raises:
        StyleAlignError: models or networks that do not belong together.
    """
    from stylealign.checkpoints.differences import load_matching
    from stylealign.devices import compute_device
    from stylealign.measurements.inputs import distance_of
    from stylealign.metrics.effects import directions_of, effects, sampled, targets_of
    from stylealign.metrics.recovery import FEATURES, Trio, with_features

    parent, child = load_matching(inputs.path("parent"), inputs.path("between"))
    last = {name: load_matching(inputs.path("parent"), path)[1] for name, path in inputs.named_files.items()}
    device, network = compute_device(), distance_of(settings)
    see, see_child, lacked = seen_along(inputs)
    counter = progress(2 + len(last), "models")
    source = parent.generator.to(device)
    ws, labels = sampled(source, settings.direction_samples, settings.seed, see)
    found = directions_of(source, ws, labels)
    steps = found.steps()

    def made_by(generator: "Generator", by: "See | None") -> "Effects":
        drawn = settings.effect_latents, settings.seed + 1, network
        made = effects(generator.to(device), steps, *drawn, by)
        counter.advance()
        return made

    own = made_by(source, see)
    made = {"": own, "child": made_by(child.generator, see_child)}
    made |= {f"after {name}": made_by(model.generator, see) for name, model in last.items()}
    spreads = {name: float(values.std()) for name, values in labels.items()}
    targets = targets_of(found, ws, labels)
    if see is None:
        made, spreads = {name: with_features(part, own) for name, part in made.items()}, {FEATURES: 1.0}
        targets = [FEATURES] * len(targets)
    settings_of_rows = [
        setting_of(name, target, target in lacked) for name, target in zip(found.names, targets, strict=True)
    ]
    rows: list[Row] = []
    chosen: list[int] = []
    for name in last:
        trio = Trio(made[""], made["child"], made[f"after {name}"], targets, spreads)
        courses = trio.courses()
        chosen = chosen or most_telling(courses)
        key = inputs.key_of(TABLE.name, name)
        for place, setting in enumerate(settings_of_rows):
            rows += direction_rows(trio, courses[place], place, key, setting, settings)
        rows += summary_rows(courses, found.names, key) + mean_rows(trio, key, settings)
    return rows, {"shown": shown(settings_of_rows, steps, chosen)}


def setting_of(name: str, target: str, is_lacked: bool) -> str:
    """Return what the rows of a direction are named: itself, what it is about, and whether the child has that."""
    setting = name if not target or name == f"boundary {target}" else f"{name} ({target})"
    return f"{setting}, {LACKED}" if is_lacked else setting


def direction_rows(
    trio: "Trio", course: "Course | None", place: int, key: "RowKey", setting: str, settings: MetricSettings
) -> "list[Row]":
    """Return the rows of one direction."""
    from stylealign.metrics.bootstrap import Estimate, mean_estimate, ratio_estimate
    from stylealign.metrics.effects import change_cosines

    draws = settings.bootstrap, settings.seed
    rows = []
    for metric, made in ((COSINE_BETWEEN, trio.between), (COSINE, trio.after)):
        cosines = change_cosines(trio.before.features[place], made.features[place])
        rows.append(key.row(metric.name, mean_estimate(cosines, *draws), settings.perceptual, setting))
    if course is None:
        return rows
    before, between, after = trio.changes(place)
    in_parent = mean_estimate(before, *draws)
    numbers = {
        BEFORE: in_parent,
        BETWEEN: mean_estimate(between, *draws),
        AFTER: mean_estimate(after, *draws),
    }
    if in_parent.is_off_zero:
        numbers[RATIO_BETWEEN] = ratio_estimate(between, before, *draws)
        numbers[RATIO] = ratio_estimate(after, before, *draws)
    if course.is_asked:
        numbers[SILENT] = Estimate(float(course.is_silent))
    if course.is_silent:
        numbers[RECOVERED] = Estimate(float(course.is_back))
    return rows + [key.row(metric.name, value, setting=setting) for metric, value in numbers.items()]


def summary_rows(courses: "Sequence[Course | None]", names: Sequence[str], key: "RowKey") -> "list[Row]":
    """Return the shares of directions that went silent, and of those that came back: of all, and of boundaries."""
    import numpy as np

    from stylealign.metrics.bootstrap import share_estimate

    rows = []
    for setting, part in (("", names), (BOUNDARIES, [name for name in names if name.startswith("boundary")])):
        asked = [own for name, own in zip(names, courses, strict=True) if name in part and own and own.is_asked]
        silent = [own for own in asked if own.is_silent]
        if asked:
            hits = np.array([own.is_silent for own in asked])
            rows.append(key.row(SILENT.name, share_estimate(hits), setting=setting))
        if silent:
            hits = np.array([own.is_back for own in silent])
            rows.append(key.row(RECOVERED.name, share_estimate(hits), setting=setting))
    return rows


def mean_rows(trio: "Trio", key: "RowKey", settings: MetricSettings) -> "list[Row]":
    """Return the cosines of the changes, mean over all directions."""
    from stylealign.metrics.bootstrap import mean_estimate
    from stylealign.metrics.effects import mean_cosines

    rows = []
    for metric, made in ((COSINE_BETWEEN, trio.between), (COSINE, trio.after)):
        cosines = mean_cosines(trio.before.features, made.features)
        mean = mean_estimate(cosines, settings.bootstrap, settings.seed)
        rows.append(key.row(metric.name, mean, settings.perceptual))
    return rows


def most_telling(courses: "Sequence[Course | None]") -> list[int]:
    """Return which directions a figure shows: those that came back, those that are silent, the strongest others."""
    known = [(place, own) for place, own in enumerate(courses) if own is not None]
    known.sort(key=lambda entry: (not entry[1].is_back, not entry[1].is_silent, -abs(entry[1].before)))
    return [place for place, _ in known[: semantic.SHOWN]]


def seen_along(inputs: "Inputs") -> "tuple[See | None, See | None, set[str]]":
    """Return what sees numbers in the parent's images, what in the child's, and the values that its domain lacks."""
    from stylealign.metrics.effects import seeing_all, shared_values
    from stylealign.metrics.recovery import one_or_other

    pose = inputs.seeing("pose", "pose") if inputs.has("pose") else None
    if not inputs.has("parent-attributes"):
        see = seeing_all(pose, None, ())
        return see, see, set()
    of_parent = inputs.seeing("parent-attributes", "attributes")
    values = shared_values(of_parent.names, of_parent.names)
    see = seeing_all(pose, of_parent, values)
    if see is None or not inputs.has("child-attributes"):
        return see, see, set()
    of_child = inputs.seeing("child-attributes", "attributes")
    shared = shared_values(of_parent.names, of_child.names)
    see_child = seeing_all(None, of_child, shared)
    assert see_child is not None
    return see, one_or_other(shared, see_child, see), set(values) - set(shared)


def rows_of(experiment: Experiment) -> list[str]:
    """Return a file for each model that was fine-tuned back to the domain of its parent's parent."""
    return experiment.recovered()


def cost(work: Work, child: str) -> Cost:
    """Return the cost of a job: samples of the parent, and both ends of every direction in five models."""
    metrics, found = work.config.metrics, work.model(child)
    ends = 2 * metrics.effect_latents * semantic.MANY_DIRECTIONS * 5
    images = metrics.direction_samples + ends
    seconds = 2 * work.labels_s(images, found.px) + ends * perceptual_s(metrics.perceptual, found.px)
    memory = 2500 + 16 * found.weights_mb + found.pixels_mb(1024)
    return Cost(network_s=seconds, memory_mb=memory, **found.passes(images))


KIND = Kind(
    name="alignment_recovery",
    version=5,
    text="which of the parent's directions went silent in the child, and came back when it was fine-tuned back",
    files=(
        File("parent", "MODEL", "the parent, of which the directions are"),
        File("between", "MODEL", "the child, in which some of them go silent"),
        *semantic.NETWORKS,
    ),
    named_files=NamedFiles("MODEL", "what the child was fine-tuned to, back in the parent's domain, and controls"),
    settings=semantic.SETTINGS,
    networks=("perceptual",),
    tables=(TABLE,),
    aliases=("recovery",),
    rows=rows_of,
    costs={"alignment_recovery": cost},
    measure=measure,
)
