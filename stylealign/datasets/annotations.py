"""Annotations of a drawn image set, one `.npz`: segmentation maps, key points, poses and attributes."""

import json
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stylealign.datasets.avatars import POSE
from stylealign.datasets.figures import KEYPOINTS, SEGMENTATION_CLASSES
from stylealign.errors import StyleAlignError
from stylealign.files import atomic_path

__all__ = ["KEYPOINTS", "POSE", "SEGMENTATION_CLASSES", "Annotations"]

ATTRIBUTE_PREFIX = "attribute."
SHAPES = {"segmentation": 3, "keypoints": 3, "visible": 2, "pose": 2}


@dataclass(frozen=True)
class Annotations:
    """What is known of each image of a set, in the set's order.

    Attributes:
        segmentation: [N, H, W] uint8, indices into `SEGMENTATION_CLASSES`.
        keypoints: [N, K, 2] float32, (x, y) in pixels with pixel centres at .5, in the order of `KEYPOINTS`.
        visible: [N, K] bool: present, inside the frame and not covered.
        pose: [N, 4] float32 in the order of `POSE`; shifts as shares of the frame.
        attributes: name -> [N] int, indices into the names of its values.
        attribute_values: name -> names of its values.
    """

    segmentation: NDArray[np.uint8]
    keypoints: NDArray[np.float32]
    visible: NDArray[np.bool_]
    pose: NDArray[np.float32]
    attributes: dict[str, NDArray[np.int64]]
    attribute_values: dict[str, list[str]]

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.segmentation)

    def save(self, path: str | Path) -> None:
        """Write the annotations to an `.npz` file, whole or not at all."""
        arrays = {name: getattr(self, name) for name in SHAPES}
        arrays |= {ATTRIBUTE_PREFIX + name: values.astype(np.int16) for name, values in self.attributes.items()}
        names = {
            "classes": SEGMENTATION_CLASSES, "keypoints": KEYPOINTS, "pose": POSE, "values": self.attribute_values,
        }  # fmt: skip
        with atomic_path(path) as temporary:
            np.savez_compressed(temporary, names=np.array(json.dumps(names)), **arrays)

    @classmethod
    def load(cls, path: str | Path) -> "Annotations":
        """Read annotations.

        Raises:
            StyleAlignError: missing, truncated, not such a file, or made for other classes or key points.
        """
        try:
            with np.load(path, allow_pickle=False) as file:
                names = json.loads(str(file["names"]))
                arrays = {name: file[name] for name in SHAPES}
                values = names["values"]
                attributes = {name: file[ATTRIBUTE_PREFIX + name].astype(np.int64) for name in values}
        except FileNotFoundError as error:
            raise StyleAlignError(f"{path}: no such file; make it with `stylealign data draw`") from error
        except (OSError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile, zlib.error) as error:
            raise StyleAlignError(f"{path}: not readable annotations ({error}); make them again") from error
        known = (list(SEGMENTATION_CLASSES), list(KEYPOINTS), list(POSE))
        if (names.get("classes"), names.get("keypoints"), names.get("pose")) != known:
            raise StyleAlignError(f"{path}: made for other classes or key points; make it again")
        counts = {len(array) for array in (*arrays.values(), *attributes.values())}
        if len(counts) != 1 or any(arrays[name].ndim != rank for name, rank in SHAPES.items()):
            raise StyleAlignError(f"{path}: its arrays do not belong together; make it again")
        return cls(**arrays, attributes=attributes, attribute_values=values)
