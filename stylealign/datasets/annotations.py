"""Annotations of an image set, one `.npz`: segmentation maps, key points, numbers and attributes, and their names."""

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stylealign.datasets import large_arrays
from stylealign.datasets.label_names import LabelNames
from stylealign.errors import StyleAlignError
from stylealign.files import UNREADABLE_ARRAYS, atomic_path

ATTRIBUTE_PREFIX = "attribute."
UNKNOWN_CLASS = 255
"""Class of a pixel that nothing is known of, or that is to be ignored."""
UNKNOWN_VALUE = -1
"""Value of an attribute that is not known of an image."""
SHAPES = {"segmentation": 3, "keypoints": 3, "visible": 2, "pose": 2}
"""Arrays of a file and their number of dimensions; a file holds those of the tasks that its domain has."""


@dataclass(frozen=True)
class Annotations:
    """What is known of each image of a set, in the set's order; None or empty where nothing is known of any.

    What is not known of some images stands in the arrays themselves: `UNKNOWN_CLASS`, NaN, `UNKNOWN_VALUE`.

    Attributes:
        segmentation: [N, H, W] uint8, indices into `names.classes`, or `UNKNOWN_CLASS`.
        keypoints: [N, K, 2] float32, (x, y) in pixels with pixel centres at .5, in the order of `names.keypoints`;
            NaN: not known.
        visible: [N, K] bool: known, inside the frame and not covered.
        pose: [N, V] float32 in the order of `names.values`; NaN: not known.
        attributes: name -> [N] int, indices into the names of its values, or `UNKNOWN_VALUE`.
        names: names of all these.
    """

    segmentation: NDArray[np.uint8] | None = None
    keypoints: NDArray[np.float32] | None = None
    visible: NDArray[np.bool_] | None = None
    pose: NDArray[np.float32] | None = None
    attributes: dict[str, NDArray[np.int64]] = field(default_factory=dict)
    names: LabelNames = field(default_factory=LabelNames)

    @property
    def attribute_values(self) -> dict[str, list[str]]:
        """Attribute -> names of its values."""
        return {name: list(values) for name, values in self.names.attributes.items()}

    def __len__(self) -> int:
        """Return the number of images."""
        return len(next(iter(self._arrays().values()), ()))

    def belong_to(self, count: int, resolution_px: int) -> bool:
        """Tell whether these can be annotations of `count` images of this size."""
        maps = self.segmentation
        return len(self) == count and (maps is None or maps.shape[1] == resolution_px)

    def known(self) -> NDArray[np.bool_]:
        """Return of which images `[N]` anything is known."""
        found = np.zeros(len(self), bool)
        if self.segmentation is not None:
            for part in large_arrays.parts_of(self.segmentation):
                found[part] = (self.segmentation[part] != UNKNOWN_CLASS).any(axis=(1, 2))
        if self.keypoints is not None:
            found |= np.any(np.all(np.isfinite(self.keypoints), axis=2), axis=1)
        if self.pose is not None:
            found |= ~np.isnan(self.pose).all(axis=1)
        for values in self.attributes.values():
            found |= values != UNKNOWN_VALUE
        return found

    def rows(self, chosen: NDArray[np.integer]) -> "Annotations":
        """Return the labels of some images, by their places, in that order."""
        arrays = {name: getattr(self, name) for name in SHAPES}
        picked: dict[str, Any] = {
            name: None if array is None else large_arrays.rows(array, chosen) for name, array in arrays.items()
        }
        attributes = {name: values[chosen] for name, values in self.attributes.items()}
        return replace(self, **picked, attributes=attributes)

    def _arrays(self) -> dict[str, NDArray[Any]]:
        arrays = {name: getattr(self, name) for name in SHAPES if getattr(self, name) is not None}
        return arrays | {ATTRIBUTE_PREFIX + name: values for name, values in self.attributes.items()}

    def save(self, path: str | Path) -> None:
        """Write the annotations to an `.npz` file, whole or not at all."""
        arrays: dict[str, Any] = {
            name: values.astype(np.int16) if name.startswith(ATTRIBUTE_PREFIX) else values
            for name, values in self._arrays().items()
        }
        with atomic_path(path) as temporary:
            np.savez_compressed(temporary, names=np.array(json.dumps(_to_json(self.names))), **arrays)

    @classmethod
    def load(cls, path: str | Path) -> "Annotations":
        """Read annotations.

        Raises:
            StyleAlignError: missing, truncated, not such a file, or arrays and names that do not belong together.
        """
        try:
            with np.load(path, allow_pickle=False) as file:
                names = _from_json(json.loads(str(file["names"])))
                arrays = {name: _array(file, name) for name in SHAPES if name in file}
                attributes = {name: file[ATTRIBUTE_PREFIX + name].astype(np.int64) for name in names.attributes}
        except FileNotFoundError as error:
            raise StyleAlignError(f"{path}: no such file; make it with `stylealign data draw`") from error
        except UNREADABLE_ARRAYS as error:
            raise StyleAlignError(f"{path}: not readable annotations ({error}); make them again") from error
        annotations = cls(**arrays, attributes=attributes, names=names)
        trouble = _trouble(annotations)
        if trouble is not None:
            raise StyleAlignError(f"{path}: {trouble}; make it again")
        return annotations

    def only(self, kinds: Collection[str]) -> "Annotations":
        """Return the labels of some kinds (segmentation, keypoints, pose, attributes) with their names alone."""
        has = set(kinds)
        names = self.names.only(has)
        return Annotations(
            segmentation=self.segmentation if "segmentation" in has else None,
            keypoints=self.keypoints if "keypoints" in has else None,
            visible=self.visible if "keypoints" in has else None,
            pose=self.pose if "pose" in has else None,
            attributes=self.attributes if "attributes" in has else {},
            names=names,
        )

    def named_like(self, other: "Annotations", path: str | Path, other_path: str | Path) -> "Annotations":
        """Return these annotations with classes, key points, numbers and attributes in the order of `other`'s names.

        Args:
            other: annotations of another set, whose order counts.
            path, other_path: the two files, for the message.

        Raises:
            StyleAlignError: the two do not name the same things.
        """
        for kind in ("classes", "keypoints", "values"):
            require_same_names(kind, getattr(self.names, kind), path, getattr(other.names, kind), other_path)
        require_same_names("attributes", _flat(self.names), path, _flat(other.names), other_path)
        names, target = self.names, other.names
        if _mirroring(names) != _mirroring(target):
            raise StyleAlignError(f"{path}: mirrors other names than {other_path}; give sets that agree")
        points = [names.keypoints.index(name) for name in target.keypoints]
        values = [names.values.index(name) for name in target.values]
        return replace(
            self,
            segmentation=renumbered(self.segmentation, names.classes, target.classes),
            keypoints=None if self.keypoints is None else self.keypoints[:, points],
            visible=None if self.visible is None else self.visible[:, points],
            pose=None if self.pose is None else self.pose[:, values],
            attributes={
                name: renumbered(self.attributes[name], names.attributes[name], wanted)
                for name, wanted in target.attributes.items()
            },
            names=target,
        )


