"""What a reader of the tables should know of the models behind them, told from the rows alone. Imports no torch."""

from collections.abc import Sequence

from stylealign.latents.relatives import KIN
from stylealign.measurements.rows import Row

WEIGHTS, CURVE, SCORE = "alignment_weights", "alignment_curve", "alignment_score"


def notes(rows: Sequence[Row]) -> list[str]:
    """Return a sentence for each thing that is not as a reader takes for granted.

    Children that look like nobody's, or not like this parent's; controls that look like its children; children without
    a curve, because this run did not train them.
    """
    cosines = [row for row in rows if (row.table, row.metric, row.setting) == (WEIGHTS, "cosine", "mapping")]
    found = []
    for row in cosines:
        if row.value is None:
            continue
        if row.method == "child" and row.value < KIN:
            found.append(
                f"{row.child} does not look like a child of {row.parent} (cosine of their mapping networks "
                f"{row.value:.2f}; a child's is above {KIN}): its numbers are those of an unrelated model."
            )
        if row.method != "child" and row.value >= KIN:
            found.append(
                f"The control of {row.child} looks like a child of {row.parent} itself (cosine of their mapping "
                f"networks {row.value:.2f}; unrelated models have about 0): it controls for nothing."
            )
    untrained = _without_curve(rows)
    if untrained:
        names = ", ".join(untrained)
        found.append(
            f"Fetched, not trained in this run, and so without a training log, snapshots and a curve: {names}."
        )
    return found


def _without_curve(rows: Sequence[Row]) -> list[str]:
    """Return the children that have a score, but no curve."""
    curves = {row.child for row in rows if row.table == CURVE}
    scored = dict.fromkeys(row.child for row in rows if row.table == SCORE and row.method == "child")
    return [child for child in scored if child not in curves]
