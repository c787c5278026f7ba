"""Point-wise alignment: how alike parent and child draw the same z (StyleAlign, section 4)."""

import dataclasses
from typing import TYPE_CHECKING

from stylealign.applications.labels.tasks import comparing
from stylealign.config import MetricSettings
from stylealign.datasets.avatars import POSE
from stylealign.measurements.declare import (
    File,
    Kind,
    Measured,
    Option,
    Progress,
    Table,
    of_each_family,
    rulers,
)
from stylealign.metrics.declared import Metric
from stylealign.metrics.structure import AGREEMENT_PROTOCOL, POSE_NAMES
from stylealign.work.cost import Cost, Work

if TYPE_CHECKING:
    from stylealign.checkpoints import Checkpoint
    from stylealign.measurements.inputs import Inputs
    from stylealign.metrics.same_latents import Drawn

SHUFFLED = "shuffled"
NETWORKS = rulers(comparing())

AGREEMENT = (
    Metric("w_cosine", None, "cosine of the two w of a latent"),
    Metric("w_offset_cosine", None, "cosine of the two w of a latent after taking each model's mean away"),
    *(
        Metric(
            f"{name}_correlation",
            True,
            f"correlation of the {name.replace('_', ' ')} in parent and child over latents",
        )
        for name in (POSE_NAMES[name] for name in POSE)
    ),
    *(task.agreement for task in comparing() if task.agreement is not None and task.sees != "numbers"),
    *(
        Metric(f"{name}_correlation", True, f"correlation of the {name}'s colour in parent and child over latents")
        for name in ("background", "skin")
    ),
)
"""Metrics of two models' images of the same latents."""

TABLE = Table(
    "alignment_pointwise",
    title="The same latent code in parent and child",
    section="alignment",
    metrics=AGREEMENT,
    protocol="averaged generators, the same z in both, no truncation, stored noise; correlations of rotation, scale "
    "and shifts over the images; of background and skin colours: mean RGB over the pixels of the class, correlation of "
    f"each channel, mean of the three; agreement of parent and child: {AGREEMENT_PROTOCOL}; w_cosine: of the two w of "
    f"a z, w_offset_cosine: after taking each model's mean w away; {SHUFFLED}: the child's images of other z than the "
    "parent's",
    headline="x_shift_correlation",
    compared=("segmentation_agreement", "keypoint_error"),
    charts=("segmentation_agreement",),
)


def measure(inputs: "Inputs", settings: MetricSettings, progress: Progress) -> Measured:
    """Return the agreement of parent and child, only of what there are networks for.

    Raises:
        StyleAlignError: models or networks that do not belong together.
    """
    from stylealign.devices import compute_device
    from stylealign.metrics.same_latents import agreement, draw_and_measure

    parent, child = inputs.parent_and_child()
    networks = inputs.rulers()
    seeing = {task: ruler.seeing for task, ruler in networks.items()}
    counter = progress(2 * settings.pairs, "images")

    def draw(model: "Checkpoint", before: int) -> "Drawn":
        return draw_and_measure(
            model.generator.to(compute_device()),
            settings.pairs,
            settings.seed,
            seeing,
            lambda done: counter.update(before + done),
        )

    one, other = draw(parent, 0), draw(child, settings.pairs)
    key = inputs.key(TABLE.name)
    compared = {key: other}
    if inputs.options["shuffled"]:
        compared[dataclasses.replace(key, method=SHUFFLED)] = other.shuffled()
    rows = []
    for own_key, drawn in compared.items():
        found = agreement(one, drawn, networks, settings.bootstrap, settings.seed)
        rows += [own_key.row(metric, estimate) for metric, estimate in found.items()]
    return rows, {}


def cost(work: Work, model: str) -> Cost:
    """Return the cost of a job: parent and child draw the same latents."""
    return cost_of_same_latents(work, model, work.config.metrics.pairs)


def cost_of_same_latents(work: Work, model: str, images: float) -> Cost:
    """Return the cost of so many images of parent and child each, seen by three label networks."""
    found = work.model(model)
    memory = 2000 + 16 * found.weights_mb + 8 * found.pixels_mb(1024)
    return Cost(network_s=6 * work.labels_s(images, found.px), memory_mb=memory, **found.passes(2 * images))


KIND = Kind(
    name="alignment_pointwise",
    version=9,
    text="how alike parent and child draw the same latents",
    files=(
        File("parent", "MODEL", "the parent"),
        File("child", "MODEL", "the child, or an unaligned control"),
        *NETWORKS,
    ),
    options=(Option("shuffled", "add the rows of unequal latents, method `shuffled`"),),
    settings=("pairs", "bootstrap", "seed"),
    tables=(TABLE,),
    rows=of_each_family,
    costs={"alignment_pointwise": cost},
    measure=measure,
)
