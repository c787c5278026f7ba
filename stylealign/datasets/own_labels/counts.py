"""How many images of a set have labels of each kind."""

import sys

import numpy as np
from numpy.typing import NDArray

from stylealign.datasets.annotations import Annotations
from stylealign.datasets.own_labels.matching import LabelReport

HELD_OUT = {"test": "test", "val": "validation"}
"""Splits that no network learns from, and their names in words."""


def labelled_counts(
    labels: Annotations, splits: dict[str, NDArray[np.int64]], report: LabelReport
) -> dict[str, object]:
    """Return of how many images of each split each kind of label is known, and how many labels were rejected.

    A kind that no training image or no validation image has is said on stderr.
    """
    kinds = {"segmentation": labels.segmentation, "keypoints": labels.keypoints, "pose": labels.pose}
    held = [
        *(kind for kind, array in kinds.items() if array is not None),
        *(["attributes"] if labels.attributes else []),
    ]
    known = {kind: labels.only({kind}).known() for kind in held}
    counts = {split: {kind: int(known[kind][rows].sum()) for kind in held} for split, rows in splits.items()}
    _say_split_without_labels(counts)
    return {"labelled": counts, "labels_rejected": dict(report.by_reason.most_common())}


def _say_split_without_labels(counts: dict[str, dict[str, int]]) -> None:
    """Say on stderr which kinds of labels no network can learn from, or no method be chosen by: all are elsewhere."""
    for kind, trained in counts["train"].items():
        held_out = {name: counts[split][kind] for split, name in HELD_OUT.items() if split in counts}
        if not trained and (found := sum(held_out.values())):
            lie = " and the ".join(name for name, count in held_out.items() if count)
            said = f"all {found} labelled images lie in the {lie} split, and none is left to learn from"
            print(f"data: {kind}: {said}; label more, or choose another seed", file=sys.stderr)
        elif trained and held_out.get("validation") == 0:
            said = "no validation image is labelled, and no method can be chosen on them"
            print(f"data: {kind}: {said}; label more, or raise val_images", file=sys.stderr)
