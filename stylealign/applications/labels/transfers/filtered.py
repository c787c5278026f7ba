"""Labels on which the labeller agrees with itself: on the parent's and on the child's image of one latent."""

from stylealign.applications.labels.tasks import task_of
from stylealign.applications.labels.transfers.source import Source, TrainingSet, compared, labels_of
from stylealign.config import LabelSettings


def training_set(source: Source, settings: LabelSettings) -> TrainingSet:
    """Return the child's images with the parent's labels; `kept` says where the labeller sees them in the child too."""
    labels = source.parent_labels
    seen = labels_of(source.labeller, source.child_images)
    task = task_of(source.labeller.spec.task).functions
    kept = compared(labels, seen, lambda one, other: {"kept": task.kept(one, other)})
    return TrainingSet(source.child_images, {**labels, **kept}, start=source.trained)
