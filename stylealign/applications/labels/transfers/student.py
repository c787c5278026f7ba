"""The paper's way: the parent's labels with the child's images of the same latents (StyleAlign, section 5.2)."""

from stylealign.applications.labels.transfers.source import Source, TrainingSet
from stylealign.config import LabelSettings


def training_set(source: Source, settings: LabelSettings) -> TrainingSet:
    """Return the child's images with the parent's labels."""
    return TrainingSet(source.child_images, source.parent_labels)