def _array(file: Any, name: str) -> NDArray[Any]:
    """Return an array of an `.npz`; large class maps are unpacked part by part, into a file where they lie in one.

    Raises:
        ValueError, EOFError: damaged.
    """
    entry_name = f"{name}.npy"
    with file.zip.open(entry_name) as entry:
        if np.lib.format.read_magic(entry) != (1, 0):
            return np.asarray(file[name])
        shape, is_fortran, dtype = np.lib.format.read_array_header_1_0(entry)
        size = prod(shape)
        if size < large_arrays.LARGE_BYTES or dtype != np.uint8 or is_fortran:
            return np.asarray(file[name])
        if file.zip.getinfo(entry_name).file_size - entry.tell() != size:
            raise ValueError(f"{name} is not as long as it says")
        found = large_arrays.empty(shape, dtype)
        for part in large_arrays.parts_of(found):
            own = found[part].data.cast("B")
            if entry.readinto(own) != len(own):
                raise EOFError(f"{name} breaks off")
    return found


def require_same_names(
    kind: str, names: Iterable[str], path: str | Path, others: Iterable[str], other_path: str | Path
) -> None:
    """Refuse two files that do not name the same things, in whatever order.

    Raises:
        StyleAlignError: naming both files and the first name that only one has.
    """
    odd = sorted(set(names) ^ set(others))
    if odd:
        raise StyleAlignError(f"{path}: names other {kind} than {other_path} ({odd[0]}); give files that agree")


