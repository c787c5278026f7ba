"""Students along the line of weights from the parent to the child: each step is a small change of the images."""

from stylealign.applications.labels.learning import learn
from stylealign.applications.labels.networks import Labeller
from stylealign.applications.labels.transfers.source import Source, TrainingSet, labels_of
from stylealign.applications.morphing import WeightPath
from stylealign.config import LabelSettings

STEPS = (0.25, 0.5, 0.75)
"""Where the students between the two are; the last one is at 1."""


def training_set(source: Source, settings: LabelSettings) -> TrainingSet:
    """Return the child's images, labelled by the last student before it.

    The labeller of a step labels the images of that step; with these labels its student learns the images of the same
    latents one step on, from its weights on.
    """
    path = WeightPath(source.parent, source.child)
    network: Labeller | None = source.trained
    labels = source.parent_labels
    spec, device = source.labeller.spec, source.labeller.device
    for step in STEPS:
        found = TrainingSet(source.drawn(path.at(step)), labels, start=network)
        network = learn(found.images, labels, found.settings(settings), device, spec, start=network)
        labels = labels_of(network, found.images)
    return TrainingSet(source.child_images, labels, start=network)
