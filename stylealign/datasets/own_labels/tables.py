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

FALSE = ("-1", "0", "no", "false", "n", "-1.0", "0.0")
TRUE = ("1", "yes", "true", "y", "1.0")
SIGNED = ("-1", "-1.0")
"""What only a column of no and yes has."""
IS_VALUE = "="
"""Stands between an attribute and its value wherever both are named."""
NO_NAMES = ("nan", "na", "n/a", "null")
"""What programs write for a cell that is not known."""
LARGEST = float(np.finfo(np.float32).max)
MOST_NUMBERS = 20
"""Values of an attribute that are all numbers; a column of more of them is one of `values`."""


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


def read_list_attr(text: str, file: str, report: LabelReport) -> TextTable | None:
    """Return the table of a file in CelebA's format (a count, a line of names, a line an image); None for another.

    Args:
        text: its content.
        file: its name, for the report.
        report: gets the lines with another number of cells than there are names.

    Raises:
        ValueError: another number of lines than the count.
    """
    lines = [line.split() for line in text.splitlines() if line.strip()]
    if len(lines) < 2 or len(lines[0]) != 1 or not lines[0][0].isdigit():
        return None
    names = ("image", *lines[1])
    if len(lines) - 2 != int(lines[0][0]):
        raise ValueError(f"its first line says {lines[0][0]} images, and it has lines of {len(lines) - 2}")
    for row in lines[2:]:
        if len(row) != len(names):
            report.reject(file, row[0], f"a line of another number of values ({len(row) - 1}, not {len(names) - 1})")
    rows = tuple(dict(zip(names, row, strict=True)) for row in lines[2:] if len(row) == len(names))
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
        _require_plain(path, "number", self.names)
        rows = [(row[column], self._numbers(row, table, row[column], report)) for row in table.rows]
        self._values = bound(rows, pictures, self.file, report)

    def _numbers(self, row: dict[str, str], table: TextTable, name: str, report: LabelReport) -> NDArray[np.float32]:
        found = np.full(len(self.names), np.nan, np.float32)
        for place, key in enumerate(self.names):
            try:
                number = table.number(row[key]) if row[key] else np.nan
                if abs(number) > LARGEST:
                    raise ValueError(f"{number:g} is too large")
                found[place] = number
            except ValueError:
                report.reject(self.file, name, f"{key} is no number ({row[key]})")
        return found

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
            listed = read_list_attr(decoded(path.read_bytes()), self.file, report)
        except OSError as error:
            raise StyleAlignError(f"{path}: {error.strerror}; give a CSV file or one in CelebA's format") from error
        except ValueError as error:
            raise StyleAlignError(f"{path}: {error}; mend the count or the file") from error
        table = listed or read_table(path)
        column = image_column(table)
        keys = [name for name in table.names if name and name != column]
        _require_plain(path, "attribute", keys)
        self._report = report
        try:
            values_of = {
                key: values_of_attribute(key, [row[key] for row in table.rows], listed is not None) for key in keys
            }
        except ValueError as error:
            raise StyleAlignError(f"{path}: {error}") from error
        self.names = {key: values for key, values in values_of.items() if values}
        if not self.names:
            raise StyleAlignError(f"{path}: has no attributes; give the columns {column}, NAME, ...")
        rows = [
            (row[column], np.array([self._place(row[column], key, row[key]) for key in self.names]))
            for row in table.rows
        ]
        self._values = bound(rows, pictures, self.file, report)

    def of(self, picture: str) -> NDArray[np.int64] | None:
        """Return the place `[A]` of each attribute's value, `UNKNOWN_VALUE` where not known; None without a row."""
        return self._values.get(picture)

    def _place(self, name: str, key: str, cell: str) -> int:
        """Return the place of a cell's value; one that is none is reported and not known."""
        values = self.names[key]
        found = _value(cell, values)
        if cell and found is None:
            said = "neither no nor yes" if values == list(NO_YES) else "no value"
            self._report.reject(self.file, name, f"{key} is {said} ({cell})")
        return UNKNOWN_VALUE if found is None else found


def _require_plain(path: Path, what: str, names: Sequence[str]) -> None:
    """Refuse names that would be taken for an attribute with its value.

    Raises:
        StyleAlignError: naming the column.
    """
    for name in names:
        if IS_VALUE in name:
            raise StyleAlignError(f"{path}: the {what} {name!r} has {IS_VALUE} in its name; rename the column")


def values_of_attribute(key: str, cells: Sequence[str], is_binary: bool = False) -> list[str]:
    """Return the names of an attribute's values: no and yes where cells say so in one of the usual ways.

    A cell that cannot be a value among the others (a `?` among numbers, a 5 beside -1) is none of them.

    Args:
        key: the attribute, for the error.
        cells: its column.
        is_binary: whether it can have no values but no and yes.

    Raises:
        ValueError: fractions, or many different numbers.
    """
    found = {cell for cell in cells if any(map(str.isalnum, cell)) and cell.lower() not in NO_NAMES}
    words = {cell.lower() for cell in found}
    numbers = {cell for cell in found if _number(cell) is not None}
    if is_binary or words & {*SIGNED} or (words and words <= {*FALSE, *TRUE}):
        return list(NO_YES)
    held = [cell for cell in cells if cell in found]
    if 2 * sum(cell in numbers for cell in held) <= len(held):
        return sorted(found)
    fractions = [cell for cell in sorted(numbers) if _number(cell) != round(_number(cell) or 0)]
    if fractions or len(numbers) > MOST_NUMBERS:
        said = f"such as {fractions[0]}" if fractions else f"({len(numbers)} different ones)"
        raise ValueError(f"{key} holds numbers {said}; give them as values, not as attributes")
    return list(NO_YES) if {cell.lower() for cell in numbers} <= {*FALSE, *TRUE} else sorted(numbers)


def _number(cell: str) -> float | None:
    try:
        value = float(cell.replace(",", "."))
    except ValueError:
        return None
    return value if np.isfinite(value) else None


def _value(cell: str, values: list[str]) -> int | None:
    """Return the place of a cell among values, None where it is none of them."""
    if values == list(NO_YES):
        return int(cell.lower() in TRUE) if cell.lower() in (*FALSE, *TRUE) else None
    return values.index(cell) if cell in values else None
