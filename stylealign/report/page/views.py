"""Tables of the report page: cells with intervals, and the best value of each group."""

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence

from stylealign.latents.spaces import names
from stylealign.measurements import registry
from stylealign.measurements.rows import KEY_COLUMNS, Row
from stylealign.measurements.shared import PAIRS, PAIRS_SHUFFLED
from stylealign.measurements.translation import PROTOCOLS
from stylealign.measurements.zero_shot_latents import SHUFFLED
from stylealign.report.page.words import METHODS
from stylealign.report.tables import is_by_setting, is_speed

Places = Mapping[Row, str]
"""Row -> an anchor: of its cell in the full table, or of the record of its file."""

SPACES = frozenset(names())
BOUNDS = frozenset(
    {"oracle", "labeller", "oracle on generated images", "untouched", "random", *PAIRS.values(), PAIRS_SHUFFLED}
)
"""Methods that bound the others: they are shown, and never marked as the best."""

REFERENCES = BOUNDS | {"parent", "source-only", "cross-fade", "shuffled", "zero-shot shuffled", SHUFFLED}
"""Methods without an aligned child in them."""

FEW_ROWS = 40
"""A longer table shows its summary rows; the rest is folded."""
MOST_ROWS = 60
"""A table that is longer even so shows its first `FEW_ROWS` rows."""


@dataclasses.dataclass(frozen=True)
class Column:
    """A number column: its metric, the setting and features that belong to its head, the direction, the meaning."""

    metric: str
    setting: str
    features: str
    higher_is_better: bool | None
    meaning: str

    @property
    def arrow(self) -> str:
        """Return the sign after the name."""
        return {True: "↑", False: "↓", None: ""}[self.higher_is_better]

    @property
    def direction(self) -> str:
        """Return the arrow in words."""
        return {True: "higher is better", False: "lower is better", None: ""}[self.higher_is_better]


@dataclasses.dataclass(frozen=True)
class Cell:
    """A number.

    Attributes:
        exact: the number; None where the table has none.
        text: the number for people.
        interval: its 95 % interval for people.
        n: images it is made of.
        place: anchor that the number leads to: its cell in the full table; there, the record of its file.
        mark: `best` of its group, `close` (its interval meets the best's), or empty.
    """

    exact: float | None = None
    text: str = ""
    interval: str = ""
    n: int | None = None
    mark: str = ""
    place: str = ""
    anchor: str = ""
    """Its own, in the full table."""


@dataclasses.dataclass(frozen=True)
class Line:
    """A row of a table: texts of its keys, cells, and the role of its method (aligned, control or reference)."""

    keys: tuple[str, ...]
    cells: tuple[Cell, ...]
    role: str


@dataclasses.dataclass(frozen=True)
class View:
    """A table as the page shows it.

    Attributes:
        name: the table's.
        constant: keys that are the same in every row, said once.
        keys: heads of the other keys.
        columns: heads of the numbers.
        lines: rows that are shown.
        folded: every row, where `lines` holds only the summary ones, or the first of very many.
    """

    name: str
    constant: tuple[tuple[str, str], ...]
    keys: tuple[str, ...]
    columns: tuple[Column, ...]
    lines: tuple[Line, ...]
    folded: tuple[Line, ...]

    @property
    def is_ranked(self) -> bool:
        """Return whether any value is marked as the best of its group."""
        return any(cell.mark for line in self.lines for cell in line.cells)

    @property
    def has_intervals(self) -> bool:
        """Return whether any value has an interval."""
        return any(cell.interval for line in self.lines for cell in line.cells)

    @property
    def metrics(self) -> list[tuple[str, Column]]:
        """Return the metrics once each."""
        return list({column.metric: column for column in self.columns}.items())

    @property
    def methods(self) -> list[tuple[str, str]]:
        """Return the methods whose names do not say what they are."""
        texts = dict.fromkeys(text for line in self.lines for text in line.keys)
        return [(text, METHODS[text]) for text in texts if text in METHODS]


def short(value: float) -> str:
    """Return a number for people: three significant digits, whole from 1,000 on."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def role_of(method: str) -> str:
    """Return whether a method uses an aligned child, its control, or neither."""
    if "unaligned" in method:
        return "control"
    return "reference" if method in REFERENCES else "aligned"


def _entries(rows: Sequence[Row]) -> tuple[list[Column], dict[tuple[str, ...], dict[Column, Row]]]:
    """Return the heads of a table, and the rows of each of its lines by head."""
    heads: dict[Column, None] = {}
    entries: dict[tuple[str, ...], dict[Column, Row]] = {}
    for row in rows:
        setting, _ = settings_of(row)
        head = column_of(row)
        heads.setdefault(head)
        entries.setdefault((row.parent, row.child, row.method, setting), {})[head] = row
    return list(heads), entries


def cells_of(rows: Sequence[Row]) -> dict[Row, str]:
    """Return the anchor of each row's cell in the full table; `rows` are those of one table."""
    heads, entries = _entries(rows)
    columns = {head: place for place, head in enumerate(heads)}
    return {
        row: f"number-{row.table}-{line}-{columns[head]}"
        for line, cells in enumerate(entries.values())
        for head, row in cells.items()
    }


