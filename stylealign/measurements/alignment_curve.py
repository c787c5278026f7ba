"""Quality against alignment while a child is trained: what each further thousand images buys, and what it costs."""

import dataclasses
from typing import TYPE_CHECKING

from stylealign.config import MetricSettings
from stylealign.measurements import alignment_score
from stylealign.measurements.alignment_pointwise import AGREEMENT, NETWORKS, cost_of_same_latents
from stylealign.measurements.declare import File, Kind, Measured, Progress, Table, of_each_training
from stylealign.measurements.shared import (
    DISTRIBUTION_PROTOCOL,
    FID,
    KID,
    KIMG,
    LABEL_FID,
    LABEL_FID_PROTOCOL,
    RECALL,
    SHARE,
    SHARE_PROTOCOL,
    SPREADS,
    distribution_rows,
)
from stylealign.metrics.bootstrap import Estimate
from stylealign.work.cost import Cost, Work
from stylealign.work.rates import load_rates

if TYPE_CHECKING:
    from stylealign.measurements.inputs import Inputs

TABLE = Table(
    "alignment_curve",
    title="Quality and alignment over kimg",
    section="alignment",
    metrics=(KIMG, FID, LABEL_FID, KID, RECALL, SHARE, *SPREADS, *AGREEMENT, *alignment_score.METRICS),
    protocol="averaged generator after each number of kimg, no truncation, stored noise: FID, KID and recall "
    "against the training images (the same number of samples at every point: a FID of few images is too high, alike "
    "at all of them, and compares with no other table), spread of the pose over theirs, agreement with the parent's "
    f"images of the same z, and the score: {alignment_score.PROTOCOL}; "
    f"{LABEL_FID_PROTOCOL}; {DISTRIBUTION_PROTOCOL}; {SHARE_PROTOCOL}",
)


def measure(inputs: "Inputs", settings: MetricSettings, progress: Progress) -> Measured:
    """Return the rows of every snapshot; their `setting` says after how many kimg.

    Raises:
        StyleAlignError: models, networks or images that do not belong together, or too few images.
    """
    from stylealign.checkpoints.snapshots import count_snapshots, read_snapshots
    from stylealign.measurements.inputs import distance_of, extractor_of
    from stylealign.metrics.alignment_score import alignment_score as score_of
    from stylealign.metrics.coverage import spreads_of
    from stylealign.metrics.features import features_of
    from stylealign.metrics.fid_kid import Reference, precision_recall
    from stylealign.metrics.generators import require_resolution, sample_images
    from stylealign.metrics.label_fid import LabelReference, beside
    from stylealign.metrics.responses import reference_of, respond
    from stylealign.metrics.same_latents import agreement, draw_and_measure
    from stylealign.metrics.share import MOST_IMAGES, DomainClassifier

    parent, images = inputs.model("parent"), inputs.images("data")
    require_resolution(images, parent.architecture.resolution)
    networks = inputs.rulers()
    seeing = {task: ruler.seeing for task, ruler in networks.items()}
    extractor, real = extractor_of(settings), images.read()
    device = next(extractor.parameters()).device
    count, seed, draws = settings.curve_images, settings.seed, settings.bootstrap
    looked = {task: network.look(real) for task, network in seeing.items() if network.sees == "numbers"}
    numbers = {task: answers for task, (answers, _) in looked.items()}
    reference = draw_and_measure(parent.generator.to(device), count, seed, seeing, encode=True)
    features, distance = features_of(real, extractor), distance_of(settings)
    known = Reference(features)
    encoded = beside(looked[task][1] if task in looked else network.encode(real) for task, network in seeing.items())
    by_labels = None
    if encoded is not None and reference.encoded is not None:
        by_labels = LabelReference(encoded, reference.encoded)
    scored = reference_of(parent.generator, distance, settings.score_latents, seed)
    classifier = None
    if inputs.has("parent-data"):
        others = inputs.features("parent-data", extractor, settings.features).values[:MOST_IMAGES]
        classifier = DomainClassifier.fit(others, features)
    counter = progress(count_snapshots(inputs.path("snapshots")), "snapshots")
    rows = []
    for kimg, checkpoint in read_snapshots(inputs.path("snapshots")):
        named = ", ".join(filter(None, (f"{kimg:g} kimg", inputs.setting)))
        key = dataclasses.replace(inputs.key(TABLE.name), setting=named)
        generator = checkpoint.generator.to(device)
        rows.append(key.row(KIMG.name, Estimate(kimg)))
        generated = features_of(sample_images(generator, count, seed), extractor)
        rows += distribution_rows(generated, known, key, settings)
        rows.append(key.row(RECALL.name, precision_recall(generated, features)[1], settings.features))
        if classifier is not None:
            rows.append(key.row(SHARE.name, classifier.share(generated), settings.features))
        drawn = draw_and_measure(generator, count, seed, seeing, encode=True)
        if by_labels is not None and drawn.encoded is not None:
            rows.append(key.row(LABEL_FID.name, by_labels.fid(drawn.encoded)))
        for task, real_numbers in numbers.items():
            found = spreads_of(drawn.names[task], drawn.seen[task], real_numbers, draws, seed)
            rows += [key.row(metric, value) for metric, value in found.items()]
        alike = agreement(reference, drawn, networks, draws, seed)
        rows += [key.row(metric, value) for metric, value in alike.items()]
        responses = respond(generator, scored.probe, distance)
        found = score_of(scored.responses, responses, scored.unrelated)
        rows += alignment_score.score_rows(found, key, settings, by_resolution=False)
        counter.advance()
    return rows, {"real_images": len(images)}


def cost(work: Work, model: str) -> Cost:
    """Return the cost of a job: every snapshot of a training."""
    settings, images = work.config.training_of(model), work.config.metrics.curve_images
    points = sum(kimg < settings.kimg for kimg in settings.curve_kimg) + 1
    drawn, found = cost_of_same_latents(work, model, images * points), work.model(model)
    features = work.features_s(images * points + work.data_of(model).splits.train_images, found.px)
    rates, near = load_rates().cpu, images * work.data_of(model).splits.train_images / 4000**2
    statistics = points * (rates.fid_s + rates.kid_s + near * rates.precision_recall_s) * work.dimensions
    scored = alignment_score.cost_of_responses(work, model, 7 + points)
    return dataclasses.replace(
        drawn,
        host_s=statistics,
        network_s=drawn.network_s + features + scored.network_s,
        synthesis_s=drawn.synthesis_s + scored.synthesis_s,
        synthesis_gpu_s=drawn.synthesis_gpu_s + scored.synthesis_gpu_s,
    )


KIND = Kind(
    name="alignment_curve",
    version=15,
    text="quality and alignment of a child after each number of kimg that `stylealign train` kept",
    files=(
        File("parent", "MODEL", "the parent the snapshots are compared with"),
        File("snapshots", "ZIP", "snapshots.zip of `stylealign train`"),
        File("data", "ZIP", "training images of the child's domain"),
        File("parent-data", "ZIP", "those of the parent's domain, or their features (share)", False),
        *NETWORKS,
    ),
    settings=("curve_images", "score_latents", "features", "perceptual", "bootstrap", "seed", "weights_dir"),
    networks=("features", "perceptual"),
    tables=(TABLE,),
    aliases=("curve",),
    rows=of_each_training,
    costs={"alignment_curve": cost},
    measure=measure,
)
