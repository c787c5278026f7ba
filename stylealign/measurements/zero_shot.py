"""Label networks against the annotations of real images."""

from typing import TYPE_CHECKING

from stylealign.config import MetricSettings
from stylealign.measurements.declare import (
    Experiment,
    File,
    Kind,
    LabelledFiles,
    Measured,
    Metric,
    Option,
    Progress,
    Table,
)
from stylealign.metrics.structure import PROTOCOLS
from stylealign.work.cost import MEGABYTE, Cost, Work

if TYPE_CHECKING:
    from stylealign.measurements.inputs import Inputs

SEGMENTATION = Table(
    "zero_shot_segmentation",
    title="Zero-shot segmentation",
    section="zero-shot",
    metrics=(
        Metric("iou", True, "intersection over union of a class", is_by_setting=True),
        Metric("miou", True, "mean intersection over union of the classes present"),
    ),
    protocol=PROTOCOLS["segmentation"],
    headline="miou",
    compared=("miou",),
    charts=("miou",),
)
KEYPOINTS = Table(
    "zero_shot_keypoints",
    title="Zero-shot key points",
    section="zero-shot",
    metrics=(
        Metric("nme", False, "mean key point error", unit="eye distances"),
        Metric("pck@0.1", True, "share of key points within a tenth of the eye distance"),
        Metric(
            "nme_centred",
            False,
            "mean key point error with each point's mean error, known from the annotations, taken off",
            unit="eye distances",
        ),
        Metric(
            "nme_of_point",
            False,
            "mean error of one key point",
            unit="eye distances",
            is_by_setting=True,
        ),
    ),
    protocol=PROTOCOLS["keypoints"],
    headline="nme",
    compared=("nme",),
    charts=("nme",),
)
REGRESSION = Table(
    "zero_shot_regression",
    title="Zero-shot regression",
    section="zero-shot",
    metrics=(
        Metric("mae", False, "mean absolute error, in the unit of the number in `setting`"),
        Metric("r2", True, "share of variance explained"),
    ),
    protocol=PROTOCOLS["pose"],
    headline="mae",
    compared=("mae",),
    charts=("mae",),
)
TABLES = {"segmentation": SEGMENTATION, "keypoints": KEYPOINTS, "pose": REGRESSION}
"""Task -> its table."""


def measure(inputs: "Inputs", settings: MetricSettings, progress: Progress) -> Measured:
    """Return the scores of every network; the class, point or number stands in `setting`.

    Raises:
        StyleAlignError: files that do not belong together, or a network of another task.
    """
    from stylealign.applications.zero_shot.learning import require_matching
    from stylealign.applications.zero_shot.networks import load_label_network
    from stylealign.applications.zero_shot.scores import scores
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
