"""What a reader of the tables should know of the models behind them, told from the rows alone. Imports no torch."""

from collections.abc import Sequence

from stylealign.latents.relatives import KIN
from stylealign.measurements.rows import Row

FEW = 100
"""Under as many images, pairs or outputs an interval is wide, and itself uncertain."""
OF_SEEDS = " seeds)"
"""How the name of a child ends whose rows are means over several trainings (`seeds.py`)."""
WEIGHTS, CURVE, SCORE = "alignment_weights", "alignment_curve", "alignment_score"


def notes(rows: Sequence[Row]) -> list[str]:
    """Return a sentence for each thing that is not as a reader takes for granted.

    Children that look like nobody's, or not like this parent's; controls that look like its children; children without
    a curve, because this run did not train them; what is small: tables of few images, and one training of each child.
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
    return [*found, *_small(rows)]


def _small(rows: Sequence[Row]) -> list[str]:
    """Return what intervals cannot say where a run is small."""
    counts: dict[str, int] = {}
    for row in rows:
        if row.n is not None and row.ci_low is not None and not row.child.endswith(OF_SEEDS):
            counts[row.table] = max(counts.get(row.table, 0), row.n)
    few = [f"{table} ({n})" for table, n in counts.items() if n < FEW]
    found = [f"Of fewer than {FEW} images, so with wide intervals: {', '.join(few)}."] if few else []
    if counts and not any(row.child.endswith(OF_SEEDS) for row in rows):
        found.append(
            "One training of each child: the intervals are not over trainings and do not say how another seed would "
            "come out."
        )
    return found


def _without_curve(rows: Sequence[Row]) -> list[str]:
    """Return the children that have a score, but no curve."""
    curves = {row.child for row in rows if row.table == CURVE}
    scored = dict.fromkeys(row.child for row in rows if row.table == SCORE and row.method == "child")
    return [child for child in scored if child not in curves]
