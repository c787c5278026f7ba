"""Label networks against the annotations of real images."""

from typing import TYPE_CHECKING

from stylealign.applications.labels.tasks import LabelTask, scored, task_of
from stylealign.config import MetricSettings
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
from stylealign.measurements.shared import DIFFERENCE_PROTOCOL, difference_of, minus
from stylealign.metrics.declared import Metric
from stylealign.work.cost import MEGABYTE, Cost, Work

if TYPE_CHECKING:
    from stylealign.applications.labels.networks import Scores
    from stylealign.measurements.inputs import Inputs
    from stylealign.measurements.rows import Row, RowKey

SOURCE_ONLY = "source-only"


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
        protocol=f"{own.protocol}; {DIFFERENCE_PROTOCOL}",
        headline=own.headline,
        compared=(own.headline,),
        charts=(own.headline,),
    )


TABLES = {task.name: _table(task) for task in scored()}
"""Task -> its table."""


def measure(inputs: "Inputs", settings: MetricSettings, progress: Progress) -> Measured:
    """Return the scores of every network, and those of each less source-only's.

    The class, point or number stands in `setting`, and of a difference what is taken off.

    Raises:
        StyleAlignError: files that do not belong together, or a network of another task.
    """
    from stylealign.applications.labels.learning import require_matching, scores
    from stylealign.applications.labels.networks import load_label_network
    from stylealign.devices import compute_device

    task, data = inputs.options["task"], inputs.images("data")
    annotations = inputs.annotations("annotations", data)
    networks = {
        method: load_label_network(path, task, data.resolution_px) for method, path in inputs.named_files.items()
    }
    for method, (network, _) in networks.items():
        require_matching(network.spec, inputs.named_files[method], annotations, inputs.path("annotations"))
    images, draws, seed = data.read(), settings.bootstrap, settings.seed
    found = {
        method: scores(network.to(compute_device()), images, annotations) for method, (network, _) in networks.items()
    }
    rows = []
    for method, own in found.items():
        key = inputs.key_of(TABLES[task].name, method)
        rows += [key.row(metric, score.estimate(draws, seed), setting=name) for (metric, name), score in own.items()]
        if SOURCE_ONLY in found and method != SOURCE_ONLY:
            rows += difference_rows(task_of(task), own, found[SOURCE_ONLY], key, settings)
    return rows, {"networks": {method: origin for method, (_, origin) in networks.items()}}


def difference_rows(
    task: LabelTask, own: "Scores", other: "Scores", key: "RowKey", settings: MetricSettings
) -> "list[Row]":
    """Return the scores of a network less source-only's, of the `compared_metrics` of its task."""
    rows = []
    for metric in compared_metrics(task):
        for name in (name for compared, name in own if compared == metric.name):
            estimate = own[metric.name, name].minus(other[metric.name, name], settings.bootstrap, settings.seed)
            setting = ", ".join(filter(None, (name, minus(SOURCE_ONLY))))
            rows.append(key.row(difference_of(metric).name, estimate, setting=setting))
    return rows


def rows_of(experiment: Experiment) -> list[str]:
    """Return a file for each task and each child of annotated domains."""
    children = [child for child in experiment.children if experiment.is_annotated(child)]
    return [f"{task}/{child}" for task in TABLES for child in children]


def cost(work: Work, task: str, child: str) -> Cost:
    """Return the cost of a job: the networks of a task on the test images of a child's domain."""
    data = work.data_of(child)
    images, px = data.splits.test_images, data.resolution_px
    return Cost(network_s=work.labels_s(images, px), memory_mb=1500 + images * px**2 * 20 / MEGABYTE)


KIND = Kind(
    name="zero_shot",
    version=9,
    text="label networks on annotated test images",
    files=(
        File("data", "ZIP", "test images of the domain"),
        File("annotations", "NPZ", "annotations of the test images"),
    ),
    named_files=NamedFiles(
        "NET",
        "network of `stylealign supervise` or `transfer`; the name goes into the `method` column, what follows a / "
        "into `setting`",
    ),
    options=(Option("task", "task of the network", choices=tuple(TABLES)),),
    settings=("bootstrap", "seed"),
    tables=tuple(TABLES.values()),
    rows=rows_of,
    costs={"zero_shot": cost},
    measure=measure,
)
