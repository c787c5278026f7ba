"""Labels of pictures that were mirrored: left and right change places."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from stylealign.datasets import large_arrays
from stylealign.datasets.annotations import UNKNOWN_CLASS, Annotations, renumbered
from stylealign.datasets.label_names import LabelNames, mirrored_order, pairs_among


def with_shared_values(names: LabelNames, columns: Mapping[str, NDArray[np.int64]]) -> Annotations:
    """Return attributes of which those that change places under mirroring have the same values, those of both.

    A network could not exchange the two otherwise: half of its images are mirrored.

    Args:
        names: with attributes and pairs.
        columns: attribute -> the place of each image's value.
    """
    values = {name: list(own) for name, own in names.attributes.items()}
    for pair in pairs_among(names.swapped, tuple(values)):
        both = list(dict.fromkeys(value for name in pair for value in values[name]))
        values |= dict.fromkeys(pair, both)
    found = {name: renumbered(own, names.attributes[name], values[name]) for name, own in columns.items()}
    return Annotations(attributes=found, names=replace(names, attributes=values))


def sides_exchanged(labels: Annotations, mirrored: Mapping[str, NDArray[np.bool_]]) -> Annotations:
    """Return labels with left and right exchanged where they were mirrored.

    Args:
        labels: those of N images.
        mirrored: kind (segmentation, keypoints, pose, attributes) -> of which images `[N]` its labels were mirrored
            with the picture; each kind that there is.
    """
    names, pairs = labels.names, labels.names.swapped
    maps, points, visible, pose = labels.segmentation, labels.keypoints, labels.visible, labels.pose
    if maps is not None:
        exchanged = np.arange(UNKNOWN_CLASS + 1, dtype=np.uint8)
        exchanged[: len(names.classes)] = mirrored_order(names.classes, pairs_among(pairs, names.classes))
        maps = large_arrays.rows(maps, np.arange(len(maps)))
        for place in np.flatnonzero(mirrored["segmentation"]):
            maps[place] = exchanged[maps[place]]
    if points is not None and visible is not None:
        order = mirrored_order(names.keypoints, pairs_among(pairs, names.keypoints))
        points = np.where(mirrored["keypoints"][:, None, None], points[:, order], points)
        visible = np.where(mirrored["keypoints"][:, None], visible[:, order], visible)
    if pose is not None:
        order = mirrored_order(names.values, pairs_among(pairs, names.values))
        signs = np.array([-1 if name in names.negated else 1 for name in names.values], np.float32)
        pose = np.where(mirrored["pose"][:, None], pose[:, order] * signs, pose)
    listed = tuple(names.attributes)
    others = mirrored_order(listed, pairs_among(pairs, listed))
    attributes = {
        name: np.where(mirrored["attributes"], labels.attributes[listed[other]], labels.attributes[name])
        for name, other in zip(listed, others, strict=True)
    }
    return Annotations(maps, points, visible, pose, attributes, names)
