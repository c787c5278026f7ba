"""Labels half-way between what the labeller says of the parent's image and of the child's of one latent.

The errors of the two are of different kinds: the child has moved what the first one shows, and the second one has not
seen the child's looks.
"""

from stylealign.applications.labels.tasks import task_of
from stylealign.applications.labels.transfers.source import Source, TrainingSet, compared, labels_of
from stylealign.config import LabelSettings


def training_set(source: Source, settings: LabelSettings) -> TrainingSet:
    """Return the child's images with the mean of both labels, from the labeller's weights on."""
    seen = labels_of(source.labeller, source.child_images)
    labels = compared(source.parent_labels, seen, task_of(source.labeller.spec.task).functions.between)
    return TrainingSet(source.child_images, labels, start=source.trained)
