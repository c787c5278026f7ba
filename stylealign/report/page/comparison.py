"""Aligned children against their controls: the comparisons and charts at the top of the report page."""

import dataclasses
from collections.abc import Iterable, Sequence

from stylealign.measurements import registry
from stylealign.measurements.rows import Row
from stylealign.measurements.shared import ANNOTATED
from stylealign.measurements.translation import PROTOCOLS
from stylealign.report.page.views import (
    SPACES,
    Cell,
    Column,
    are_apart,
    are_same,
    best_of,
    cell_of,
    column_of,
    protocol_of,
    role_of,
    settings_of,
    short,
)
from stylealign.report.page.words import SECTIONS


@dataclasses.dataclass(frozen=True)
class Comparison:
    """An aligned child's number beside its control's."""

    table: str
    column: Column
    child: str
    setting: str
    aligned: Cell
    control: Cell
    aligned_is_better: bool | None
    intervals_apart: bool | None


@dataclasses.dataclass(frozen=True)
class Mark:
    """A point of a chart, in percent of its width; `low` and `high` end its interval."""

    label: str
    role: str
    cell: Cell
    at: float
    low: float | None
    high: float | None


@dataclasses.dataclass(frozen=True)
class Chart:
    """One metric of one table, method by method, for each child; `start` and `end` are the ends of its scale."""

    table: str
    column: Column
    groups: tuple[tuple[str, tuple[Mark, ...]], ...]
    start: str
    end: str


def comparisons(rows: Sequence[Row]) -> list[Comparison]:
    """Return the numbers of aligned children beside their controls', in the order of the page's sections."""
    found = []
    for table, metric in _in_order("compared"):
        chosen = [row for row in rows if (row.table, row.metric) == (table, metric) and _is_shown(row)]
        for control in (row for row in chosen if role_of(row.method) == "control"):
            aligned = _counterpart(control, chosen)
            if aligned is not None and aligned.value is not None and control.value is not None:
                found.append(_comparison(aligned, control))
    return found


def _in_order(attribute: str) -> list[tuple[str, str]]:
    """Return tables with their metrics `compared` or `charts`, in the order of the page's sections."""
    keys = [section.key for section in SECTIONS]
    tables = sorted(registry.tables(), key=lambda table: keys.index(table.section) if table.section in keys else 99)
    return [(table.name, metric) for table in tables for metric in getattr(table, attribute)]


def _is_shown(row: Row) -> bool:
    """Return whether charts and comparisons show a row: of the two translation protocols, the first."""
    return not any(row.setting.startswith(protocol) for protocol in PROTOCOLS[1:])


def _counterpart(control: Row, rows: Iterable[Row]) -> Row | None:
    """Return the row that differs from a control's in its parent alone."""
    space = next((part for part in control.setting.split(", ") if part in SPACES), "")
    method = control.method.replace("unaligned", "").strip() or space
    same = [
        row
        for row in rows
        if role_of(row.method) == "aligned"
        and (row.child, protocol_of(row), row.features) == (control.child, protocol_of(control), control.features)
        and (not method or row.method == method)
    ]
    return same[0] if len(same) == 1 else None


def _comparison(aligned: Row, control: Row) -> Comparison:
    better = None
    if aligned.higher_is_better is not None and not are_same(aligned, control):
        better = best_of([aligned, control]) is aligned
    has_intervals = None not in (aligned.ci_low, aligned.ci_high, control.ci_low, control.ci_high)
    setting = ", ".join(filter(None, (aligned.method, settings_of(aligned)[0])))
    return Comparison(
        aligned.table,
        column_of(aligned),
        aligned.child,
        setting,
        cell_of(aligned),
        cell_of(control),
        better,
        are_apart(aligned, control) if has_intervals else None,
    )


def charts(rows: Sequence[Row]) -> list[Chart]:
    """Return the charts of the metrics that this run has, in the order of the page's sections."""
    drawn = []
    for table, metric in _in_order("charts"):
        chosen = [row for row in rows if (row.table, row.metric) == (table, metric) and _is_shown(row)]
        chosen = [row for row in chosen if row.value is not None]
        if len({row.method for row in chosen}) > 1:
            drawn.append(_chart(chosen))
    return drawn


def _chart(rows: Sequence[Row]) -> Chart:
    ends = [number for row in rows for number in (row.value, row.ci_low, row.ci_high) if number is not None]
    low, high = min(0.0, *ends), max(0.0, *ends)
    span = (high - low) or 1.0

    def place(number: float | None) -> float | None:
        return None if number is None else round(100 * (number - low) / span, 2)

    groups: dict[str, list[Mark]] = {}
    for row in rows:
        label = " ".join([row.method, *(part for part in row.setting.split(", ") if part in {*SPACES, ANNOTATED})])
        at = place(row.value)
        assert at is not None
        mark = Mark(label, role_of(row.method), cell_of(row), at, place(row.ci_low), place(row.ci_high))
        groups.setdefault(row.child, []).append(mark)
    drawn = tuple((child, tuple(marks)) for child, marks in groups.items() if len(marks) > 1)
    return Chart(rows[0].table, column_of(rows[0]), drawn, short(low), short(high))
