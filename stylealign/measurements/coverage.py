"""Whether a generator covers its domain: the spread of its poses, and how often each attribute's values occur."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from stylealign.config import MetricSettings
from stylealign.measurements.declare import Experiment, File, Kind, Measured, Progress, Table
from stylealign.measurements.shared import SPREADS
from stylealign.metrics.bootstrap import Estimate
from stylealign.metrics.coverage import (
    Seen,
    attribute_skill,
    chance_distance,
    frequencies,
    mean,
    spreads_of,
    total_variation,
)
from stylealign.metrics.declared import Metric
from stylealign.work.cost import MEGABYTE, Cost, Work

if TYPE_CHECKING:
    from stylealign.measurements.inputs import Inputs
    from stylealign.measurements.rows import Row, RowKey

TOLERANCE = 0.1
"""A spread is covered within this of 1, an attribute where its distance is at most this above chance."""

FEWEST_SKILL = 0.5
"""An attribute counts where the network does at least this share of what lies between guessing and no error."""

PROTOCOL = (
    "samples of the averaged generator, no truncation, stored noise, against the training images, both through the "
    "same networks, so that a network's own errors cancel. Spread: standard deviation over the training images' one. "
    "Attribute distance: total variation between the frequencies of an attribute's values; chance: its mean for two "
    "draws of these sizes from the training images' frequencies; attributes count whose network reaches a skill of "
    f"{FEWEST_SKILL} on the test images: (accuracy - commonest value's share) / (1 - commonest value's share). "
    f"covered: share of the spreads in 1 +- {TOLERANCE} and of the attributes at most {TOLERANCE} above chance"
)

DISTANCE = Metric(
    "attribute_distance",
    False,
    "total variation between the frequencies of an attribute in samples and in training images",
)
CHANCE = Metric("chance_distance", None, "what that distance would be by chance")
SKILL = Metric(
    "attribute_skill", True, "share of what lies between guessing and no error that the attribute's network reaches"
)
COVERED = Metric("covered", True, "share of spreads and attributes within a tenth of the training images'")

TABLE = Table(
    "coverage",
    title="How much of its domain a generator draws",
    section="models",
    metrics=(*SPREADS, DISTANCE, COVERED),
    protocol=PROTOCOL,
    headline="covered",
)
ATTRIBUTE_TABLE = Table(
    "coverage_attributes",
    title="Frequencies of attributes",
    section="models",
    metrics=(DISTANCE, CHANCE, SKILL),
    protocol=PROTOCOL,
)


def measure(inputs: "Inputs", settings: MetricSettings, progress: Progress) -> Measured:
    """Return the coverage of a model, or without one that of the test images.

    Raises:
        StyleAlignError: files that do not belong together, or the attribute network of another domain.
    """
    from stylealign.applications.labels import attributes
    from stylealign.applications.labels.learning import predict, require_matching
    from stylealign.devices import compute_device
    from stylealign.metrics.generators import read_images, require_resolution, sample_images

    data, test = inputs.images("data"), inputs.images("test-data")
    truth = inputs.annotations("annotations", test)
    require_resolution(test, data.resolution_px)
    pose = inputs.seeing("pose", "pose")
    network = inputs.label_network("attributes", "attributes", data.resolution_px)
    require_matching(network.spec, inputs.path("attributes"), truth, inputs.path("annotations"))

    def seen(batches: Iterator[np.ndarray]) -> Seen:
        parts = [(pose(images), predict(network, images)["attributes"]) for images in batches]
        poses, scores = (np.concatenate(part) for part in zip(*parts, strict=True))
        return Seen(pose.names, poses, attributes.choices(network.spec.names, scores))

    tested = measured = seen(read_images(test))
    if inputs.has("model"):
        checkpoint = inputs.model("model")
        require_resolution(data, checkpoint.architecture.resolution)
        generator = checkpoint.generator.to(compute_device())
        measured = seen(sample_images(generator, settings.samples, settings.seed))
    values = {name: len(names) for name, names in truth.attribute_values.items()}
    skills = {
        name: attribute_skill(tested.attributes[name], annotated)
        for name, annotated in attributes.numbered_like(network.spec, truth).items()
    }
    keys = inputs.key(TABLE.name), inputs.key(ATTRIBUTE_TABLE.name)
    rows = coverage_rows(measured, seen(read_images(data)), skills, values, keys, settings)
    return rows, {"real_images": len(data)}


def coverage_rows(
    generated: Seen,
    real: Seen,
    skills: Mapping[str, float],
    values: Mapping[str, int],
    keys: "tuple[RowKey, RowKey]",
    settings: MetricSettings,
) -> "list[Row]":
    """Return the spreads, the mean attribute distance and the share that is covered, then the rows of each attribute.

    Args:
        generated, real: what is seen in samples and in training images.
        skills: skill of each attribute's network (`attribute_skill`).
        values: number of values of each attribute.
        keys: of the rows of the whole, and of those of the attributes, each of which stands in `setting`.
        settings: bootstrap.
    """
    whole, own = keys
    spreads = spreads_of(generated.names, generated.numbers, real.numbers, settings.bootstrap, settings.seed)
    rows = [whole.row(metric, spread) for metric, spread in spreads.items()]
    covered = [abs(spread.value - 1) <= TOLERANCE for spread in spreads.values()]
    distances: list[float] = []
    details = []
    for name, count in values.items():
        shares = [frequencies(seen.attributes[name], count) for seen in (generated, real)]
        distance = total_variation(*shares)
        sizes = len(generated.numbers), len(real.numbers)
        chance = chance_distance(shares[1], *sizes, settings.bootstrap, settings.seed)
        details.append(own.row(DISTANCE.name, Estimate(distance, n=min(sizes)), setting=name))
        details.append(own.row(CHANCE.name, Estimate(chance, n=min(sizes)), setting=name))
        details.append(own.row(SKILL.name, Estimate(skills[name]), setting=name))
        if skills[name] >= FEWEST_SKILL:
            distances.append(distance)
            covered.append(distance - chance <= TOLERANCE)
    rows.append(whole.row(DISTANCE.name, Estimate(mean(distances), n=len(distances))))
    rows.append(whole.row(COVERED.name, Estimate(mean(covered), n=len(covered))))
    return rows + details


def rows_of(experiment: Experiment) -> list[str]:
    """Return a file for each domain with annotations, for its test images, and one for each model of them."""
    models = experiment.covering_models()
    return [*(f"test/{domain}" for domain in dict.fromkeys(map(experiment.domain_of, models))), *models]


def cost(work: Work, model: str) -> Cost:
    """Return the cost of a job: the coverage of a model."""
    samples = work.config.metrics.samples
    seen = cost_of_domain(work, work.config.models[model].domain, samples)
    return dataclasses.replace(seen, **work.model(model).passes(samples))


def cost_of_domain(work: Work, domain: str, samples: int = 0) -> Cost:
    """Return the cost of pose and attributes of all images of the domain, and of samples."""
    data = work.config.domains[domain]
    images = data.splits.train_images + data.splits.test_images + samples
    memory = 2000 + 2048 * data.resolution_px**2 * 24 / MEGABYTE
    return Cost(network_s=2 * work.labels_s(images, data.resolution_px), memory_mb=memory)


KIND = Kind(
    name="coverage",
    version=8,
    text="spread of the poses and frequencies of the attributes in a generator's samples against a domain's",
    files=(
        File("model", "MODEL", "model whose samples are measured; left out: the test images are, to compare", False),
        File("data", "ZIP", "training images of the domain"),
        File("test-data", "ZIP", "test images of the domain"),
        File("annotations", "NPZ", "annotations of the test images, which say what the attribute network can tell"),
        File("pose", "NET", "pose network of the domain"),
        File("attributes", "NET", "attribute network of the domain"),
    ),
    settings=("samples", "bootstrap", "seed"),
    tables=(TABLE, ATTRIBUTE_TABLE),
    rows=rows_of,
    costs={"coverage": cost, "coverage_of_domain": cost_of_domain},
    measure=measure,
)
