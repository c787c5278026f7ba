"""The front: ways to train the children of one domain, quality against alignment, beside the plain child.

Nothing is measured here: the numbers are those of other tables, gathered way by way.
"""

import dataclasses
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from stylealign.config import MetricSettings
from stylealign.errors import StyleAlignError
from stylealign.measurements import alignment_curve, alignment_pointwise, alignment_score
from stylealign.measurements.declare import Experiment, Kind, Measured, NamedFiles, Progress, Table
from stylealign.measurements.shared import ANNOTATED, FID, KID, LABEL_FID, PAIRS, RECALL, SHARE
from stylealign.metrics.declared import Metric
from stylealign.metrics.structure import POSE_NAMES
from stylealign.work.cost import Cost, Work

if TYPE_CHECKING:
    from stylealign.measurements.inputs import Inputs
    from stylealign.measurements.rows import Row

AGREEMENT = "segmentation_agreement"
CORRELATIONS = tuple(f"{name}_correlation" for name in POSE_NAMES.values())
_POINTWISE = (AGREEMENT, "keypoint_error", *CORRELATIONS)
_QUALITY = (FID, LABEL_FID, KID, RECALL, SHARE)
REDRAWN = PAIRS["same-figure"]
_SAMPLES = {"generators": "samples", alignment_curve.TABLE.name: "curve_images"}
"""Table -> the setting that says how many samples its FID is of."""

KEPT = Metric(
    "kept", True, "of the label agreement that the plain child has lost, what this one keeps; 1 is the parent unchanged"
)
KEPT_OF_REDRAWN = Metric(
    "kept_of_redrawn",
    True,
    "of what lies between the plain child and one figure redrawn, what this child has; 1 is the figure redrawn",
)
SCORE_KEPT = Metric("score_kept", True, "the same of the alignment score")
SCORE = alignment_score.SCORE.name
AT_EQUAL = {
    SHARE.name: (
        Metric(
            "agreement_above",
            True,
            "label agreement less that of the plain child when it has the same share; above 0 is gained",
        ),
        Metric("score_above", True, "the same of the alignment score"),
    ),
    FID.name: (
        Metric(
            "agreement_above_at_fid",
            True,
            "label agreement less that of the plain child when it has the same FID; above 0 is gained",
        ),
        Metric("score_above_at_fid", True, "the same of the alignment score"),
    ),
    LABEL_FID.name: (
        Metric(
            "agreement_above_at_label_fid",
            True,
            "label agreement less that of the plain child when it has the same label_fid; above 0 is gained",
        ),
        Metric("score_above_at_label_fid", True, "the same of the alignment score"),
    ),
}
"""Quality -> how far label agreement and score are above the plain child's of the same quality."""
SHARE_DIFFERENCE = Metric("share_difference", None, "share less that of the plain child")
FID_RATIO = Metric("fid_ratio", False, "FID over that of the plain child")

TABLE = Table(
    "alignment_front",
    title="Ways to fine-tune: quality against alignment",
    section="alignment",
    metrics=(
        *_QUALITY,
        alignment_score.SCORE,
        *(metric for metric in alignment_pointwise.AGREEMENT if metric.name in _POINTWISE),
        KEPT,
        KEPT_OF_REDRAWN,
        SCORE_KEPT,
        *(metric for metrics in AT_EQUAL.values() for metric in metrics),
        SHARE_DIFFERENCE,
        FID_RATIO,
    ),
    protocol="numbers of the tables alignment_curve, generators (the parent unchanged, method `parent`) and "
    "alignment_pointwise (drawn pairs), nothing measured anew; the plain child of a domain is the first that "
    "holds nothing of its parent, has StyleGAN2's discriminator and trains all components, or else the first that is "
    f"trained; {KEPT.name}: (A - P) / (1 - P) of the {AGREEMENT} A of a child and P of the plain child "
    f"after the same kimg; {KEPT_OF_REDRAWN.name}: (A - P) / (R - P), R of drawn pairs of one figure, as the same "
    f"networks see them, where the domains draw the same figures; {SCORE_KEPT.name}: the same of the alignment score; "
    "these three only where the interval of P lies below that of R, or below 1; "
    f"{', '.join(metric.name for metrics in AT_EQUAL.values() for metric in metrics)}: {AGREEMENT} and score less "
    "those of the plain child at an equal share, FID or label_fid, between its kimg in straight lines, from the parent "
    "unchanged (its FID is of the table generators, and not shown unless that has as many samples as alignment_curve; "
    "its label_fid is not known); the highest, where it has that "
    "quality more than once; none where it never has; "
    f"{SHARE_DIFFERENCE.name} and {FID_RATIO.name}: against the plain child after the same kimg. Children of unlike "
    "share are not comparable",
)


