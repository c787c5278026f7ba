"""Tables of the report page: cells with intervals, the best value of each group, and aligned against control."""

import dataclasses
import math
from collections.abc import Iterable, Sequence

from stylealign.metrics.rows import Row
from stylealign.report.html_text import METHODS, METRICS
from stylealign.report.tables import LABELS, SETTING_IN_COLUMN, SPEEDS

SPACES = frozenset({"z", "z+", "w", "w+"})
PROTOCOLS = ("cut", "stargan-v2")
BOUNDS = frozenset({"oracle", "untouched", "random"})
"""Methods that bound the others: they are shown, and never marked as the best."""

REFERENCES = BOUNDS | {"parent", "source-only", "cross-fade"}
"""Methods without an aligned child in them."""

FEW_ROWS = 40
"""A longer table shows its summary rows; the rest is folded."""

COMPARED = (
    ("generators", "fid"),
    ("alignment_pointwise", "segmentation_agreement"),
    ("alignment_pointwise", "keypoint_error"),
    ("alignment_pointwise", "rotation_error"),
    ("translation", "keypoint_error"),
    ("translation", "rotation_error"),
    ("translation", "kid"),
    ("zero_shot_segmentation", "miou"),
    ("zero_shot_keypoints", "nme"),
    ("zero_shot_regression", "mae"),
    ("zero_shot_classification", "accuracy"),
)
"""Where an aligned child is compared with its control at the top of the page."""

CHARTS = (
    ("generators", "fid"),
    ("alignment_pointwise", "segmentation_agreement"),
    ("translation", "keypoint_error"),
    ("translation", "kid"),
    ("morphing", "step_ratio"),
    ("zero_shot_segmentation", "miou"),
    ("zero_shot_keypoints", "nme"),
    ("zero_shot_regression", "mae"),
    ("zero_shot_classification", "accuracy"),
)
"""Metrics that are drawn, method by method."""


@dataclasses.dataclass(frozen=True)
class Column:
    """A number column: its metric, the setting and features that belong to its head, and which way is better."""

    metric: str
    setting: str
    features: str
    higher_is_better: bool | None

    @property
    def arrow(self) -> str:
        """Return the sign after the name."""
        return {True: "↑", False: "↓", None: ""}[self.higher_is_better]

    @property
    def direction(self) -> str:
        """Return the arrow in words."""
        return {True: "higher is better", False: "lower is better", None: ""}[self.higher_is_better]

    @property
    def meaning(self) -> str:
        """Return what the metric is."""
        return METRICS.get(self.metric, "")


@dataclasses.dataclass(frozen=True)
class Cell:
    """A number: `exact` is None where a table has none; `mark` is `best`, `close` (interval meets the best's) or empty."""

    exact: float | None = None
    text: str = ""
    interval: str = ""
    n: int | None = None
    mark: str = ""


@dataclasses.dataclass(frozen=True)
class Line:
    """A row of a table: label texts, cells, and the role of its method (aligned, control or reference)."""

    labels: tuple[str, ...]
    cells: tuple[Cell, ...]
    role: str


@dataclasses.dataclass(frozen=True)
class View:
    """A table as the page shows it.

    Attributes:
        name: the table's.
        constant: labels that are the same in every row, said once.
        labels: heads of the other labels.
        columns: heads of the numbers.
        lines: rows that are shown.
        folded: every row, where `lines` holds only the summary ones.
    """

    name: str
    constant: tuple[tuple[str, str], ...]
    labels: tuple[str, ...]
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
        """Return the metrics once each, those that have a meaning to tell."""
        return [(name, column) for name, column in {c.metric: c for c in self.columns}.items() if column.meaning]

    @property
    def methods(self) -> list[tuple[str, str]]:
        """Return the methods whose names do not say what they are."""
        texts = dict.fromkeys(text for line in self.lines for text in line.labels)
        return [(text, METHODS[text]) for text in texts if text in METHODS]


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


