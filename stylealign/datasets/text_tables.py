"""Text files as editors and spreadsheets save them: their encoding, and tables with a line of names."""

import codecs
import csv
import math
import os
import re
import unicodedata
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass


def decoded(content: bytes) -> str:
    """Decode a text file: UTF-8 with or without a mark, UTF-16 with one, or Windows' Latin-1."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="surrogateescape")


def composed(name: str) -> str:
    """Return a file name with its accents composed: a Mac writes them decomposed, a spreadsheet does not.

    Bytes that are not UTF-8 are taken as in a text file. A Mac's zips hold names in UTF-8 without saying so, and they
    are read as if they were in the code page of the first PCs.
    """
    text = decoded(os.fsencode(name))
    if not text.isascii():
        with suppress(UnicodeError):
            text = text.encode("cp437").decode("utf-8")
    return unicodedata.normalize("NFC", text)


def _separator(lines: Sequence[str]) -> str:
    """Return what separates the cells of lines, the first one of names: what it has most of outside of quotes.

    Of two that it has as many of, that which other lines have as many of; then not the comma, which stands in numbers.
    """
    bare = [re.sub(r'"[^"]*"', "", line) for line in lines]

    def marks(sign: str) -> tuple[int, int, bool]:
        count = bare[0].count(sign)
        return count, sum(line.count(sign) == count for line in bare[1:]), sign != ","

    return max(",;\t", key=marks)


@dataclass(frozen=True)
class TextTable:
    """A table with a line of names.

    Attributes:
        names: names of the columns.
        rows: cells of each row by column; cells that a short row lacks are empty.
        separator: what stands between the cells; where it is no comma, a comma may be the decimal sign.
    """

    names: tuple[str, ...]
    rows: tuple[dict[str, str], ...]
    separator: str

    def number(self, text: str) -> float:
        """Return the number of a cell.

        Raises:
            ValueError: it is none, or not finite.
        """
        value = float(text if self.separator == "," else text.replace(",", "."))
        if "_" in text or not math.isfinite(value):
            raise ValueError(f"{text} is no number")
        return value


def read_csv(text: str) -> TextTable:
    """Return the table of a CSV file, separated by comma, semicolon or tab.

    Raises:
        ValueError: no line of names, a name twice, or a row with more cells than there are names.
    """
    lines = [line for line in text.splitlines() if line.strip(" ,;\t")]
    if lines and lines[0].lower().startswith("sep="):  # a note of spreadsheets to themselves
        lines.pop(0)
    if not lines:
        raise ValueError("it is empty")
    separator = _separator(lines)
    try:
        read = list(csv.reader(lines, delimiter=separator, skipinitialspace=True))
    except csv.Error as error:
        raise ValueError(str(error)) from error
    cells = [[cell.strip() for cell in row] for row in read]
    names = tuple(cells[0])
    twice = [name for name in names if name and names.count(name) > 1]
    if twice:
        raise ValueError(f"two columns are named {twice[0]}")
    for row in cells[1:]:
        if any(row[len(names) :]):
            hint = "; with decimal commas, separate the cells by semicolons" if separator == "," else ""
            raise ValueError(f"the row of {row[0]} has {len(row)} cells, the line of names {len(names)}{hint}")
    rows = (dict(zip(names, [*row, *[""] * (len(names) - len(row))], strict=False)) for row in cells[1:])
    return TextTable(names, tuple(rows), separator)