def measure(inputs: "Inputs", settings: MetricSettings, progress: Progress) -> Measured:
    """Return the rows of the front of one domain; `--child-name` is the plain child.

    Raises:
        StyleAlignError: no rows of the curve of the plain child.
    """
    plain = inputs.key(TABLE.name).child
    rows = front_rows(read_comparable(inputs.named_files.values()), plain)
    if not rows:
        raise StyleAlignError(
            f"evaluate alignment-front: no rows of the table alignment_curve of {plain}; give the files of `evaluate "
            "alignment-curve` of all ways, and the plain child as --child-name"
        )
    return rows, {"plain": plain}


def read_comparable(paths: Iterable[Path]) -> "list[Row]":
    """Return the rows of files, without the parent's FID unless it is known to be of as many samples as all others.

    A FID of few samples is too high: those of unlike numbers of samples do not compare.
    """
    from stylealign.measurements.rows import read_rows

    rows: list[Row] = []
    sizes = set()
    for path in paths:
        found, provenance = read_rows(path)
        rows += found
        settings = provenance.get("settings", {})
        sizes |= {settings.get(_SAMPLES[row.table]) for row in found if row.table in _SAMPLES}
    if len(sizes) == 1 and None not in sizes:
        return rows
    return [row for row in rows if (row.table, row.method, row.metric) != ("generators", "parent", FID.name)]


def front_rows(rows: "Iterable[Row]", plain: str) -> "list[Row]":
    """Return the numbers that the front shows: the references, then each model from its earliest number of kimg.

    Args:
        rows: of the tables alignment_curve, generators and alignment_pointwise.
        plain: the child that the others are compared with.
    """
    rows = list(rows)
    shown = {metric.name for metric in TABLE.metrics}
    curve = [row for row in rows if row.table == alignment_curve.TABLE.name and row.metric in shown]
    points: dict[tuple[str, str, str], dict[str, Row]] = {}
    for row in curve:
        points.setdefault((row.child, row.method, row.setting), {})[row.metric] = row
    if not any(child == plain and method == "child" for child, method, _ in points):
        return []
    found = [dataclasses.replace(row, table=TABLE.name) for row in rows if _is_reference(row, plain)]
    own = {setting: point for (child, method, setting), point in points.items() if (child, method) == (plain, "child")}
    most = next((row for row in found if (row.method, row.metric) == (REDRAWN, AGREEMENT)), None)
    course = [_unchanged(found), *(_numbers(own[setting]) for setting in sorted(own, key=_kimg))]
    for (child, method, setting), point in points.items():  # 8 kimg, and what names a second control
        found += [dataclasses.replace(row, table=TABLE.name) for row in point.values()]
        beside = points.get((plain, "child", setting.split(", ")[0]))
        if beside is not None and (child, method) != (plain, "child"):
            found += _against(point, beside, most)
        if (child, method) != (plain, "child"):
            found += _above(point, course)
    return found


def _kimg(setting: str) -> float:
    """Return after how many kimg a point is: 8 of `8 kimg`."""
    return float(setting.split()[0])


def _numbers(point: "dict[str, Row]") -> dict[str, float]:
    return {metric: row.value for metric, row in point.items() if row.value is not None}


def _unchanged(references: "Iterable[Row]") -> dict[str, float]:
    """Return the parent unchanged as a point of the plain child's course: it agrees with itself."""
    found = {row.metric: row for row in references if row.method == "parent"}
    return {**_numbers(found), AGREEMENT: 1.0, SCORE: 1.0}


