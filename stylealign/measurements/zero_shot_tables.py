"""The tables of zero-shot labels, a task each, and the rows of scores in them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from stylealign.applications.labels.methods import BACKWARDS, BEST, METHODS, TRANSFERRED, UNALIGNED_END
from stylealign.applications.labels.tasks import LabelTask, scored
from stylealign.config import MetricSettings
from stylealign.measurements.declare import Table
from stylealign.measurements.shared import DIFFERENCE_PROTOCOL, difference_of, minus
from stylealign.metrics.declared import Metric

if TYPE_CHECKING:
    from stylealign.applications.labels.networks import Scores
    from stylealign.measurements.rows import Row, RowKey

INVERTED = "inverted images"
"""Setting of rows that are of the inverted test images alone."""
SOURCE_ONLY = "source-only"
ORACLE = "oracle"
LABELLER = "labeller"
"""Row of the parent's network in the parent's own domain."""
WAYS = tuple(method.row for method in METHODS if method.is_zero_shot)
"""Rows of the methods that one is chosen of."""
PROTOCOL = (
    "what the domain and all networks of a table's child name alike; segmentation: the domain's classes (one that a "
    "network lacks has an IoU of 0), and the shared ones of labels.classes beside them; "
    f"{LABELLER}: the parent's network on the parent's own test images, where the child's domain has no labels to test "
    "with; "
    "several seeds: their mean, images resampled together and seeds as a level of their own, widened as Student's t, "
    "n counts the images that carry labels of the task (of a number, of a point: it; of points: the eyes); "
    f"{BEST}: the method with the best headline numbers on the validation images, relative to {SOURCE_ONLY}'s, "
    "number by number of a pose; "
    f"{BACKWARDS}: no network, what {SOURCE_ONLY} says of the parent's images of the codes that test images have in "
    f"the child, on those alone that were inverted ({INVERTED}); no validation image is, so {BEST} is never this one"
)


def compared_metrics(task: LabelTask) -> tuple[Metric, ...]:
    """Return the metrics whose difference to source-only is told: those of a whole network."""
    assert task.table is not None
    return tuple(metric for metric in task.table.metrics if not metric.is_by_setting)


def _table(task: LabelTask) -> Table:
    """Return the table of a label task."""
    own = task.table
    assert own is not None
    return Table(
        own.name,
        title=own.title,
        section="zero-shot",
        metrics=(*own.metrics, *map(difference_of, compared_metrics(task))),
        protocol=f"{own.protocol}; {DIFFERENCE_PROTOCOL}; {PROTOCOL}",
        headline=own.headline,
        compared=(own.headline,),
        charts=(own.headline,),
    )


TABLES = {task.name: _table(task) for task in scored()}
"""Task -> its table."""

COSTS_TABLE = Table(
    "zero_shot_costs",
    title="What carrying labels over costs",
    section="zero-shot",
    metrics=tuple({own.name: own for task in scored() if task.table for own in task.table.metrics}.values()),
    protocol=f"generated images of the same latents (psi 1); {TRANSFERRED}: what {SOURCE_ONLY} says of the parent's "
    f"image, which students learn of the child's, scored as if what the {ORACLE} says of the child's image were true; "
    f"shuffled: of another latent's; {SOURCE_ONLY}: what it says of the child's image itself; unaligned: images of the "
    "control with labels of the aligned parent. What a student loses beyond that is lost to generator and training",
    compared=("miou",),
    charts=("miou",),
)
"""What of the labels is lost between the images of parent and child."""


def without_seed(name: str) -> str:
    """Return METHOD[/SETTING] of METHOD[/SETTING]@SEED."""
    return name.partition("@")[0]


def is_of_way(name: str, way: str) -> bool:
    """Return whether METHOD[/SETTING] is a way, or the way of a control."""
    return name.partition("/")[0] in (way, way + UNALIGNED_END)


def score_rows(seeds: "Sequence[Scores]", key: "RowKey", settings: MetricSettings) -> "list[Row]":
    """Return the scores of a method, the mean of its seeds."""
    from stylealign.metrics.bootstrap import pooled_estimate

    draws = settings.bootstrap, settings.seed
    return [
        key.row(metric, pooled_estimate([own[metric, name] for own in seeds], *draws), setting=name)
        for metric, name in seeds[0]
    ]


def difference_rows(
    task: LabelTask, own: "Sequence[Scores]", other: "Sequence[Scores]", key: "RowKey", settings: MetricSettings
) -> "list[Row]":
    """Return the scores of a method less source-only's, of the `compared_metrics` of its task."""
    from stylealign.metrics.bootstrap import pooled_difference

    draws, rows = (settings.bootstrap, settings.seed), []
    for metric in compared_metrics(task):
        for place in (place for place in own[0] if place[0] == metric.name and place in other[0]):
            estimate = pooled_difference([seed[place] for seed in own], [seed[place] for seed in other], *draws)
            setting = ", ".join(filter(None, (place[1], minus(SOURCE_ONLY))))
            rows.append(key.row(difference_of(metric).name, estimate, setting=setting))
    return rows
