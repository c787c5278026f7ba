"""The ladder: every measure of alignment and every zero-shot method beside the distance of the child's domain.

Nothing is measured here: the numbers are those of other tables, gathered child by child.
"""

import dataclasses
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from stylealign.config import MetricSettings
from stylealign.errors import StyleAlignError
from stylealign.measurements import (
    alignment_channels,
    alignment_pointwise,
    alignment_score,
    alignment_semantic,
    alignment_weights,
    distances,
    zero_shot,
)
from stylealign.measurements.declare import Experiment, Kind, Measured, NamedFiles, Progress, Table
from stylealign.measurements.shared import ANNOTATED, PAIRS, SHARE
from stylealign.measurements.zero_shot_tables import INVERTED
from stylealign.metrics.declared import Metric
from stylealign.metrics.structure import POSE_NAMES
from stylealign.work.cost import Cost, Work

if TYPE_CHECKING:
    from stylealign.measurements.inputs import Inputs
    from stylealign.measurements.rows import Row

DISTANCE, NEARNESS = distances.DOMAIN_FID.name, "same_pose_agreement"
SAME_POSE = Metric(NEARNESS, None, "overlap of the parts of two figures that are drawn in the same pose")
CORRELATIONS = tuple(f"{name}_correlation" for name in POSE_NAMES.values())
_POINTWISE = ("segmentation_agreement", "keypoint_error", *CORRELATIONS)
_HEADLINES = {table.name: table.headline for table in zero_shot.TABLES.values()}

GATHERED: dict[str, tuple[str, ...]] = {
    "alignment_score": (alignment_score.SCORE.name,),
    "alignment_pointwise": _POINTWISE,
    "alignment_semantic": (alignment_semantic.RATIO.name, alignment_semantic.COSINE.name),
    "alignment_channels": (alignment_channels.SHARED.name,),
    "alignment_weights": (alignment_weights.CHANGE.name,),
    "generators": (SHARE.name,),
    **{table: (metric,) for table, metric in _HEADLINES.items()},
}
"""Table -> its metrics that the ladder shows."""
SETTINGS = {
    "alignment_semantic": ("", *(f"boundary {name}" for name in POSE_NAMES.values())),
    "alignment_channels": ("",),
    "alignment_weights": ("mapping", "affine", "convolutions", "torgb"),
}
"""Table -> settings of the rows that the ladder shows, where these are not all."""

TABLE = Table(
    "ladder",
    title="Alignment and zero-shot labels against the distance of the domain",
    section="alignment",
    metrics=(
        distances.DOMAIN_FID,
        SAME_POSE,
        alignment_score.SCORE,
        *(metric for metric in alignment_pointwise.AGREEMENT if metric.name in _POINTWISE),
        alignment_semantic.RATIO,
        alignment_semantic.COSINE,
        alignment_channels.SHARED,
        alignment_weights.CHANGE,
        SHARE,
        *(metric for own in zero_shot.TABLES.values() for metric in own.metrics if metric.name == own.headline),
    ),
    protocol=f"numbers of the tables distances, {', '.join(GATHERED)}, "
    f"nothing measured anew; {SAME_POSE.name}: segmentation_agreement of the annotations of drawn pairs in the same "
    "pose. Classes, key points and values that a domain lacks are left out of its means; a domain without figures has "
    "only what needs no annotations",
)

FEWEST_RUNGS = 5
"""Children that a rank correlation needs: of fewer nearly any order comes by chance."""
FEWEST_BOUNDED = 10
"""Children that its interval needs: of fewer a perfect order would have one of no width."""
RANKED = {
    name: Metric(
        f"rank_correlation[{name}]", None, f"Spearman's correlation of a measure with {name} over the children"
    )
    for name in (DISTANCE, NEARNESS)
}
RANKS = Table(
    "ladder_ranks",
    title="Whether a measure goes with the distance of the domain",
    section="alignment",
    metrics=tuple(RANKED.values()),
    protocol="over the children of one parent that have a number of the table ladder; setting: which number; "
    f"{FEWEST_RUNGS} children or more; interval, from {FEWEST_BOUNDED} on: bootstrap over children, their ranks kept; "
    f"n: children. {DISTANCE} is low and {NEARNESS} high for a near domain",
    headline=RANKED[DISTANCE].name,
)


def measure(inputs: "Inputs", settings: MetricSettings, progress: Progress) -> Measured:
    """Return the rows of the ladder.

    Raises:
        StyleAlignError: files that hold no distances, or the same number twice.
    """
    from stylealign.measurements.rows import read_rows

    places: dict[tuple[str, ...], str] = {}
    read = []
    for name, path in inputs.named_files.items():
        for row in read_rows(path)[0]:
            number = (row.table, row.parent, row.child, row.method, row.setting, row.metric, row.features)
            if number in places:
                raise StyleAlignError(
                    f"evaluate ladder: {row.metric} of {row.child or row.parent} ({row.table}) is in {places[number]} "
                    f"and again in {name}; give each file once"
                )
            places[number] = name
            read.append(row)
    rows = ladder_rows(read)
    if not rows:
        raise StyleAlignError(
            "evaluate ladder: no child has both a domain_fid and a measure of alignment; give the files of "
            "`evaluate distances` and of the other kinds for the same children"
        )
    return [*rows, *rank_rows(rows, settings)], {}


