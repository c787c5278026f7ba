"""Rows of the tables: one number each, with everything that says what the number is. Imports no torch."""

import dataclasses
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from stylealign.errors import StyleAlignError
from stylealign.files import read_json, write_json
from stylealign.metrics.bootstrap import Estimate

HIGHER_IS_BETTER: dict[str, bool | None] = {
    "fid": False, "kid": False, "precision": True, "recall": True, "kimg": None,
    "perceptual": False, "mse": False, "psnr": True, "ssim": True, "images_per_s": True,
    "diversity": True, "keypoint_error": False, "rotation_error": False,
    "path_length": False, "step_ratio": False, "endpoint_error": False,
    "iou": True, "miou": True, "nme": False, "nme_of_point": False, "nme_centred": False, "pck@0.1": True,
    "mae": False, "r2": True, "accuracy": True, "auc": True,
    "segmentation_agreement": True, "relative_change": None, "cosine": None,
    "rotation_spread": None, "scale_spread": None, "x_shift_spread": None, "y_shift_spread": None,
    "attribute_distance": False, "chance_distance": None, "attribute_skill": True, "covered": True,
    "w_cosine": None, "w_offset_cosine": None,
    "rotation_correlation": True, "scale_correlation": True, "x_shift_correlation": True, "y_shift_correlation": True,
    "background_correlation": True, "skin_correlation": True,
}  # fmt: skip
"""Every metric of the tables, and whether more of it is better (None: neither)."""


@dataclasses.dataclass(frozen=True)
class Row:
    """One number of a table; the fields are the columns of `all.csv`.

    Attributes:
        table: name of the table.
        parent, child, method, setting: what was measured, in the names of the tables.
        metric: name of the metric, a key of `HIGHER_IS_BETTER`.
        features: network behind the number, empty where there is none.
        value: the number; None where it does not exist (an IoU of a class that no image has).
        ci_low, ci_high: 95 % interval, where the metric is a mean over images or subsets.
        n: images (or values) the number is made of.
        higher_is_better: filled in from the metric.
    """

    table: str
    parent: str
    child: str
    method: str
    setting: str
    metric: str
    features: str
    value: float | None
    ci_low: float | None = None
    ci_high: float | None = None
    n: int | None = None
    higher_is_better: bool | None = None

    def __post_init__(self) -> None:
        assert self.metric in HIGHER_IS_BETTER, f"unknown metric {self.metric!r}"
        object.__setattr__(self, "higher_is_better", HIGHER_IS_BETTER[self.metric])
        for name in ("value", "ci_low", "ci_high"):
            number = getattr(self, name)
            if number is not None and not math.isfinite(number):
                object.__setattr__(self, name, None)


@dataclasses.dataclass(frozen=True)
class RowKey:
    """What a group of rows has in common.

    Attributes:
        table, parent, child, method: texts of these columns.
        setting: text of the `setting` column, after what a row puts there itself.
    """

    table: str
    parent: str
    child: str
    method: str
    setting: str = ""

    def row(self, metric: str, estimate: Estimate, features: str = "", setting: str = "") -> Row:
        """Return a row of this group."""
        settings = ", ".join(text for text in (setting, self.setting) if text)
        return Row(self.table, self.parent, self.child, self.method, settings, metric, features,
                   estimate.value, estimate.ci_low, estimate.ci_high, estimate.n)  # fmt: skip


COLUMNS = tuple(field.name for field in dataclasses.fields(Row))


def write_rows(path: str | Path, rows: Iterable[Row], provenance: dict[str, Any]) -> None:
    """Write rows with their provenance: `{"provenance": {...}, "rows": [{column: value}, ...]}`."""
    write_json(path, {"provenance": provenance, "rows": [dataclasses.asdict(row) for row in rows]})


def read_rows(path: str | Path) -> tuple[list[Row], dict[str, Any]]:
    """Read a file of `write_rows`.

    Raises:
        StyleAlignError: not such a file.
    """
    content = read_json(path)
    try:
        rows = [Row(**row) for row in content["rows"]]
        return rows, content["provenance"]
    except (KeyError, TypeError, AssertionError) as error:
        raise StyleAlignError(
            f"{path}: not a file of rows ({error}); make it again with `stylealign evaluate`"
        ) from error