def _above(point: "dict[str, Row]", course: Sequence[dict[str, float]]) -> "list[Row]":
    """Return how much more aligned a child is than the plain one of its quality; nothing beyond the plain child's."""
    found, here = [], _numbers(point)
    for quality, metrics in AT_EQUAL.items():
        for metric, of in zip(metrics, (AGREEMENT, SCORE), strict=True):
            if quality in here and of in here:
                path = [(there[quality], there[of]) for there in course if quality in there and of in there]
                plain = _highest(path, here[quality])
                if plain is not None:
                    found.append(_derived(point[of], metric, here[of] - plain))
    return found


def _highest(path: Sequence[tuple[float, float]], quality: float) -> float | None:
    """Return the highest alignment along straight lines from point to point where they pass a quality."""
    found = []
    for (start, before), (end, after) in pairwise(path):
        if min(start, end) <= quality <= max(start, end):
            found.append(before + (after - before) * (quality - start) / ((end - start) or 1))
    return max(found, default=None)


def _is_reference(row: "Row", plain: str) -> bool:
    """Return whether a row is of the parent unchanged, or of drawn pairs as the joint networks see them."""
    of_parent = row.table == "generators" and row.method == "parent" and row.metric in {m.name for m in _QUALITY}
    of_pairs = row.table == "alignment_pointwise" and row.method.startswith("drawn pairs") and row.metric in _POINTWISE
    return row.child == plain and (of_parent or of_pairs) and row.setting != ANNOTATED


def _against(point: "dict[str, Row]", plain: "dict[str, Row]", most: "Row | None") -> "list[Row]":
    """Return what a child keeps and costs against the plain one after the same kimg; without intervals.

    Args:
        point, plain: the numbers of both.
        most: label agreement of one figure redrawn, where it is known.
    """
    here, there = _numbers(point), _numbers(plain)
    found: list[Row] = []

    def add(metric: Metric, of: str, value: float) -> None:
        found.append(_derived(point[of], metric, value, keeps_features=metric in (SHARE_DIFFERENCE, FID_RATIO)))

    bests = [(KEPT, AGREEMENT, 1.0, 1.0), (SCORE_KEPT, SCORE, 1.0, 1.0)]
    if most is not None and most.value is not None:
        bests.append((KEPT_OF_REDRAWN, AGREEMENT, most.value, most.value if most.ci_low is None else most.ci_low))
    for metric, of, best, low in bests:
        if of in here and of in there:
            high = plain[of].ci_high
            if (there[of] if high is None else high) < low:
                add(metric, of, (here[of] - there[of]) / (best - there[of]))
    if SHARE.name in here and SHARE.name in there:
        add(SHARE_DIFFERENCE, SHARE.name, here[SHARE.name] - there[SHARE.name])
    if FID.name in here and FID.name in there:
        add(FID_RATIO, FID.name, here[FID.name] / there[FID.name])
    return found


def _derived(row: "Row", metric: Metric, value: float, keeps_features: bool = False) -> "Row":
    """Return a number that was reckoned from a row's, without interval."""
    bare = dataclasses.replace(row, ci_low=None, ci_high=None, n=None, features=row.features if keeps_features else "")
    return dataclasses.replace(bare, table=TABLE.name, metric=metric.name, value=value)


def rows_of(experiment: Experiment) -> list[str]:
    """Return a file for each domain whose children were trained in several ways."""
    return experiment.fronts()


def cost(work: Work, domain: str) -> Cost:
    """Return the cost of a job: it reads rows."""
    return Cost()


KIND = Kind(
    name="alignment_front",
    version=8,
    text="ways to fine-tune for one domain: quality against alignment, beside the plain child",
    files=(),
    named_files=NamedFiles("JSON", "rows of other kinds; the name only tells them apart"),
    settings=(),
    tables=(TABLE,),
    aliases=("front",),
    rows=rows_of,
    costs={"alignment_front": cost},
    measure=measure,
)
