"""Labels of pictures that were mirrored: left and right change places."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from stylealign.datasets.annotations import UNKNOWN_CLASS, Annotations
from stylealign.datasets.label_names import mirrored_order, pairs_among


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
        maps = np.where(mirrored["segmentation"][:, None, None], exchanged[maps], maps)
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
