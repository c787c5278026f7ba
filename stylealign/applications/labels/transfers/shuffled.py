"""A control: the child's images with the labels of other latents."""

from stylealign.applications.labels.learning import joined
from stylealign.applications.labels.transfers.source import Source, TrainingSet
from stylealign.config import LabelSettings


def training_set(source: Source, settings: LabelSettings) -> TrainingSet:
    """Return the child's images, each with the labels of the next latent's."""
    later, first = (
        {name: value[part] for name, value in source.parent_labels.items()} for part in (slice(1, None), slice(1))
    )
    return TrainingSet(source.child_images, joined([later, first], source.count))
