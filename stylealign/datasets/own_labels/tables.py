"""Numbers and attributes of pictures: a CSV file with a line of names, or CelebA's `list_attr` format."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stylealign.datasets.annotations import UNKNOWN_VALUE
from stylealign.datasets.own_labels.matching import LabelReport, PictureNames, bound
from stylealign.datasets.shared_attributes import NO_YES
from stylealign.datasets.text_tables import TextTable, decoded, read_csv
from stylealign.errors import StyleAlignError

IMAGE_COLUMNS = ("image", "image_id", "file", "file_name", "filename", "name", "picture")
"""Names of the column that names the picture; the first column where there is none of these."""

FALSE = ("-1", "0", "no", "false", "n")
TRUE = ("1", "yes", "true", "y")


def read_table(path: Path) -> TextTable:
    """Read a CSV file with a line of names.

    Raises:
        StyleAlignError: missing, or not such a file.
    """
    try:
        return read_csv(decoded(path.read_bytes()))
    except OSError as error:
        raise StyleAlignError(f"{path}: {error.strerror}; give a CSV file") from error
    except (ValueError, UnicodeError) as error:
        raise StyleAlignError(f"{path}: not a table ({error}); give a CSV file with a line of names") from error


def image_column(table: TextTable) -> str:
    """Return the column that names the pictures."""
    named = [name for name in table.names if name.lower() in IMAGE_COLUMNS]
    return named[0] if named else table.names[0]


def read_list_attr(text: str) -> TextTable | None:
    """Return the table of a file in CelebA's format (a count, a line of names, a line an image); None for another."""
    lines = [line.split() for line in text.splitlines() if line.strip()]
    if len(lines) < 2 or len(lines[0]) != 1 or not lines[0][0].isdigit():
        return None
    names = ("image", *lines[1])
    rows = tuple(dict(zip(names, row, strict=False)) for row in lines[2:] if len(row) == len(names))
    return TextTable(names, rows, ",")


class Values:
    """Numbers of pictures."""

    def __init__(self, path: Path, pictures: PictureNames, report: LabelReport) -> None:
        """Read a file.

        Raises:
            StyleAlignError: missing, not such a file, or without a column of numbers.
        """
        self.file = path.name
        table = read_table(path)
        column = image_column(table)
        self.names = tuple(name for name in table.names if name and name != column)
        if not self.names:
            raise StyleAlignError(f"{path}: has no column of numbers; give the columns {column}, NAME, ...")
        rows = [(row[column], self._numbers(row, table, row[column], report)) for row in table.rows]
        self._values = bound(rows, pictures, self.file, report)

    def _numbers(self, row: dict[str, str], table: TextTable, name: str, report: LabelReport) -> NDArray[np.float32]:
        found = np.full(len(self.names), np.nan, np.float32)
        for place, key in enumerate(self.names):
            try:
                found[place] = table.number(row[key]) if row[key] else np.nan
            except ValueError:
                report.reject(self.file, name, f"{key} is no number ({row[key]})")
        return np.where(np.isfinite(found), found, np.nan).astype(np.float32)

    def of(self, picture: str) -> NDArray[np.float32] | None:
        """Return the numbers `[V]` of a picture, NaN where not known; None where it has no row."""
        return self._values.get(picture)


class Attributes:
    """Attributes of pictures: of each one value."""

    def __init__(self, path: Path, pictures: PictureNames, report: LabelReport) -> None:
        """Read a file.

        Raises:
            StyleAlignError: missing, not such a file, or without a column of attributes.
        """
        self.file = path.name
        try:
            table = read_list_attr(decoded(path.read_bytes())) or read_table(path)
        except OSError as error:
            raise StyleAlignError(f"{path}: {error.strerror}; give a CSV file or one in CelebA's format") from error
        column = image_column(table)
        keys = [name for name in table.names if name and name != column]
        self.names = {key: _values_of([row[key] for row in table.rows]) for key in keys}
        self.names = {key: values for key, values in self.names.items() if values}
        if not self.names:
            raise StyleAlignError(f"{path}: has no attributes; give the columns {column}, NAME, ...")
        rows = [
            (row[column], np.array([_place(row[key], self.names[key]) for key in self.names])) for row in table.rows
        ]
        self._values = bound(rows, pictures, self.file, report)

    def of(self, picture: str) -> NDArray[np.int64] | None:
        """Return the place `[A]` of each attribute's value, `UNKNOWN_VALUE` where not known; None without a row."""
        return self._values.get(picture)


def _values_of(cells: Sequence[str]) -> list[str]:
    """Return the names of an attribute's values: no and yes where cells say so in one of the usual ways."""
    found = {cell.lower() for cell in cells if cell}
    if found and found <= {*FALSE, *TRUE}:
        return list(NO_YES)
    return sorted({cell for cell in cells if cell})


def _place(cell: str, values: list[str]) -> int:
    if not cell:
        return UNKNOWN_VALUE
    if values == list(NO_YES):
        return int(cell.lower() in TRUE)
    return values.index(cell)
