"""The files of labels in the folder of a data set."""

import csv
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stylealign.config import AnnotationSettings
from stylealign.datasets.annotations import Annotations
from stylealign.datasets.own_labels.matching import LabelReport
from stylealign.datasets.splits import SPLITS
from stylealign.files import write_json

LABEL_SETTINGS = "annotations.json"
REJECTED_LABELS = "rejected_labels.csv"
LABEL_FILES = (*(f"{split}.annotations.npz" for split in SPLITS), LABEL_SETTINGS, REJECTED_LABELS)


def write_labels(
    folder: Path,
    settings: AnnotationSettings,
    labels: Annotations,
    splits: dict[str, NDArray[np.int64]],
    report: LabelReport,
) -> None:
    """Write `SPLIT.annotations.npz` of each split, the settings of the labels, and the labels that could not be used.

    Args:
        folder: gets the files.
        settings: what the labels were read from.
        labels: of all images.
        splits: the images of each split.
        report: what could not be used.
    """
    for name, indices in splits.items():
        labels.rows(indices).save(folder / f"{name}.annotations.npz")
    if report.rejected:
        with (folder / REJECTED_LABELS).open("w", newline="", encoding="utf-8", errors="backslashreplace") as file:
            csv.writer(file).writerows([("file", "name", "reason"), *report.rejected])
    write_json(folder / LABEL_SETTINGS, settings.model_dump(mode="json"))
