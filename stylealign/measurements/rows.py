"""Rows of the tables: one number each, with everything that says what the number is. Imports no torch."""

import dataclasses
import math
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stylealign.errors import StyleAlignError
from stylealign.files import read_json, write_json
from stylealign.measurements import registry
from stylealign.measurements.shared import ANNOTATED

if TYPE_CHECKING:
    from stylealign.metrics.bootstrap import Estimate


@dataclasses.dataclass(frozen=True)
class Row:
    """One number of a table; the fields are the columns of `all.csv`.

    Attributes:
        table: name of the table.
        parent, child, method, setting: what was measured, in the names of the tables.
        metric: name of one of the table's metrics.
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
        declared = registry.metric(self.table, self.metric)
        object.__setattr__(self, "higher_is_better", declared.higher_is_better)
        for name in ("value", "ci_low", "ci_high"):
            number = getattr(self, name)
            if number is not None and not math.isfinite(number):
                object.__setattr__(self, name, None)


@dataclasses.dataclass(frozen=True)
class RowKey:
    """What names a row, and is common to a group of rows.

    Attributes:
        table, parent, child, method: texts of these columns.
        setting: text of the `setting` column, after what a row puts there itself.
    """

    table: str
    parent: str
    child: str
    method: str
    setting: str = ""

    def row(self, metric: str, estimate: "Estimate", features: str = "", setting: str = "") -> Row:
        """Return a row of this group."""
        settings = ", ".join(text for text in (setting, self.setting) if text)
        return Row(
            table=self.table,
            parent=self.parent,
            child=self.child,
            method=self.method,
            setting=settings,
            metric=metric,
            features=features,
            value=estimate.value,
            ci_low=estimate.ci_low,
            ci_high=estimate.ci_high,
            n=estimate.n,
        )


def of_the_whole(rows: list[Row]) -> list[Row]:
    """Return the rows of one metric of all directions or regions together, where each method has one, else all rows."""
    whole = [row for row in rows if row.setting in ("", ANNOTATED)]
    return whole if {row.method for row in whole} == {row.method for row in rows} else rows


def snapshot_of(row: Row) -> tuple[str, str]:
    """Return after how many kimg a row of a curve is, as its setting says, and what else the setting says."""
    kimg, _, rest = row.setting.partition(", ")
    return kimg, rest


COLUMNS = tuple(field.name for field in dataclasses.fields(Row))
KEY_COLUMNS = tuple(field.name for field in dataclasses.fields(RowKey) if field.name != "table")
"""Columns that say what a table's row is of: parent, child, method, setting."""


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
