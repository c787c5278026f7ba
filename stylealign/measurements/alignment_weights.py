"""Which weights fine-tuning changed: relative change and cosine of each component and layer (StyleAlign, section 4)."""

from typing import TYPE_CHECKING

from stylealign.config import MetricSettings
from stylealign.measurements.declare import File, Kind, Measured, Progress, Table, of_each_family
from stylealign.metrics.bootstrap import Estimate
from stylealign.metrics.declared import Metric
from stylealign.work.cost import Cost, Work

if TYPE_CHECKING:
    from stylealign.measurements.inputs import Inputs
    from stylealign.measurements.rows import Row, RowKey
    from stylealign.networks.generator import Generator

CHANGE = Metric("relative_change", None, "norm of the difference over the norm of the parent's weights")
COSINE = Metric("cosine", None, "cosine of the parent's and the child's weights")

TABLE = Table(
    "alignment_weights",
    title="How far each part of the weights moved from the parent's",
    section="alignment",
    metrics=(CHANGE, COSINE),
    protocol="averaged generators, trained parameters as stored; relative change ||child - parent|| / ||parent||, "
    "cosine of the two parameter vectors; a component is the concatenation of its layers; fixed noise maps and the "
    "mean of W left out",
)


def measure(inputs: "Inputs", settings: MetricSettings, progress: Progress) -> Measured:
    """Return `relative_change` and `cosine` of each component, then of each of its layers, named in `setting`.

    Raises:
        StyleAlignError: two models of different architecture.
    """
    parent, child = inputs.parent_and_child()
    return weight_rows(parent.generator, child.generator, inputs.key(TABLE.name)), {}


def weight_rows(parent: "Generator", child: "Generator", key: "RowKey") -> "list[Row]":
    """Return the rows of two generators of one architecture."""
    from stylealign.metrics.weights import cosine, pairs_by_part, relative_change

    rows = []
    for part, (before, after) in pairs_by_part(parent, child).items():
        count = sum(tensor.numel() for tensor in before)
        rows.append(key.row(CHANGE.name, Estimate(relative_change(before, after), n=count), setting=part))
        rows.append(key.row(COSINE.name, Estimate(cosine(before, after), n=count), setting=part))
    return rows


def cost(work: Work, model: str) -> Cost:
    """Return the cost of a job: a child's weights beside its parent's."""
    return Cost(memory_mb=1500 + 16 * work.model(model).weights_mb)


KIND = Kind(
    name="alignment_weights",
    version=7,
    text="how far each component of a child moved from its parent",
    files=(File("parent", "MODEL", "the parent"), File("child", "MODEL", "the child")),
    settings=(),
    tables=(TABLE,),
    rows=of_each_family,
    costs={"alignment_weights": cost},
    measure=measure,
)