def rank_rows(rows: "Sequence[Row]", settings: MetricSettings) -> "list[Row]":
    """Return how the numbers of the ladder go with the two distances, a row a method, number and distance.

    Args:
        rows: of `ladder_rows`.
        settings: bootstrap draws and seed.

    Returns:
        None of fewer than `FEWEST_RUNGS` children; no value where fewer have a number, or all have the same.
    """
    far = {name: {row.child: row.value for row in rows if row.metric == name} for name in RANKED}
    if len(far[DISTANCE]) < FEWEST_RUNGS:
        return []
    import numpy as np
    from scipy.stats import rankdata

    from stylealign.measurements.rows import RowKey
    from stylealign.metrics.bootstrap import Estimate, correlation_estimates

    groups: dict[tuple[str, str, str], dict[str, Row]] = {}
    for row in rows:
        if row.metric not in RANKED and row.value is not None:
            groups.setdefault((row.method, row.metric, row.setting), {})[row.child] = row
    found = []
    for (method, metric, setting), own in groups.items():
        key = RowKey(RANKS.name, rows[0].parent, "", method, ", ".join(text for text in (metric, setting) if text))
        for name, ranked in RANKED.items():
            rungs = [child for child in own if far[name].get(child) is not None]
            estimate = Estimate(float("nan"), n=len(rungs))
            if len(rungs) >= FEWEST_RUNGS:
                x, y = (
                    rankdata([[values[child]] for child in rungs], axis=0)
                    for values in (far[name], {child: row.value for child, row in own.items()})
                )
                (estimate,), _ = correlation_estimates(np.asarray(x), np.asarray(y), settings.bootstrap, settings.seed)
            if len(rungs) < FEWEST_BOUNDED:
                estimate = dataclasses.replace(estimate, ci_low=None, ci_high=None)
            found.append(key.row(ranked.name, estimate))
    return found


def ladder_rows(rows: "Iterable[Row]") -> "list[Row]":
    """Return the numbers that the ladder shows, child by child from the nearest domain, each below its distances."""
    rows = list(rows)
    far = {row.child: row for row in rows if row.metric == distances.DOMAIN_FID.name and row.child != row.parent}
    near = {row.child: row for row in rows if _is_same_pose(row)}
    found = []
    for child in sorted(far, key=lambda name: far[name].value or 0.0):
        methods: dict[str, list[Row]] = {}
        for row in rows:
            if row.child == child and _is_shown(row):
                methods.setdefault(row.method, []).append(dataclasses.replace(row, table=TABLE.name))
        for method, own in methods.items():
            found.append(dataclasses.replace(far[child], table=TABLE.name, method=method))
            if child in near:
                pose = dataclasses.replace(near[child], table=TABLE.name, metric=SAME_POSE.name)
                found.append(dataclasses.replace(pose, method=method, setting=""))
            found += own
    return found


def _is_same_pose(row: "Row") -> bool:
    """Return whether a row is what figures drawn in the same pose agree in, by their annotations."""
    return (row.table, row.metric, row.method, row.setting) == (
        alignment_pointwise.TABLE.name,
        "segmentation_agreement",
        PAIRS["same-pose"],
        ANNOTATED,
    )


def _is_shown(row: "Row") -> bool:
    return (
        row.metric in GATHERED.get(row.table, ())
        and row.setting in SETTINGS.get(row.table, (row.setting,))
        and row.setting != ANNOTATED
        and not _is_of_inverted(row)
        and row.method != "parent"
    )


def _is_of_inverted(row: "Row") -> bool:
    """Return whether a row is of those test images alone that were inverted."""
    return INVERTED in row.setting.split(", ")


def rows_of(experiment: Experiment) -> list[str]:
    """Return a file for each parent of children in several domains."""
    return experiment.ladders()


def tables_of(experiment: Experiment, names: Sequence[str]) -> tuple[Table, ...]:
    """Return its tables: ranks where a parent has children enough."""
    return (TABLE, RANKS) if any(len(experiment.rungs(parent)) >= FEWEST_RUNGS for parent in names) else (TABLE,)


def cost(work: Work, parent: str) -> Cost:
    """Return the cost of a job: it reads rows."""
    return Cost()


KIND = Kind(
    name="ladder",
    version=3,
    text="each measure of alignment and each zero-shot method beside the distance of the child's domain",
    files=(),
    named_files=NamedFiles("JSON", "rows of other kinds; the name only tells them apart"),
    settings=("bootstrap", "seed"),
    tables=(TABLE, RANKS),
    rows=rows_of,
    tables_of=tables_of,
    costs={"ladder": cost},
    measure=measure,
)
