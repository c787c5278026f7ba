"""Images with the parent's shapes and the child's looks: only the finest layers are the child's.

Pinkney and Adler 2020 (arXiv 2010.05334). What the labels say of the parent's image holds of such an image nearly to
the pixel, so the labeller learns the child's looks from true labels.
"""

from stylealign.applications.blending import blend
from stylealign.applications.labels.transfers.source import Source, TrainingSet
from stylealign.config import BlendSettings, LabelSettings
from stylealign.networks.generator import Generator


def training_set(source: Source, settings: LabelSettings) -> TrainingSet:
    """Return the parent's labels with images of the swapped model, from the labeller's weights on."""
    swapped = blend(source.parent, source.child, BlendSettings(swap_px=swap_px(source.parent))).eval()
    return TrainingSet(source.drawn(swapped.requires_grad_(False)), source.parent_labels, start=source.trained)


def swap_px(generator: Generator) -> int:
    """Return from which resolution on the layers are the child's: the last two resolutions."""
    return generator.architecture.resolution // 2
