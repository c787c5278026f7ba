"""Transferred labels beside the parent's network as it is (source-only), which they have to beat."""

from collections.abc import Iterable, Iterator

from stylealign.measurements.rows import Row
from stylealign.measurements.shared import minus
from stylealign.report.page.views import are_apart, best_of, role_of

SOURCE_ONLY = "source-only"


def source_only_of(row: Row, rows: Iterable[Row]) -> Row | None:
    """Return the row of the parent's network as it is with the same child, setting and metric; None: there is none."""
    if role_of(row.method) != "aligned":
        return None
    same = _same(row, rows, SOURCE_ONLY, row.setting, row.metric)
    return next((other for other in same if other.value is not None), None)


def difference_to(row: Row, other: Row, rows: Iterable[Row]) -> Row | None:
    """Return the row of what a row has more than another, paired on the same images; None: it was not measured."""
    setting = ", ".join(filter(None, (row.setting, minus(other.method))))
    same = _same(row, rows, row.method, setting, f"{row.metric}_difference")
    return next((found for found in same if found.value is not None), None)


def beats(row: Row, other: Row, rows: Iterable[Row]) -> bool | None:
    """Return whether a row is better than another (False: worse; None: not told apart).

    The interval of their paired difference decides, where `rows` have one, else whether their own intervals meet.
    """
    found = difference_to(row, other, rows)
    if found is not None and found.ci_low is not None and found.ci_high is not None:
        if found.ci_low <= 0 <= found.ci_high:
            return None
        return (found.ci_low > 0) == bool(found.higher_is_better)
    return best_of([row, other]) is row if are_apart(row, other) else None


def _same(row: Row, rows: Iterable[Row], method: str, setting: str, metric: str) -> Iterator[Row]:
    """Yield the rows of a row's table and child that have a method, a setting and a metric."""
    for other in rows:
        is_same = other.metric == metric and other.method == method and other.setting == setting
        if is_same and (other.table, other.child) == (row.table, row.child):
            yield other
