"""Every kind of measurement, in the order of the tables. A new kind is a module here and a line in `KINDS`."""

from stylealign.measurements import (
    alignment_channels,
    alignment_components,
    alignment_curve,
    alignment_front,
    alignment_pointwise,
    alignment_recovery,
    alignment_reset,
    alignment_score,
    alignment_semantic,
    alignment_weights,
    coverage,
    distances,
    generators,
    inversion,
    ladder,
    morphing,
    references,
    translation,
    zero_shot,
    zero_shot_classification,
)
from stylealign.measurements.declare import Kind, Table
from stylealign.metrics.declared import Metric

KINDS: tuple[Kind, ...] = (
    generators.KIND,
    coverage.KIND,
    inversion.KIND,
    translation.KIND,
    morphing.KIND,
    zero_shot.KIND,
    zero_shot_classification.KIND,
    alignment_weights.KIND,
    alignment_reset.KIND,
    alignment_pointwise.KIND,
    alignment_score.KIND,
    alignment_components.KIND,
    alignment_semantic.KIND,
    alignment_channels.KIND,
    alignment_recovery.KIND,
    alignment_curve.KIND,
    alignment_front.KIND,
    references.KIND,
    distances.KIND,
    ladder.KIND,
)


def kind(name: str) -> Kind:
    """Return a kind of measurement by its name."""
    return next(kind for kind in KINDS if kind.name == name)


def tables() -> list[Table]:
    """Return every table, in the order in which they are shown."""
    return [table for kind in KINDS for table in kind.tables]


def table(name: str) -> Table:
    """Return a table by its name."""
    found = next((table for table in tables() if table.name == name), None)
    assert found is not None, f"unknown table {name!r}"
    return found


def metric(table_name: str, name: str) -> Metric:
    """Return a metric of a table by its name."""
    found = next((metric for metric in table(table_name).metrics if metric.name == name), None)
    assert found is not None, f"unknown metric {name!r} of the table {table_name}"
    return found
