"""The filtered network, its weights half-way back to the labeller's.

Fine-tuned weights and those they come from are often joined by a line of good networks, and its middle keeps more of
what either can (WiSE-FT: Wortsman et al. 2022, arXiv 2109.01903).
"""

from dataclasses import replace

from stylealign.applications.labels.transfers import filtered
from stylealign.applications.labels.transfers.source import Source, TrainingSet
from stylealign.config import LabelSettings


def training_set(source: Source, settings: LabelSettings) -> TrainingSet:
    """Return what the method `filtered` learns from; the network that has learnt goes half of the way back."""
    return replace(filtered.training_set(source, settings), back=0.5)
