"""Key points in a CSV file: the columns `image` and `NAME_x`, `NAME_y`, and where it is known `NAME_visible`."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stylealign.datasets.own_labels.matching import LabelReport, PictureNames, bound
from stylealign.datasets.own_labels.tables import FALSE, TRUE, image_column, read_table
from stylealign.datasets.text_tables import TextTable
from stylealign.errors import StyleAlignError


@dataclass(frozen=True)
class Points:
    """Key points of a picture.

    Attributes:
        positions: `[K, 2]` (x, y) in its pixels, NaN where not known.
        visible: `[K]`.
        size_px: width and height of the picture that they are of, None where it is not said.
    """

    positions: NDArray[np.float64]
    visible: NDArray[np.bool_]
    size_px: tuple[int, int] | None = None


def point_names(columns: Collection[str]) -> tuple[str, ...]:
    """Return the key points of which a table has both coordinates."""
    return tuple(name[:-2] for name in columns if name.endswith("_x") and f"{name[:-2]}_y" in columns)


class CsvPoints:
    """Key points of a CSV file."""

    def __init__(self, path: Path, pictures: PictureNames, report: LabelReport) -> None:
        """Read a file.

        Raises:
            StyleAlignError: missing, not such a file, or with shares of the frame instead of pixels.
        """
        self.file = path.name
        table = read_table(path)
        self.names = point_names(table.names)
        if not self.names:
            raise StyleAlignError(f"{path}: has no columns NAME_x and NAME_y; give the pixels of key points by name")
        _require_whole(path, table.names)
        column, rows = image_column(table), []
        for row in table.rows:
            points = [self._point(row, row[column], name, table, report) for name in self.names]
            positions = np.array([place for place, _ in points])
            visible = ~np.isnan(positions).any(axis=1) & np.array([is_visible for _, is_visible in points])
            rows.append((row[column], Points(positions, visible)))
        known = [points.positions for _, points in rows if not np.isnan(points.positions).all()]
        if len(known) > 1 and np.nanmax(np.abs(known)) <= 1:
            raise StyleAlignError(f"{path}: its key points are shares of the frame; give pixels of the pictures")
        self._points = bound(rows, pictures, self.file, report)

    def _point(
        self, row: dict[str, str], picture: str, name: str, table: TextTable, report: LabelReport
    ) -> tuple[tuple[float, float], bool]:
        """Return place and visibility of a key point; one that is not whole is reported and not known."""
        x, y = (row[f"{name}_{axis}"] for axis in "xy")
        said = row.get(f"{name}_visible", "").lower()
        unknown = (np.nan, np.nan), False
        if not x and not y:
            return unknown
        if said not in ("", *FALSE, *TRUE):
            reason = f"a visibility that is neither 0 nor 1 ({name}_visible is {said})"
        elif not x or not y:
            reason = f"a key point with one coordinate ({name})"
        else:
            try:
                return (table.number(x), table.number(y)), said not in FALSE
            except ValueError:
                reason = f"a key point that is no number ({name} at {x}, {y})"
        report.reject(self.file, picture, reason)
        return unknown

    def of(self, picture: str) -> Points | None:
        """Return the key points of a picture, None where it has none."""
        return self._points.get(picture)


def _require_whole(path: Path, names: Collection[str]) -> None:
    """Refuse a column of one coordinate whose other one is missing.

    Raises:
        StyleAlignError: naming both.
    """
    for name in names:
        other = f"{name[:-1]}{'yx'['xy'.index(name[-1])]}" if name.endswith(("_x", "_y")) else name
        if other not in names:
            raise StyleAlignError(f"{path}: has the column {name} without {other}; give both coordinates")
