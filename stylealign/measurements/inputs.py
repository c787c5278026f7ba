"""The files of one measurement, opened as what they are. Imports torch."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from stylealign import Checkpoint, load
from stylealign.applications.labels.learning import seeing
from stylealign.applications.labels.networks import Labeller, load_label_network
from stylealign.applications.labels.tasks import LabelTask, comparing
from stylealign.checkpoints.differences import load_matching
from stylealign.config import MetricSettings
from stylealign.datasets.annotations import Annotations
from stylealign.datasets.images import ImageZip
from stylealign.devices import compute_device
from stylealign.errors import StyleAlignError
from stylealign.files import read_json
from stylealign.measurements.declare import weights_file
from stylealign.measurements.rows import RowKey
from stylealign.metrics.feature_files import SUFFIX, ImageFeatures, features_of_images, load_features
from stylealign.metrics.features import feature_extractor
from stylealign.metrics.perceptual import PerceptualDistance, perceptual_distance
from stylealign.metrics.seeing import Compare, Ruler, Seeing


@dataclass(frozen=True)
class Inputs:
    """What a measurement is given.

    Attributes:
        files: file by role; None for one that was left out.
        named_files: file by METHOD[/SETTING].
        options: value by name of each option of the kind.
        parent, child, method, setting: what the rows are named; each of these files names its own method.
    """

    files: Mapping[str, Path | None]
    named_files: Mapping[str, Path] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    parent: str = ""
    child: str = ""
    method: str = ""
    setting: str = ""

    def key(self, table: str) -> RowKey:
        """Return the name of the rows of a table."""
        return RowKey(table, self.parent, self.child, self.method, self.setting)

    def key_of(self, table: str, name: str) -> RowKey:
        """Return the name of the rows of a METHOD[/SETTING]=FILE argument."""
        method, _, setting = name.partition("/")
        setting = ", ".join(text for text in (setting, self.setting) if text)
        return RowKey(table, self.parent, self.child, method, setting)

    def has(self, role: str) -> bool:
        """Return whether a file of this role was given."""
        return self.files[role] is not None

    def path(self, role: str) -> Path:
        """Return a file that was given."""
        path = self.files[role]
        assert path is not None, f"no file for {role}"
        return path

    def json(self, role: str) -> Any:
        """Return a JSON value."""
        return read_json(self.path(role))

    def images(self, role: str) -> ImageZip:
        """Return a set of images."""
        return ImageZip(self.path(role))

    def features(
        self, role: str, extractor: nn.Module, network: str, progress: Callable[[int], None] | None = None
    ) -> ImageFeatures:
        """Return the features of a set of images, or those that a file of `stylealign features` holds of it.

        Raises:
            StyleAlignError: features of another network.
        """
        path = self.path(role)
        if path.suffix == SUFFIX:
            return load_features(path, network)
        return features_of_images(ImageZip(path), extractor, network, progress)

    def annotations(self, role: str, images: ImageZip) -> Annotations:
        """Return the annotations of a set of images.

        Raises:
            StyleAlignError: annotations of other images.
        """
        annotations = Annotations.load(self.path(role))
        if not annotations.belong_to(len(images), images.resolution_px):
            raise StyleAlignError(
                f"{self.path(role)}: annotations of other images than {images.path}; give those made with it"
            )
        return annotations

    def model(self, role: str) -> Checkpoint:
        """Return a model."""
        return load(self.path(role))

    def parent_and_child(self) -> tuple[Checkpoint, Checkpoint]:
        """Return the models of the roles `parent` and `child`.

        Raises:
            StyleAlignError: two models of different architecture.
        """
        return load_matching(self.path("parent"), self.path("child"))

    def matching(self, role: str, other: str) -> Checkpoint:
        """Return the model of a role, which is of the architecture of another role's.

        Raises:
            StyleAlignError: two models of different architecture.
        """
        return load_matching(self.path(role), self.path(other))[0]

    def label_network(self, role: str, task: str, resolution_px: int | None = None) -> Labeller:
        """Return a label network, on the device that everything runs on."""
        return load_label_network(self.path(role), task, resolution_px)[0].to(compute_device())

    def seeing(self, role: str, task: str) -> Seeing:
        """Return a label network as what sees in images."""
        return seeing(self.label_network(role, task))

    def rulers(self) -> dict[str, Ruler]:
        """Return what measures both sides of a comparison by task, of the tasks whose networks were given.

        Raises:
            StyleAlignError: a network that sees nothing that can be compared between domains.
        """
        return {task.name: self._ruler(task) for task in comparing() if self.has(task.name)}

    def _ruler(self, task: LabelTask) -> Ruler:
        network = self.label_network(task.name, task.name)
        compare: Compare | None = task.functions.comparison(network.spec, network.spec)
        if compare is None:
            raise StyleAlignError(f"{self.path(task.name)}: names no {task.name} that can be compared; give another")
        assert task.agreement is not None
        return Ruler(seeing(network), task.agreement.name, compare)


def extractor_of(settings: MetricSettings) -> nn.Module:
    """Return the feature network, on the device that everything runs on."""
    return feature_extractor(settings.features, weights_file(settings, "features")).to(compute_device())


def distance_of(settings: MetricSettings) -> PerceptualDistance:
    """Return the perceptual distance, on the device that everything runs on."""
    return perceptual_distance(settings.perceptual, weights_file(settings, "perceptual")).to(compute_device())


def images_named(data: ImageZip, names: Sequence[str], source: str | Path) -> np.ndarray:
    """Return the images of a zip by their names, in this order.

    Raises:
        StyleAlignError: an image that the zip lacks; `source` is the file that names it.
    """
    places = {name: place for place, name in enumerate(data.names)}
    missing = [name for name in names if name not in places]
    if missing:
        raise StyleAlignError(f"{source}: belongs to other images: {missing[0]} is not in {data.path}")
    return data.read([places[name] for name in names])
