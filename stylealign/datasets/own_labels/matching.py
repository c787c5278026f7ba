"""Which picture a mask or a row is of, by its name; and what became of labels that are of none."""

import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TypeVar

from stylealign.datasets.text_tables import composed
from stylealign.files import printable

T = TypeVar("T")

WITHOUT_PICTURE = "a label without a picture"
_WITHOUT_LABEL = "a picture without "

SHOWN = 3
"""Labels of one file and reason that are named on stderr; the others are counted, and stand in the set's folder."""


@dataclass
class LabelReport:
    """What became of labels that could not be used.

    Attributes:
        rejected: (file, name of the picture or row, reason) of each.
        by_reason: how many, by file and kind of reason.
        counted: those of `by_reason` that are told by their number alone.
    """

    rejected: list[tuple[str, str, str]] = field(default_factory=list)
    by_reason: Counter[str] = field(default_factory=Counter)
    counted: set[str] = field(default_factory=set)

    def reject(self, file: str, name: str, reason: str, is_counted: bool = False) -> None:
        """Note a label that cannot be used; the first ones of a kind are named on stderr, or all are only counted."""
        self.rejected.append((file, name, reason))
        kind = f"{file}: {reason.partition(' (')[0]}"
        self.by_reason[kind] += 1
        if is_counted:
            self.counted.add(kind)
        elif self.by_reason[kind] <= SHOWN:
            print(f"data: {printable(file)}: {printable(name)}: {printable(reason)}", file=sys.stderr)

    def commonest(self, file: str) -> str | None:
        """Return why labels of a file could not be used and how many, None where all could.

        The reason that most labels of pictures have goes before pictures without a label, and those before labels
        without a picture.
        """
        start = f"{file}: "
        counts = {said[len(start) :]: count for said, count in self.by_reason.items() if said.startswith(start)}
        if not counts:
            return None
        most = max(
            counts, key=lambda said: (said != WITHOUT_PICTURE, not said.startswith(_WITHOUT_LABEL), counts[said])
        )
        return f"{most}: {counts[most]}"

    def close(self) -> None:
        """Say how many more there were than were named."""
        for said, count in self.by_reason.items():
            if count > SHOWN or said in self.counted:
                print(f"data: {printable(said)}: {count} in all", file=sys.stderr)


class PictureNames:
    """The names of pictures, by which masks and rows find theirs.

    A label has the picture's path inside the source, or its name alone, with or without the ending.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._by_key: list[dict[str, list[str]]] = [{}, {}, {}, {}]
        for name in names:
            for known, key in zip(self._by_key, _keys(name), strict=True):
                known.setdefault(key, []).append(name)

    def of(self, label: str) -> list[str]:
        """Return the pictures that a label may be of: none, one, or several of one name."""
        keys = _keys(label)
        paths = self._by_key[0]
        if keys[0] not in paths and keys[1] in paths:  # p.jpg.png, a label of p.jpg
            return paths[keys[1]]
        for known, key in zip(self._by_key, keys, strict=True):
            if key in known:
                return known[key]
        return []

    def of_stem(self, stem: str) -> list[str]:
        """Return the pictures of a name without ending and folder."""
        return self._by_key[3].get(stem, [])


def _keys(name: str) -> tuple[str, str, str, str]:
    """Return what a file may be known by: its path, that without the ending, its name, that without the ending."""
    path = PurePosixPath(composed(name).replace("\\", "/"))
    return str(path), str(path.with_suffix("")) if path.name else "", path.name, path.stem


def bound(rows: Iterable[tuple[str, T]], pictures: PictureNames, file: str, report: LabelReport) -> dict[str, T]:
    """Return picture -> its label; what is of no picture, of several, or a second one is reported.

    Args:
        rows: (name of the picture, its label).
        pictures: the names that there are.
        file: name of the labels' file, for the report.
        report: gets the rejects.
    """
    found: dict[str, T] = {}
    for name, label in rows:
        own = pictures.of(name)
        if not own:
            report.reject(file, name, WITHOUT_PICTURE)
        elif len(own) > 1:
            report.reject(file, name, f"several pictures of that name ({own[0]}, {own[1]})")
        elif own[0] in found:
            report.reject(file, name, f"a second label of one picture ({own[0]})")
        else:
            found[own[0]] = label
    return found
