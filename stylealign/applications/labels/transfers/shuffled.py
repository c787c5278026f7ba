"""A control: the child's images with the labels of other latents."""

from stylealign.applications.labels.transfers.source import Source, TrainingSet
from stylealign.config import LabelSettings


def training_set(source: Source, settings: LabelSettings) -> TrainingSet:
    """Return the child's images, each with the labels of the next latent's."""
    labels = {name: value.roll(-1, dims=0) for name, value in source.parent_labels.items()}
    return TrainingSet(source.child_images, labels)
