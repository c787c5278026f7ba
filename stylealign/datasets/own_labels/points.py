"""Key points in a CSV file: the columns `image` and `NAME_x`, `NAME_y`, and where it is known `NAME_visible`."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stylealign.datasets.own_labels.matching import LabelReport, PictureNames, bound
from stylealign.datasets.own_labels.tables import FALSE, TRUE, image_column, read_table
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
            cells = [[row[f"{name}_{axis}"] for axis in "xy"] for name in self.names]
            try:
                positions = np.array([[table.number(cell) if cell else np.nan for cell in pair] for pair in cells])
            except ValueError:
                report.reject(self.file, row[column], "a key point that is no number")
                continue
            half = [name for name, pair in zip(self.names, positions, strict=True) if np.isnan(pair).sum() == 1]
            if half:
                report.reject(self.file, row[column], f"a key point with one coordinate ({half[0]})")
                continue
            said = {name: row.get(f"{name}_visible", "").lower() for name in self.names}
            wrong = [name for name, cell in said.items() if cell not in ("", *FALSE, *TRUE)]
            if wrong:
                reason = f"a visibility that is neither 0 nor 1 ({wrong[0]}_visible is {said[wrong[0]]})"
                report.reject(self.file, row[column], reason)
                continue
            hidden = [cell in FALSE for cell in said.values()]
            rows.append((row[column], Points(positions, ~np.isnan(positions).any(axis=1) & ~np.array(hidden))))
        everything = np.concatenate([points.positions for _, points in rows] or [np.zeros((1, 2))])
        if len(rows) > 1 and np.nanmax(np.abs(everything), initial=0) <= 1:
            raise StyleAlignError(f"{path}: its key points are shares of the frame; give pixels of the pictures")
        self._points = bound(rows, pictures, self.file, report)

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
