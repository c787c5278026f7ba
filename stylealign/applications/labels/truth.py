"""What a label network says of images, as annotations: one network's answers are then scored against another's."""

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from stylealign.applications.labels.spec import LabelSpec
from stylealign.datasets.annotations import Annotations
from stylealign.datasets.label_names import LabelNames

SEEN = 0.5
"""Probability from which on a key point counts as visible."""


def as_annotations(spec: LabelSpec, predicted: Mapping[str, NDArray[Any]]) -> Annotations | None:
    """Return decoded predictions of `N` images as their annotations; None for a task that has no such form.

    Args:
        spec: of the network; its names become those of the annotations.
        predicted: `classes`, or `keypoints` and `visible`, or `pose`.
    """
    if "classes" in predicted:
        return Annotations(
            segmentation=predicted["classes"], names=LabelNames(classes=spec.names, swapped=spec.swapped)
        )
    if "keypoints" in predicted:
        return Annotations(
            keypoints=predicted["keypoints"],
            visible=predicted["visible"] > SEEN,
            names=LabelNames(keypoints=spec.names, swapped=spec.swapped),
        )
    if "pose" in predicted:
        names = LabelNames(values=spec.names, swapped=spec.swapped, negated=spec.negated)
        return Annotations(pose=predicted["pose"], names=names)
    return None
