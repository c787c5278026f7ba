"""Semantic alignment: does a direction do in the child what it does in the parent (StyleAlign, section 4)?"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from stylealign.applications.labels.tasks import task_of
from stylealign.config import MetricSettings
from stylealign.measurements.declare import File, Kind, Measured, Progress, Table, of_each_family, rulers
from stylealign.measurements.shared import UNALIGNED
from stylealign.metrics.declared import Metric
from stylealign.work.cost import Cost, Work
from stylealign.work.rates import perceptual_s

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from stylealign.measurements.inputs import Inputs
    from stylealign.measurements.rows import Row, RowKey
    from stylealign.metrics.effects import Effects, See
    from stylealign.networks.generator import Generator

Shown = dict[str, Any]
"""Name of a direction and its step, from the middle to either end, in W."""

RANDOM = "random"
GRANDCHILD = "child of a child"

EFFECT_PARENT = Metric("effect_parent", None, "change that a direction makes in the parent", unit="spreads")
EFFECT = Metric("effect", None, "change that the parent's direction makes in the child", unit="the parent's spreads")
RATIO = Metric("effect_ratio", None, "a direction's effect in the child over its effect in the parent; 1: the same")
LEAKAGE_PARENT = Metric("leakage_parent", None, "mean change of all other numbers in the parent", unit="spreads")
LEAKAGE = Metric("leakage", None, "mean change of all other numbers in the child", unit="the parent's spreads")
COSINE = Metric("change_cosine", True, "cosine of the changes that a direction makes in the child's and parent's image")

DIRECTIONS = (
    "directions of the parent in W, moved in all layers from -2 to +2 standard deviations of the parent's "
    "samples, over the same latents in both: a boundary (logistic regression on the quarters with the lowest and "
    "highest numbers, or on the two sides) for every number of the joint pose network and every attribute value "
    "that the networks of both domains name alike, labelled in the parent's samples; the first ten principal "
    "components; the first ten of the closed form"
)
EFFECTS = (
    "effect: mean change of what a boundary is about, of the others the number that goes with them most in the parent's"
    " samples, over its spread in these; attributes as probabilities, by the network of each domain; leakage: mean "
    "over the other numbers of the magnitude of the mean change, in spreads, with the sign by the other half of the"
    " latents, so that it is 0 on average where nothing leaks; change cosine: of the changes of the"
    " perceptual network's features (last two layers, averaged to 4x4), mean over the latents, without labels"
)
OF_AN_EFFECT = f"{RATIO.name}: where the interval of {EFFECT_PARENT.name} leaves out 0; of no effect there is no share"

TABLE = Table(
    "alignment_semantic",
    title="The same direction in parent and child",
    section="alignment",
    metrics=(EFFECT_PARENT, EFFECT, RATIO, LEAKAGE_PARENT, LEAKAGE, COSINE),
    protocol=f"averaged generators, stored noise, no truncation; {DIRECTIONS}; {EFFECTS}; {OF_AN_EFFECT}; "
    f"{RANDOM}: the child moved as far in random directions; without a setting: mean over the directions; "
    f"{GRANDCHILD}: directions of the parent's parent, effects over those in it",
    headline=COSINE.name,
    compared=(COSINE.name,),
    charts=(COSINE.name,),
)

NETWORKS = (
    *rulers([task_of("pose")]),
    File("parent-attributes", "NET", "attributes network of the parent's domain", is_required=False),
    File("child-attributes", "NET", "attributes network of the child's domain", is_required=False),
)
SETTINGS = ("direction_samples", "effect_latents", "perceptual", "bootstrap", "seed", "weights_dir")
FEWEST_DIRECTIONS = 20
"""Principal components and directions of the closed form."""
MANY_DIRECTIONS = 37
"""What the cost of a job is reckoned with: those, and the boundaries of pose and shared attributes."""
SHOWN = 4
"""Directions that a figure shows, which the provenance has."""


def measure(inputs: "Inputs", settings: MetricSettings, progress: Progress) -> Measured:
    """Return the rows of each direction, named in `setting`; those of numbers only where there are networks.

    Raises:
        StyleAlignError: models or networks that do not belong together.
    """
    from stylealign.devices import compute_device
    from stylealign.measurements.inputs import distance_of
    from stylealign.metrics.bootstrap import mean_estimate
    from stylealign.metrics.effects import directions_of, effects, mean_cosines, sampled, seeing_all, targets_of

    parent, child = inputs.parent_and_child()
    of_parent, of_child = seen_by_both(inputs)
    pose = seeing_all(inputs.seeing("pose", "pose"), None, ()) if inputs.has("pose") else None
    root = inputs.matching("root", "parent") if inputs.has("root") else None
    device, network = compute_device(), distance_of(settings)
    source = parent.generator.to(device)
    model = child.generator.to(device)
    is_control = inputs.key(TABLE.name).method == UNALIGNED  # the child has the rows that serve both
    groups: list[tuple[Generator, See | None, See | None, tuple[str, ...]]] = [
        (source, of_parent, of_child, ("",) if is_control else ("", RANDOM))
    ]
    if root is not None and not is_control:
        groups.append((root.generator.to(device), pose, pose, (GRANDCHILD,)))
    counter = progress(sum(1 + len(methods) for *_, methods in groups), "models")
    rows: list[Row] = []
    facts: dict[str, list[Shown]] = {}
    for origin, see, see_child, methods in groups:
        ws, labels = sampled(origin, settings.direction_samples, settings.seed, see)
        found = directions_of(origin, ws, labels)
        spreads = {name: float(values.std()) for name, values in labels.items()}
        steps, drawn = found.steps(), (settings.effect_latents, settings.seed + 1, network)
        in_parent = effects(origin, steps, *drawn, see)
        targets = targets_of(found, ws, labels)
        if not facts:
            facts = {"shown": shown(found.names, steps, most_effective(in_parent, targets, spreads))}
        counter.advance()
        for method in methods:
            ways = found.random_steps(settings.seed) if method == RANDOM else steps
            both = Both(in_parent, effects(model, ways, *drawn, see_child), tuple(targets), spreads)
            key = inputs.key(TABLE.name)
            key = dataclasses.replace(key, method=method) if method else key
            for place, name in enumerate(found.names):
                rows += direction_rows(both, place, name, key, settings)
            cosines = mean_cosines(both.parent.features, both.child.features)
            mean = mean_estimate(cosines, settings.bootstrap, settings.seed)
            rows.append(key.row(COSINE.name, mean, settings.perceptual))
            counter.advance()
    return rows, facts


def shown(names: "Sequence[str]", steps: "NDArray[np.float64]", places: "Sequence[int]") -> "list[Shown]":
    """Return names and steps of some directions, as `stylealign figures edits` reads them from the provenance."""
    return [{"name": names[place], "step": [float(f"{value:.7g}") for value in steps[place]]} for place in places]


def most_effective(parent: "Effects", targets: "Sequence[str]", spreads: "Mapping[str, float]") -> list[int]:
    """Return the directions that change most what they are about; without numbers, those that change most features."""
    sizes = []
    for place, target in enumerate(targets):
        size = abs(parent.numbers[target][place].mean()) / spreads[target] if target else 0.0
        sizes.append((size, float(abs(parent.features[place]).mean())))
    return sorted(range(len(sizes)), key=sizes.__getitem__, reverse=True)[:SHOWN]


@dataclasses.dataclass(frozen=True)
class Both:
    """Effects of the same directions in a parent and another model, what each is about, and the parent's spreads."""

    parent: "Effects"
    child: "Effects"
    targets: tuple[str, ...]
    spreads: dict[str, float]


