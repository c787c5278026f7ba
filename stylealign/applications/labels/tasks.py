"""The label tasks: what networks predict from an image, and what the tables say of it. Imports no torch.

A further task is a module of this package and an entry in `TASKS`. Its module has these functions; `Annotations` hold
what is known of images, a `LabelSpec` says what a network predicts:

    spec(resolution_px, annotations)      the network's shape, its names from the annotations; None: they lack the task
    annotated(annotations, spec)          labels as tensors by name, one row an image
    mirrored(labels, which, spec)         the labels of images of which some were mirrored left to right
    loss(outputs, labels)                 what training minimises
    decode(outputs, spec)                 predictions as tensors by name
    pseudo(outputs, spec)                 labels from a network's outputs; for tasks that are transferred
    kept(labels, seen)                    where two sets of these agree; for the method `filtered`
    between(labels, seen)                 the mean of two sets of these; for the method `averaged`
    scores(predicted, annotations, spec)  scores of predictions; for tasks with a table. A fourth argument, a `Shared`
                                          (`sharing.py`), is given where network and annotations name other things
    centres(labels, spec)                 where the outputs' `numbers` begin; for tasks whose numbers may lie anywhere
    comparison(spec, other)               a function from predictions of two networks to how they differ; None: the
                                          two name nothing alike; for tasks with an `agreement`
"""

import importlib
from dataclasses import dataclass
from types import ModuleType

from stylealign.metrics.declared import Metric
from stylealign.metrics.seeing import Sees


@dataclass(frozen=True)
class LabelTable:
    """The table of a task's scores on annotated test images.

    Attributes:
        name, title: of the table.
        metrics: its numbers; those that are not by setting are compared between networks too.
        protocol: how they are measured.
        headline: the metric that the summary shows.
    """

    name: str
    title: str
    metrics: tuple[Metric, ...]
    protocol: str
    headline: str


@dataclass(frozen=True)
class LabelTask:
    """One task of label networks.

    Attributes:
        name: name in the command line and in file names, and of its module in this package.
        labels: kinds of labels in the annotations that it learns from: segmentation, keypoints, pose, attributes.
        pseudo: what the labels are that a transferred network learns from; empty: it is not transferred.
        table: of its scores; None: it is not scored.
        agreement: how alike a network sees two images; None: it does not compare images.
        answer: which of its predictions are compared between images, under this name in what `decode` returns.
        sees: what these are: class maps, points, or numbers (which correlate between images of the same latents).
        keeps_colours: whether its labels name colours, so that training keeps the images'.
        is_shared: whether domains share its names, so that one network can learn several.
        is_drawn: whether figures show its labels.
        training_time: time of a training as a share of a dense task's.
    """

    name: str
    labels: tuple[str, ...]
    pseudo: str = ""
    table: LabelTable | None = None
    agreement: Metric | None = None
    answer: str = ""
    sees: Sees = "numbers"
    keeps_colours: bool = False
    is_shared: bool = True
    is_drawn: bool = False
    training_time: float = 1.0

    @property
    def functions(self) -> ModuleType:
        """Return the task's module."""
        return importlib.import_module(f"{__package__}.{self.name}")


TASKS: tuple[LabelTask, ...] = (
    LabelTask(
        "segmentation",
        labels=("segmentation",),
        pseudo="class probabilities of the labeller on the parent's images",
        table=LabelTable(
            "zero_shot_segmentation",
            title="Zero-shot segmentation",
            metrics=(
                Metric("iou", True, "intersection over union of a class", is_by_setting=True),
                Metric("miou", True, "mean intersection over union of the classes present"),
                Metric("shared_iou", True, "intersection over union of a shared class", is_by_setting=True),
                Metric("shared_miou", True, "mean intersection over union of the shared classes present"),
            ),
            protocol="IoU over all pixels of the test set; a class that no image has, as one that the "
            "domain lacks, is left out of the mean",
            headline="miou",
        ),
        agreement=Metric("segmentation_agreement", True, "overlap of the parts found in two images"),
        answer="classes",
        sees="maps",
        is_drawn=True,
    ),
    LabelTask(
        "keypoints",
        labels=("keypoints",),
        pseudo="positions of the labeller on the parent's images, and which points it sees",
        table=LabelTable(
            "zero_shot_keypoints",
            title="Zero-shot key points",
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
            protocol="distance of visible key points over the distance of the annotated eyes (the annotations' first "
            "pair of left and right), in images that have them; pck@0.1: share of visible key points closer than 0.1 "
            "of it; nme_centred: with each point's mean error, in the frame of the annotated eyes, taken off: what is "
            "left where two domains mean places a constant apart; a point that the domain lacks counts nowhere",
            headline="nme",
        ),
        agreement=Metric(
            "keypoint_error",
            False,
            "distance of key points between two images",
            unit="eye distances of the first",
        ),
        answer="keypoints",
        sees="points",
        is_drawn=True,
    ),
    LabelTask(
        "pose",
        labels=("pose",),
        pseudo="numbers of the labeller on the parent's images",
        table=LabelTable(
            "zero_shot_regression",
            title="Zero-shot regression",
            metrics=(
                Metric("mae", False, "mean absolute error, in the unit of the number in `setting`"),
                Metric("r2", True, "share of variance explained"),
            ),
            protocol="absolute error and R^2 of each number",
            headline="mae",
        ),
        agreement=Metric("rotation_error", False, "difference of in-plane rotation", unit="degrees"),
        answer="pose",
        training_time=0.55,
    ),
    LabelTask(
        "attributes",
        labels=("attributes",),
        pseudo="probabilities of the labeller on the parent's images",
        answer="attributes",
        keeps_colours=True,
        is_shared=False,
        training_time=0.55,
    ),
)


def names() -> tuple[str, ...]:
    """Return the names of the tasks."""
    return tuple(task.name for task in TASKS)


def task_of(name: str) -> LabelTask:
    """Return the task of a name."""
    return next(task for task in TASKS if task.name == name)


def transferred() -> tuple[str, ...]:
    """Return the names of the tasks that are transferred to a domain without labels."""
    return tuple(task.name for task in TASKS if task.pseudo)


def scored() -> tuple[LabelTask, ...]:
    """Return the tasks with a table."""
    return tuple(task for task in TASKS if task.table is not None)


def comparing() -> tuple[LabelTask, ...]:
    """Return the tasks that compare images, by name."""
    return tuple(sorted((task for task in TASKS if task.agreement is not None), key=lambda task: task.name))


def drawn() -> tuple[str, ...]:
    """Return the names of the tasks whose labels figures show, from the lowest layer."""
    return tuple(task.name for task in TASKS if task.is_drawn)