def short(value: float) -> str:
    """Return a number for people: three significant digits, whole from 1,000 on."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def role_of(method: str) -> str:
    """Return whether a method uses an aligned child, its control, or neither."""
    if "unaligned" in method:
        return "control"
    return "reference" if method in REFERENCES else "aligned"


def view(name: str, rows: Sequence[Row]) -> View:
    """Return a table of the page from its rows."""
    heads: dict[Column, None] = {}
    entries: dict[tuple[str, ...], dict[Column, Row]] = {}
    for row in rows:
        setting, _ = _settings(row)
        heads.setdefault(_column(row))
        entries.setdefault((row.parent, row.child, row.method, setting), {})[_column(row)] = row
    values = [{texts[index] for texts in entries} for index in range(len(LABELS))]
    shown = [index for index, found in enumerate(values) if len(found) > 1]
    constant = [(LABELS[index], *found) for index, found in enumerate(values) if len(found) == 1 and found != {""}]
    marks = _marks(rows)
    lines = tuple(
        Line(
            tuple(texts[index] for index in shown),
            tuple(_cell(cells.get(head), marks) for head in heads),
            role_of(next(iter(cells.values())).method),
        )
        for texts, cells in entries.items()
    )
    labels = tuple(LABELS[index] for index in shown)
    summary = _summary(labels, lines)
    return View(name, tuple(constant), labels, tuple(heads), summary or lines, lines if summary else ())


def _settings(row: Row) -> tuple[str, str]:
    """Return the part of a row's setting that tells rows apart, and the part that tells columns apart.

    The class of an IoU and the protocol of a translation go to the head, so that one network is one row.
    """
    if row.metric in SETTING_IN_COLUMN:
        return "", row.setting
    parts = row.setting.split(", ")
    protocols = [part for part in parts if part in PROTOCOLS]
    return ", ".join(part for part in parts if part not in PROTOCOLS), ", ".join(protocols)


def _column(row: Row) -> Column:
    return Column(row.metric, _settings(row)[1], row.features, row.higher_is_better)


def _summary(labels: Sequence[str], lines: Sequence[Line]) -> tuple[Line, ...]:
    """Return the rows of a long table whose setting is one word (a component, not one of its layers)."""
    if len(lines) <= FEW_ROWS or "setting" not in labels:
        return ()
    place = labels.index("setting")
    return tuple(line for line in lines if " " not in line.labels[place])


def _cell(row: Row | None, marks: dict[int, str]) -> Cell:
    if row is None:
        return Cell()
    if row.value is None:
        return Cell(text="none", n=row.n)
    interval = ""
    if row.ci_low is not None and row.ci_high is not None:
        interval = f"{short(row.ci_low)} – {short(row.ci_high)}"
    return Cell(row.value, short(row.value), interval, row.n, marks.get(id(row), ""))


def protocol_of(row: Row) -> str:
    """Return a row's setting without its latent space: numbers compare only where this is the same."""
    return ", ".join(part for part in row.setting.split(", ") if part and part not in SPACES)


def _marks(rows: Iterable[Row]) -> dict[int, str]:
    """Return the mark of each row that is the best of its group, or whose interval meets the best's."""
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        is_ranked = row.higher_is_better is not None and row.metric not in SPEEDS and row.method not in BOUNDS
        if is_ranked and row.value is not None:
            groups.setdefault((row.child, protocol_of(row), row.metric, row.features), []).append(row)
    marks: dict[int, str] = {}
    for group in groups.values():
        if len({row.method for row in group}) < 2:
            continue
        best = _best(group)
        marks |= {id(row): "best" if _same(row, best) else "close" for row in group if not _apart(row, best)}
    return marks


def _best(rows: Sequence[Row]) -> Row:
    sign = 1 if rows[0].higher_is_better else -1
    return max(rows, key=lambda row: sign * (row.value or 0.0))


def _same(one: Row, other: Row) -> bool:
    """Return whether two numbers are equal but for rounding."""
    return math.isclose(one.value or 0.0, other.value or 0.0, rel_tol=1e-9, abs_tol=1e-9)


def _apart(one: Row, other: Row) -> bool:
    """Return whether two numbers differ; with intervals on both, whether these do not meet."""
    if _same(one, other):
        return False
    if None in (one.ci_low, one.ci_high, other.ci_low, other.ci_high):
        return True
    assert one.ci_low is not None and one.ci_high is not None
    assert other.ci_low is not None and other.ci_high is not None
    return one.ci_low > other.ci_high or other.ci_low > one.ci_high


def comparisons(rows: Sequence[Row]) -> list[Comparison]:
    """Return the numbers of aligned children beside their controls', in the order of `COMPARED`."""
    found = []
    for table, metric in COMPARED:
        chosen = [row for row in rows if (row.table, row.metric) == (table, metric) and _is_shown(row)]
        for control in (row for row in chosen if role_of(row.method) == "control"):
            aligned = _counterpart(control, chosen)
            if aligned is not None and aligned.value is not None and control.value is not None:
                found.append(_comparison(aligned, control))
    return found


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
    if aligned.higher_is_better is not None and not _same(aligned, control):
        better = _best([aligned, control]) is aligned
    has_intervals = None not in (aligned.ci_low, aligned.ci_high, control.ci_low, control.ci_high)
    setting = ", ".join(filter(None, (aligned.method, _settings(aligned)[0])))
    return Comparison(
        aligned.table, _column(aligned), aligned.child, setting, _cell(aligned, {}), _cell(control, {}), better,
        _apart(aligned, control) if has_intervals else None,
    )  # fmt: skip


def charts(rows: Sequence[Row]) -> list[Chart]:
    """Return the charts of the metrics that this run has, in the order of `CHARTS`."""
    drawn = []
    for table, metric in CHARTS:
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
        label = " ".join([row.method, *(part for part in row.setting.split(", ") if part in SPACES)])
        at = place(row.value)
        assert at is not None
        mark = Mark(label, role_of(row.method), _cell(row, {}), at, place(row.ci_low), place(row.ci_high))
        groups.setdefault(row.child, []).append(mark)
    drawn = tuple((child, tuple(marks)) for child, marks in groups.items() if len(marks) > 1)
    return Chart(rows[0].table, _column(rows[0]), drawn, short(low), short(high))