def _mirroring(names: LabelNames) -> tuple[set[frozenset[str]], set[str]]:
    return {frozenset(pair) for pair in names.swapped}, set(names.negated)


def _flat(names: LabelNames) -> list[str]:
    return [f"{name}={value}" for name, values in names.attributes.items() for value in values]


def renumbered(indices: Any, names: Sequence[str], target: Sequence[str]) -> Any:
    """Return indices into `names` as indices into `target`, which has the same names, in the same type.

    `UNKNOWN_CLASS` and `UNKNOWN_VALUE` stay what they are.
    """
    if indices is None or list(names) == list(target):
        return indices
    places = np.array([list(target).index(name) for name in names], dtype=indices.dtype)
    found = large_arrays.empty(indices.shape, indices.dtype)
    for part in large_arrays.parts_of(indices):
        own = indices[part]
        is_known = (own >= 0) & (own < len(names))
        found[part] = np.where(is_known, places[np.where(is_known, own, 0)], own)
    return found


def _to_json(names: LabelNames) -> dict[str, Any]:
    """Return the names as they stand in a file; what the names say about mirroring by themselves is left out."""
    found: dict[str, Any] = {
        "classes": names.classes,
        "keypoints": names.keypoints,
        "pose": names.values,
        "values": names.attributes,
    }
    plain = LabelNames(names.classes, names.keypoints, names.values, names.attributes)
    if names.swapped != plain.swapped:
        found["swapped"] = names.swapped
    if names.negated != plain.negated:
        found["negated"] = names.negated
    return found


def _from_json(found: dict[str, Any]) -> LabelNames:
    mirroring: dict[str, Any] = {}
    if "swapped" in found:
        mirroring["swapped"] = tuple((left, right) for left, right in found["swapped"])
    if "negated" in found:
        mirroring["negated"] = tuple(found["negated"])
    return LabelNames(
        classes=tuple(found.get("classes", ())),
        keypoints=tuple(found.get("keypoints", ())),
        values=tuple(found.get("pose", ())),
        attributes={name: list(values) for name, values in found.get("values", {}).items()},
        **mirroring,
    )


def _trouble(annotations: Annotations) -> str | None:
    """Return why arrays and names do not belong together, None where they do."""
    arrays, names = annotations._arrays(), annotations.names
    if not arrays:
        return "holds no labels"
    together = len({len(array) for array in arrays.values()}) == 1 and ("keypoints" in arrays) == ("visible" in arrays)
    if not together or any(array.ndim != SHAPES.get(name, 1) for name, array in arrays.items()):
        return "its arrays do not belong together"
    widths = {"keypoints": len(names.keypoints), "visible": len(names.keypoints), "pose": len(names.values)}
    counts = {"segmentation": len(names.classes)}
    counts |= {ATTRIBUTE_PREFIX + name: len(values) for name, values in names.attributes.items()}
    for name, array in arrays.items():
        fits = array.shape[1] == widths[name] if name in widths else _are_places(array, counts[name])
        if not fits:
            return f"its {name} and their names do not belong together"
    unknown = {name for pair in names.swapped for name in pair} - set(names.all())
    unknown |= set(names.negated) - set(names.values)
    return f"mirrors {min(unknown)}, which it does not name" if unknown else None


def _are_places(array: NDArray[Any], count: int) -> bool:
    """Tell whether every entry is a place among `count` names, or not known."""
    unknown = UNKNOWN_CLASS if array.dtype == np.uint8 else UNKNOWN_VALUE
    return all(
        bool(((own == unknown) | ((own >= 0) & (own < count))).all())
        for own in (array[part] for part in large_arrays.parts_of(array))
    )
