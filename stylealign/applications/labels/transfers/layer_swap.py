"""Images between the domains: the parent's coarse layers, the child's fine ones (Pinkney and Adler 2020)."""

from stylealign.applications.blending import blend
from stylealign.applications.labels.transfers.source import Source, TrainingSet
from stylealign.config import BlendSettings, LabelSettings


def training_set(source: Source, settings: LabelSettings) -> TrainingSet:
    """Return the parent's labels with images of the swapped model: the parent's shapes, the child's looks."""
    swapped = blend(source.parent, source.child, BlendSettings()).eval().requires_grad_(False)
    return TrainingSet(source.drawn(swapped), source.parent_labels)
