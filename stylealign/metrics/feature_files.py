"""Features of a set of images, of its zip or of a file of `stylealign features`, which was made of it before."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from stylealign.datasets.images import ImageZip, image_name
from stylealign.errors import StyleAlignError
from stylealign.files import UNREADABLE_ARRAYS, atomic_path
from stylealign.metrics.features import features_of
from stylealign.metrics.generators import read_images

SUFFIX = ".npz"


@dataclass(frozen=True)
class ImageFeatures:
    """What a measurement needs of a set of images that it compares with.

    Attributes:
        path: file that they come from.
        network: name of the features.
        resolution_px: height and width of the images.
        values: `[N, D]` float32 on the CPU, a row an image, in the set's order.
        images: names of the images; of a file, which keeps none, those that a prepared set has.
    """

    path: Path
    network: str
    resolution_px: int
    values: Tensor
    images: Sequence[str]

    def __len__(self) -> int:
        return len(self.values)


def features_of_images(
    images: ImageZip, extractor: nn.Module, network: str, progress: Callable[[int], None] | None = None
) -> ImageFeatures:
    """Return the features of a set of images, with the number of those done told to `progress`."""
    values = features_of(read_images(images), extractor, progress=progress)
    return ImageFeatures(Path(images.path), network, images.resolution_px, values, images.names)


def save_features(path: str | Path, features: ImageFeatures, provenance: dict[str, Any]) -> None:
    """Write features with the name of their network, the size of the images and their provenance."""
    header = {"network": features.network, "resolution_px": features.resolution_px, "provenance": provenance}
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        np.savez(file, features=features.values.numpy(), header=np.array(json.dumps(header, sort_keys=True)))


def load_features(path: str | Path, network: str) -> ImageFeatures:
    """Read features of `save_features`.

    Raises:
        StyleAlignError: no such file, or features of another network.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            header, values = json.loads(str(file["header"])), file["features"]
            names = [image_name(number) for number in range(len(values))]
            network_of_file, resolution_px = header["network"], header["resolution_px"]
            found = ImageFeatures(Path(path), network_of_file, resolution_px, torch.from_numpy(values), names)
    except UNREADABLE_ARRAYS as error:
        raise StyleAlignError(f"{path}: no features ({error}); make them with `stylealign features`") from error
    if found.network != network or found.values.ndim != 2:
        raise StyleAlignError(f"{path}: features of {found.network}; make them with `--features {network}`")
    return found