def direction_rows(both: Both, place: int, name: str, key: "RowKey", settings: MetricSettings) -> "list[Row]":
    """Return the rows of one direction."""
    from stylealign.metrics.bootstrap import mean_estimate, ratio_estimate
    from stylealign.metrics.effects import change_cosines, leakage_estimate

    draws = settings.bootstrap, settings.seed
    cosines = change_cosines(both.parent.features[place], both.child.features[place])
    target = both.targets[place]
    setting = name if not target or name == f"boundary {target}" else f"{name} ({target})"
    rows = [key.row(COSINE.name, mean_estimate(cosines, *draws), settings.perceptual, setting)]
    if not target:
        return rows
    spread = both.spreads[target]
    before, after = (model.numbers[target][place] / spread for model in (both.parent, both.child))
    in_parent = mean_estimate(before, *draws)
    numbers = {
        EFFECT_PARENT: in_parent,
        EFFECT: mean_estimate(after, *draws),
        **({RATIO: ratio_estimate(after, before, *draws)} if in_parent.is_off_zero else {}),
        LEAKAGE_PARENT: leakage_estimate(both.parent, place, target, both.spreads, *draws),
        LEAKAGE: leakage_estimate(both.child, place, target, both.spreads, *draws),
    }
    return rows + [key.row(metric.name, value, setting=setting) for metric, value in numbers.items()]


def seen_by_both(inputs: "Inputs") -> "tuple[See | None, See | None]":
    """Return what sees the same numbers in the parent's and in the child's images, by the networks that were given."""
    from stylealign.metrics.effects import seeing_all, shared_values

    pose = inputs.seeing("pose", "pose") if inputs.has("pose") else None
    if inputs.has("parent-attributes") and inputs.has("child-attributes"):
        of_parent, of_child = (inputs.seeing(f"{role}-attributes", "attributes") for role in ("parent", "child"))
        shared = shared_values(of_parent.names, of_child.names)
        if shared:
            return seeing_all(pose, of_parent, shared), seeing_all(pose, of_child, shared)
    return seeing_all(pose, None, ()), seeing_all(pose, None, ())


def cost(work: Work, model: str) -> Cost:
    """Return the cost of a job: samples of the parent, and both ends of every direction in parent and child, twice."""
    metrics, found = work.config.metrics, work.model(model)
    ends = 2 * metrics.effect_latents * MANY_DIRECTIONS * 3
    images = metrics.direction_samples + ends
    seconds = 2 * work.labels_s(images, found.px) + ends * perceptual_s(metrics.perceptual, found.px)
    memory = 2500 + 16 * found.weights_mb + found.pixels_mb(1024)
    return Cost(network_s=seconds, memory_mb=memory, **found.passes(images))


KIND = Kind(
    name="alignment_semantic",
    version=9,
    text="what the parent's directions do in the child, over what they do in the parent",
    files=(
        File("parent", "MODEL", "the parent"),
        File("child", "MODEL", "the child, or an unaligned control"),
        File("root", "MODEL", "the parent's parent (rows of its directions)", is_required=False),
        *NETWORKS,
    ),
    settings=SETTINGS,
    networks=("perceptual",),
    tables=(TABLE,),
    rows=of_each_family,
    costs={"alignment_semantic": cost},
    measure=measure,
)
