"""A bound: the child's images with the labels of a network of the child's own domain."""

from stylealign.applications.labels.transfers.source import Source, TrainingSet, labels_of
from stylealign.config import LabelSettings


def training_set(source: Source, settings: LabelSettings) -> TrainingSet:
    """Return the child's images with the oracle's labels: what is lost then, the generator loses."""
    assert source.oracle is not None, "the oracle labels"
    labels = labels_of(source.oracle, source.child_images)
    return TrainingSet(source.child_images, labels, spec=source.oracle.spec)
