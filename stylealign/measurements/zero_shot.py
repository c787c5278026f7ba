"""Label networks against the annotations of real images."""

from typing import TYPE_CHECKING

from stylealign.applications.labels.tasks import LabelTask, scored
from stylealign.config import MetricSettings
from stylealign.measurements.declare import (
    Experiment,
    File,
    Kind,
    LabelledFiles,
    Measured,
    Option,
    Progress,
    Table,
)
from stylealign.work.cost import MEGABYTE, Cost, Work

if TYPE_CHECKING:
    from stylealign.measurements.inputs import Inputs


def _table(task: LabelTask) -> Table:
    """Return the table of a label task."""
    own = task.table
    assert own is not None
    return Table(
        own.name,
        title=own.title,
        section="zero-shot",
        metrics=own.metrics,
        protocol=own.protocol,
        headline=own.headline,
        compared=(own.headline,),
        charts=(own.headline,),
    )


TABLES = {task.name: _table(task) for task in scored()}
"""Task -> its table."""


def measure(inputs: "Inputs", settings: MetricSettings, progress: Progress) -> Measured:
    """Return the scores of every network; the class, point or number stands in `setting`.

    Raises:
        StyleAlignError: files that do not belong together, or a network of another task.
    """
    from stylealign.applications.labels.learning import require_matching, scores
    from stylealign.applications.labels.networks import load_label_network
    from stylealign.devices import compute_device

    task, data = inputs.options["task"], inputs.images("data")
    annotations = inputs.annotations("annotations", data)
    networks = {label: load_label_network(path, task, data.resolution_px) for label, path in inputs.labelled.items()}
    for label, (network, _) in networks.items():
        require_matching(network.spec, inputs.labelled[label], annotations, inputs.path("annotations"))
    images, rows = data.read(), []
    for label, (network, _) in networks.items():
        key = inputs.key_of(TABLES[task].name, label)
        found = scores(network.to(compute_device()), images, annotations, settings)
        rows += [key.row(metric, estimate, setting=setting) for metric, setting, estimate in found]
    return rows, {"networks": {label: origin for label, (_, origin) in networks.items()}}


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
    version=7,
    text="label networks on annotated test images",
    files=(
        File("data", "ZIP", "test images of the domain"),
        File("annotations", "NPZ", "annotations of the test images"),
    ),
    labelled=LabelledFiles(
        "NET",
        "network of `stylealign supervise` or `transfer`; the label goes into the `method` column, what follows a / "
        "into `setting`",
    ),
    options=(Option("task", "task of the network", choices=tuple(TABLES)),),
    settings=("bootstrap", "seed"),
    tables=tuple(TABLES.values()),
    rows=rows_of,
    costs={"zero_shot": cost},
    measure=measure,
)
