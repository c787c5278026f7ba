"""One score in [0, 1] for how aligned two models of one architecture are: no labels, no real images."""

import dataclasses
from typing import TYPE_CHECKING

from stylealign.config import MetricSettings
from stylealign.measurements.alignment_pointwise import SHUFFLED
from stylealign.measurements.alignment_semantic import GRANDCHILD
from stylealign.measurements.declare import File, Kind, Measured, Option, Progress, Table, of_each_family
from stylealign.metrics.declared import Metric
from stylealign.work.cost import Cost, Work
from stylealign.work.rates import perceptual_s

if TYPE_CHECKING:
    from stylealign.measurements.inputs import Inputs
    from stylealign.measurements.rows import Row, RowKey
    from stylealign.metrics.bootstrap import Estimate

SCORE = Metric("score", True, "alignment score: mean of its three parts; 1: the same model, 0: unrelated models")
PARTNER = Metric("partner_rank", True, "how early a latent's image is found; 1: before all others, 0: as by chance")
FIRST = Metric("partner_first", True, "share of latents whose image is found first among the other model's images")
ACTIVATIONS = Metric("activations", True, "how alike activations arrange the latents (CKA), all or at one resolution")
PERTURBATIONS = Metric("perturbations", True, "how alike the same small step in W changes the two images")
CHANCE = Metric("chance", None, "the alignment score that one in forty unrelated models exceeds")

METRICS = (SCORE, PARTNER, FIRST, ACTIVATIONS, PERTURBATIONS, CHANCE)

PROTOCOL = (
    "averaged generators, no truncation, stored noise, the same z and the same steps in W (0.3 of the way from the "
    "parent's mean w to a random one) in both; features: the last two layers of the perceptual network, averaged to"
    " 4x4; partner_rank: 1 - 2 x the share of the other latents' images that are closer by the cosine of the "
    "standardised features, from both sides; partner_first: how often none is, as counted (chance: 1 / N of N latents)"
    "; activations: debiased linear CKA of the last convolution at each "
    "resolution, averaged to 8x8, mean over the resolutions; perturbations: cosine of the features' changes, less "
    "that of different steps; each (value - chance) / (1 - chance), chance: the agreement with the parent under six"
    " random rotations of z and of the whitened steps; interval: jackknife over 16 groups of latents, and the "
    "spread over the rotations"
)

TABLE = Table(
    "alignment_score",
    title="One score for the alignment of two models",
    section="alignment",
    metrics=METRICS,
    protocol=f"{PROTOCOL}; {SHUFFLED}: the child's responses to other latents and steps than the parent's; "
    f"{GRANDCHILD}: the child against its parent's parent",
    headline=SCORE.name,
    compared=(SCORE.name,),
    charts=(SCORE.name,),
)


def measure(inputs: "Inputs", settings: MetricSettings, progress: Progress) -> Measured:
    """Return the score and its parts; the activations' also for each resolution, named in `setting`.

    Raises:
        StyleAlignError: two models of different architecture.
    """
    from stylealign.devices import compute_device
    from stylealign.measurements.inputs import distance_of
    from stylealign.metrics.alignment_score import alignment_score
    from stylealign.metrics.responses import ROTATIONS, reference_of, respond

    parent, child = inputs.parent_and_child()
    network, device = distance_of(settings), compute_device()
    root = inputs.matching("root", "parent") if inputs.has("root") else None
    counter = progress((ROTATIONS + 2) * (1 if root is None else 2), "models")
    asked = settings.score_latents, settings.seed, counter.advance
    reference = reference_of(parent.generator.to(device), network, *asked)
    drawn = respond(child.generator.to(device), reference.probe, network)
    counter.advance()
    key = inputs.key(TABLE.name)
    compared = [(key, reference, drawn)]
    if inputs.options["shuffled"]:
        compared.append((dataclasses.replace(key, method=SHUFFLED), reference, drawn.rolled()))
    if root is not None:
        origin = reference_of(root.generator.to(device), network, *asked)
        drawn = respond(child.generator, origin.probe, network)
        counter.advance()
        compared.append((dataclasses.replace(key, method=GRANDCHILD), origin, drawn))
    rows = []
    for own, known, responses in compared:
        rows += score_rows(alignment_score(known.responses, responses, known.unrelated), own, settings)
    return rows, {}


def score_rows(
    found: "dict[str, Estimate]", key: "RowKey", settings: MetricSettings, by_resolution: bool = True
) -> "list[Row]":
    """Return the rows of what `metrics.alignment_score` found, with those of each resolution or without."""
    named = {metric.name for metric in METRICS}
    rows = [key.row(name, value, settings.perceptual) for name, value in found.items() if name in named]
    if by_resolution:
        others = {name: value for name, value in found.items() if name not in named}
        rows += [key.row(ACTIVATIONS.name, value, settings.perceptual, name) for name, value in others.items()]
    return rows


def cost(work: Work, model: str) -> Cost:
    """Return the cost of a job: latents and steps in both models, and rotated ones in the parent; twice with a root."""
    own = work.config.models[model]
    has_root = own.control_of is None and own.parent is not None and work.config.models[own.parent].parent is not None
    return cost_of_responses(work, model, 16 if has_root else 8)


def cost_of_responses(work: Work, model: str, models: float) -> Cost:
    """Return the cost of so many models' responses."""
    found, latents = work.model(model), work.config.metrics.score_latents
    images = models * 2 * latents
    memory = 2000 + 16 * found.weights_mb + found.pixels_mb(16 * latents)
    return Cost(
        network_s=images * perceptual_s(work.config.metrics.perceptual, found.px),
        memory_mb=memory,
        **found.passes(images),
    )


KIND = Kind(
    name="alignment_score",
    version=3,
    text="one score in [0, 1] for the alignment of two models, without labels or real images",
    files=(
        File("parent", "MODEL", "the parent, or any model"),
        File("child", "MODEL", "the child, or any model of the same architecture"),
        File("root", "MODEL", "the parent's parent (rows of the child against it)", is_required=False),
    ),
    options=(Option("shuffled", "add the rows of unequal latents, method `shuffled`"),),
    settings=("score_latents", "perceptual", "seed", "weights_dir"),
    networks=("perceptual",),
    tables=(TABLE,),
    rows=of_each_family,
    costs={"alignment_score": cost},
    measure=measure,
)
