"""How many images of a set have labels of each kind."""

import sys

import numpy as np
from numpy.typing import NDArray

from stylealign.datasets.annotations import Annotations
from stylealign.datasets.own_labels.matching import LabelReport


def labelled_counts(
    labels: Annotations, splits: dict[str, NDArray[np.int64]], report: LabelReport
) -> dict[str, object]:
    """Return of how many images of each split each kind of label is known, and how many labels were rejected.

    A kind that no training image has is said on stderr.
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
    """Say on stderr which kinds of labels are all in the test split, where no network learns from them."""
    for kind, trained in counts["train"].items():
        if not trained and counts["test"][kind]:
            said = f"all {counts['test'][kind]} labelled images lie in the test split, and none is left to learn from"
            print(f"data: {kind}: {said}; label more, or choose another seed", file=sys.stderr)