def view(name: str, rows: Sequence[Row], places: Places | None = None, records: Places | None = None) -> View:
    """Return a table of the page from its rows; `places` are the anchors of their cells, `records` of their files."""
    heads, entries = _entries(rows)
    values = [{texts[index] for texts in entries} for index in range(len(KEY_COLUMNS))]
    shown = [index for index, found in enumerate(values) if len(found) > 1]
    constant = [
        (key, next(iter(found)))
        for key, found in zip(KEY_COLUMNS, values, strict=True)
        if len(found) == 1 and found != {""}
    ]
    marks = _marks(rows)
    lines = tuple(
        Line(
            tuple(texts[index] for index in shown),
            tuple(_full_cell(cells.get(head), places, records, marks) for head in heads),
            role_of(next(iter(cells.values())).method),
        )
        for texts, cells in entries.items()
    )
    keys = tuple(KEY_COLUMNS[index] for index in shown)
    told = _summary(keys, lines) or lines
    told = told if len(told) <= MOST_ROWS else told[:FEW_ROWS]
    folded = lines if len(told) < len(lines) else ()
    return View(name, tuple(constant), keys, tuple(heads), _leading_to_full(told) if folded else told, folded)


def _full_cell(row: Row | None, places: Places | None, records: Places | None, marks: dict[int, str]) -> Cell:
    """Return a cell of the full table: it has an anchor, and leads to the record of its file."""
    anchor = "" if row is None else (places or {}).get(row, "")
    return dataclasses.replace(cell_of(row, records, marks), anchor=anchor)


def _leading_to_full(lines: Iterable[Line]) -> tuple[Line, ...]:
    """Return lines whose numbers lead to the same ones of the full table, which alone has the anchors."""
    return tuple(
        dataclasses.replace(
            line, cells=tuple(dataclasses.replace(cell, place=cell.anchor, anchor="") for cell in line.cells)
        )
        for line in lines
    )


def settings_of(row: Row) -> tuple[str, str]:
    """Return the part of a row's setting that tells rows apart, and the part that tells columns apart.

    The class of an IoU and the protocol of a translation go to the head, so that one network is one row.
    """
    if is_by_setting(row):
        return "", row.setting
    parts = row.setting.split(", ")
    protocols = [part for part in parts if part in PROTOCOLS]
    return ", ".join(part for part in parts if part not in PROTOCOLS), ", ".join(protocols)


def column_of(row: Row) -> Column:
    """Return the column that a row's number stands in."""
    meaning = registry.metric(row.table, row.metric).described.replace("`", "")
    return Column(row.metric, settings_of(row)[1], row.features, row.higher_is_better, meaning)


def _summary(keys: Sequence[str], lines: Sequence[Line]) -> tuple[Line, ...]:
    """Return the rows of a long table whose setting is one word but for a truncation: no layer, no difference."""
    if len(lines) <= FEW_ROWS or "setting" not in keys:
        return ()
    place = keys.index("setting")
    parts = [[part for part in line.keys[place].split(", ") if not is_truncation(part)] for line in lines]
    return tuple(line for line, own in zip(lines, parts, strict=True) if not any(" " in part for part in own))


def cell_of(row: Row | None, places: Places | None = None, marks: dict[int, str] | None = None) -> Cell:
    """Return a row's number as a cell; an empty one where there is no row."""
    if row is None:
        return Cell()
    place = (places or {}).get(row, "")
    if row.value is None:
        return Cell(text="none", n=row.n, place=place)
    interval = ""
    if row.ci_low is not None and row.ci_high is not None:
        interval = f"[{short(row.ci_low)}, {short(row.ci_high)}]"
    return Cell(row.value, short(row.value), interval, row.n, (marks or {}).get(id(row), ""), place)


def protocol_of(row: Row) -> str:
    """Return a row's setting without latent space and truncation: numbers compare only where this is the same."""
    parts = [part for part in row.setting.split(", ") if part and not is_truncation(part)]
    return ", ".join(part for part in parts if part not in SPACES)


def is_truncation(part: str) -> bool:
    """Return whether a part of a setting is a truncation, such as `psi 0.5`."""
    return part.startswith("psi ")


def _marks(rows: Iterable[Row]) -> dict[int, str]:
    """Return the mark of each row that is the best of its group, or whose interval meets the best's."""
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        is_ranked = row.higher_is_better is not None and not is_speed(row) and row.method not in BOUNDS
        if is_ranked and row.value is not None:
            groups.setdefault((row.child, protocol_of(row), row.metric, row.features), []).append(row)
    marks: dict[int, str] = {}
    for group in groups.values():
        if len({row.method for row in group}) < 2:
            continue
        best = best_of(group)
        marks |= {id(row): "best" if are_same(row, best) else "close" for row in group if not are_apart(row, best)}
    return marks


def best_of(rows: Sequence[Row]) -> Row:
    """Return the best of rows of one metric."""
    sign = 1 if rows[0].higher_is_better else -1
    return max(rows, key=lambda row: sign * (row.value or 0.0))


def are_same(one: Row, other: Row) -> bool:
    """Return whether two numbers are equal but for rounding."""
    return math.isclose(one.value or 0.0, other.value or 0.0, rel_tol=1e-9, abs_tol=1e-9)


def are_apart(one: Row, other: Row) -> bool:
    """Return whether two numbers differ; with intervals on both, whether these do not meet."""
    if are_same(one, other):
        return False
    if None in (one.ci_low, one.ci_high, other.ci_low, other.ci_high):
        return True
    assert one.ci_low is not None and one.ci_high is not None
    assert other.ci_low is not None and other.ci_high is not None
    return one.ci_low > other.ci_high or other.ci_low > one.ci_high
