"""Aligned children against their controls: the comparisons and charts at the top of the report page."""

import dataclasses
from collections.abc import Iterable, Sequence

from stylealign.applications.labels.methods import BEST
from stylealign.measurements import registry
from stylealign.measurements.rows import Row, of_the_whole
from stylealign.measurements.shared import ANNOTATED, OTHER_SEED
from stylealign.measurements.translation import PROTOCOLS
from stylealign.report.page.source_only import beats, difference_to, source_only_of
from stylealign.report.page.views import (
    SPACES,
    Cell,
    Column,
    Places,
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
from stylealign.report.page.words import METHODS, SECTIONS


@dataclasses.dataclass(frozen=True)
class Comparison:
    """An aligned child's number beside its control's, and of transferred labels the parent's network's as it is and
    the paired difference from it.

    `told` says whether it is better (or worse) than what it has to beat, source-only where there is such a row, else
    the control; None where the two are not told apart.
    """

    table: str
    column: Column
    child: str
    method: str
    setting: str
    aligned: Cell
    control: Cell
    source_only: Cell | None
    difference: Cell | None
    aligned_is_better: bool | None
    intervals_apart: bool | None
    told: bool | None

    @property
    def rival(self) -> str:
        """Return what it has to beat."""
        return "source-only" if self.source_only else "the control"

    @property
    def chosen(self) -> str:
        """Return how the method was chosen, where it is one of several."""
        return METHODS[BEST] if self.method == BEST else ""


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


def comparisons(rows: Sequence[Row], places: Places | None = None) -> list[Comparison]:
    """Return the numbers of aligned children beside their controls', in the order of the page's sections."""
    found = []
    for table, metric in _in_order("compared"):
        chosen = of_the_whole([r for r in rows if (r.table, r.metric) == (table, metric) and _is_shown(r)])
        for control in (row for row in chosen if role_of(row.method) == "control"):
            aligned = _counterpart(control, chosen)
            if aligned is not None and aligned.value is not None and control.value is not None:
                found.append(_comparison(aligned, control, rows, places))
    return found


def leading(found: Sequence[Comparison]) -> list[Comparison]:
    """Return one comparison of each table and child, for a first look: of its headline, in the first setting.

    Of ways to carry labels over it is the one that was chosen on validation images, as in what was found.
    """
    headlines = {table.name: table.headline for table in registry.tables()}
    first: dict[tuple[str, str], Comparison] = {}
    for comparison in sorted(found, key=lambda one: (one.column.metric != headlines.get(one.table), not one.chosen)):
        first.setdefault((comparison.table, comparison.child), comparison)
    return [comparison for comparison in found if comparison in first.values()]


def by_child(found: Sequence[Comparison]) -> list[dict[str, Comparison]]:
    """Return the comparisons of one number together, by child; of a child that has two of them each is told apart."""
    groups: dict[tuple[str, Column, str], dict[str, Comparison]] = {}
    for one in found:
        groups.setdefault((one.table, one.column, one.setting), {})[one.child] = one
    return list(groups.values())


def leading_charts(found: Sequence[Chart]) -> list[Chart]:
    """Return the first chart of each metric of a table."""
    first: dict[tuple[str, str], Chart] = {}
    for chart in found:
        first.setdefault((chart.table, chart.column.metric), chart)
    return list(first.values())


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
    method = "" if control.method == OTHER_SEED else control.method.replace("unaligned", "").strip() or space
    same = [
        row
        for row in rows
        if role_of(row.method) == "aligned"
        and (row.child, protocol_of(row), row.features) == (control.child, protocol_of(control), control.features)
        and (not method or row.method == method)
    ]
    same = same if len(same) == 1 else [row for row in same if row.method == "child"]  # not of a child of a child
    return same[0] if len(same) == 1 else None


def _comparison(aligned: Row, control: Row, rows: Sequence[Row], places: Places | None) -> Comparison:
    better = None
    if aligned.higher_is_better is not None and not are_same(aligned, control):
        better = best_of([aligned, control]) is aligned
    has_intervals = None not in (aligned.ci_low, aligned.ci_high, control.ci_low, control.ci_high)
    apart = are_apart(aligned, control) if has_intervals else None
    other = source_only_of(aligned, rows)
    difference = difference_to(aligned, other, rows) if other else None
    setting = ", ".join(filter(None, (aligned.method, settings_of(aligned)[0])))
    return Comparison(
        aligned.table,
        column_of(aligned),
        aligned.child,
        aligned.method,
        setting,
        cell_of(aligned, places),
        cell_of(control, places),
        cell_of(other, places) if other else None,
        cell_of(difference, places) if difference else None,
        better,
        apart,
        beats(aligned, other, rows) if other else None if apart is False else better,
    )


def charts(rows: Sequence[Row], places: Places | None = None) -> list[Chart]:
    """Return the charts of the metrics that this run has, in the order of the page's sections."""
    drawn = []
    for table, metric in _in_order("charts"):
        chosen = [row for row in rows if (row.table, row.metric) == (table, metric) and _is_shown(row)]
        chosen = of_the_whole([row for row in chosen if row.value is not None])
        for thing, same in _by_thing(chosen).items():
            if len({row.method for row in same}) > 1:
                drawn.append(_chart(same, places, thing))
    return drawn


def _by_thing(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Return rows by what they are numbers of, where a method has one of several things: an angle and a length share
    no scale."""
    labels = [(row.child, _label(row)) for row in rows]
    if len(set(labels)) == len(labels):
        return {"": list(rows)}
    things: dict[str, list[Row]] = {}
    for row in rows:
        named = [part for part in protocol_of(row).split(", ") if part and part != ANNOTATED]
        things.setdefault(", ".join(named), []).append(row)
    return things


def _label(row: Row) -> str:
    return " ".join([row.method, *(part for part in row.setting.split(", ") if part in {*SPACES, ANNOTATED})])


def _chart(rows: Sequence[Row], places: Places | None, thing: str) -> Chart:
    ends = [number for row in rows for number in (row.value, row.ci_low, row.ci_high) if number is not None]
    low, high = min(0.0, *ends), max(0.0, *ends)
    span = (high - low) or 1.0

    def place(number: float | None) -> float | None:
        return None if number is None else round(100 * (number - low) / span, 2)

    groups: dict[str, list[Mark]] = {}
    for row in rows:
        at = place(row.value)
        assert at is not None
        mark = Mark(_label(row), role_of(row.method), cell_of(row, places), at, place(row.ci_low), place(row.ci_high))
        groups.setdefault(row.child, []).append(mark)
    drawn = tuple((child, tuple(marks)) for child, marks in groups.items() if len(marks) > 1)
    column = column_of(rows[0])
    column = dataclasses.replace(column, setting=", ".join(filter(None, (column.setting, thing))))
    return Chart(rows[0].table, column, drawn, short(low), short(high))
