"""Children of which one component alone was trained, beside the one that was trained whole (StyleAlign, section 4).

Nothing is measured here: the numbers are those of other tables, gathered child by child.
"""

import dataclasses
from collections.abc import Iterable
from typing import TYPE_CHECKING

from stylealign.config import MetricSettings
from stylealign.errors import StyleAlignError
from stylealign.measurements import alignment_pointwise, alignment_score, generators
from stylealign.measurements.declare import Experiment, Kind, Measured, NamedFiles, Progress, Table
from stylealign.measurements.shared import EVERYTHING, FID, KID, SHARE, UNALIGNED
from stylealign.work.cost import Cost, Work

if TYPE_CHECKING:
    from stylealign.measurements.inputs import Inputs
    from stylealign.measurements.rows import Row

_AGREEMENT = ("segmentation_agreement", "keypoint_error")

GATHERED: dict[str, tuple[str, ...]] = {
    generators.TABLE.name: (FID.name, KID.name, SHARE.name),
    alignment_score.TABLE.name: (alignment_score.SCORE.name,),
    alignment_pointwise.TABLE.name: _AGREEMENT,
}
"""Table -> its metrics that are shown."""

TABLE = Table(
    "alignment_components",
    title="Children of which one component alone was trained",
    section="alignment",
    metrics=(
        FID,
        KID,
        SHARE,
        alignment_score.SCORE,
        *(metric for metric in alignment_pointwise.AGREEMENT if metric.name in _AGREEMENT),
    ),
    protocol="numbers of the tables generators, alignment_score and alignment_pointwise, nothing measured anew; the "
    f"method names the components that were trained (`train_only`), all others kept the parent's weights; {EVERYTHING}:"
    f" the same training of all of them; {UNALIGNED}: the control of that",
    headline=alignment_score.SCORE.name,
    charts=(FID.name, alignment_score.SCORE.name),
)


def measure(inputs: "Inputs", settings: MetricSettings, progress: Progress) -> Measured:
    """Return the rows, method by method.

    Raises:
        StyleAlignError: files that hold none of the numbers.
    """
    from stylealign.measurements.rows import read_rows

    found = []
    for name, path in inputs.named_files.items():
        rows = component_rows(read_rows(path)[0], name.partition("/")[0])
        if not rows:
            raise StyleAlignError(
                f"{path}: holds no number of {', '.join(GATHERED)} of a child; give rows of these kinds"
            )
        found += rows
    return found, {}


def component_rows(rows: "Iterable[Row]", method: str) -> "list[Row]":
    """Return the numbers of one file that the table shows, under the name of what was trained.

    Args:
        rows: of one model, by other kinds of measurement.
        method: components that were trained, `everything` or `unaligned`.
    """
    own = UNALIGNED if method == UNALIGNED else "child"
    shown = (row for row in rows if row.method == own and row.metric in GATHERED.get(row.table, ()))
    return [dataclasses.replace(row, table=TABLE.name, method=method) for row in shown]


def rows_of(experiment: Experiment) -> list[str]:
    """Return a file for each parent with a child of which single components were trained."""
    return experiment.parents_of_parts()


def cost(work: Work, parent: str) -> Cost:
    """Return the cost of a job: it reads rows."""
    return Cost()


KIND = Kind(
    name="alignment_components",
    version=1,
    text="FID and alignment of children of which one component alone was trained",
    files=(),
    named_files=NamedFiles(
        "JSON", "rows of generators, alignment-score and alignment-pointwise of a child; the method: what was trained"
    ),
    settings=(),
    tables=(TABLE,),
    aliases=("components",),
    rows=rows_of,
    costs={"alignment_components": cost},
    measure=measure,
)
