"""Whether a generator covers its domain: the spread of its poses, and how often each attribute's values occur."""

import dataclasses
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from stylealign.config import MetricSettings
from stylealign.datasets.avatars import POSE
from stylealign.metrics.bootstrap import Estimate, spread_ratio_estimates
from stylealign.metrics.rows import Row, RowKey
from stylealign.metrics.structure import POSE_NAMES

TABLE, ATTRIBUTE_TABLE = "coverage", "coverage_attributes"
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

Choices = Mapping[str, NDArray[np.int64]]
"""Attribute -> `[N]` indices into its values."""


@dataclasses.dataclass(frozen=True)
class Seen:
    """What the networks of a domain see in a set of images.

    Attributes:
        pose: `[N, 4]` in the order of `POSE`.
        attributes: value of each attribute in each image.
    """

    pose: NDArray[np.float32]
    attributes: Choices


def coverage_rows(generated: Seen, real: Seen, skills: Mapping[str, float], values: Mapping[str, int], labels: RowKey,
                  settings: MetricSettings) -> list[Row]:  # fmt: skip
    """Return the spreads, the mean attribute distance and the share that is covered, then the rows of each attribute.

    Args:
        generated, real: what is seen in samples and in training images.
        skills: skill of each attribute's network (`attribute_skill`).
        values: number of values of each attribute.
        labels: labels of the rows; an attribute goes into `setting`.
        settings: bootstrap.
    """
    table, own = dataclasses.replace(labels, table=TABLE), dataclasses.replace(labels, table=ATTRIBUTE_TABLE)
    spreads = spread_ratio_estimates(generated.pose, real.pose, settings.bootstrap, settings.seed)
    rows = [table.row(f"{POSE_NAMES[name]}_spread", spread) for name, spread in zip(POSE, spreads, strict=True)]
    covered = [abs(spread.value - 1) <= TOLERANCE for spread in spreads]
    distances, details = [], []
    for name, count in values.items():
        frequencies = [_frequencies(seen.attributes[name], count) for seen in (generated, real)]
        distance = total_variation(*frequencies)
        sizes = len(generated.pose), len(real.pose)
        chance = chance_distance(frequencies[1], *sizes, settings.bootstrap, settings.seed)
        details += [own.row("attribute_distance", Estimate(distance, n=min(sizes)), setting=name),
                    own.row("chance_distance", Estimate(chance, n=min(sizes)), setting=name),
                    own.row("attribute_skill", Estimate(skills[name]), setting=name)]  # fmt: skip
        if skills[name] >= FEWEST_SKILL:
            distances.append(distance)
            covered.append(distance - chance <= TOLERANCE)
    rows.append(table.row("attribute_distance", Estimate(_mean(distances), n=len(distances))))
    rows.append(table.row("covered", Estimate(_mean(covered), n=len(covered))))
    return rows + details


def attribute_skill(predicted: NDArray[np.int64], truth: NDArray[np.int64]) -> float:
    """Return the share of what lies between guessing the commonest value and no error: 1 without error.

    Args:
        predicted, truth: `[N]` indices into the attribute's values.
    """
    guessed = float(np.bincount(truth).max() / len(truth))
    accuracy = float((predicted == truth).mean())
    return (accuracy - guessed) / (1 - guessed) if guessed < 1 else 0.0


def total_variation(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Return half the sum of absolute differences of two frequency vectors `[V]`: 0 if equal, 1 if disjoint."""
    return float(np.abs(one - other).sum() / 2)


def chance_distance(frequencies: NDArray[np.float64], one: int, other: int, draws: int, seed: int) -> float:
    """Return the mean total variation between draws of `one` and of `other` images from the same frequencies `[V]`."""
    random = np.random.default_rng(seed)
    drawn = [random.multinomial(size, frequencies, size=draws) / size for size in (one, other)]
    return float(np.abs(drawn[0] - drawn[1]).sum(axis=1).mean() / 2)


def _frequencies(chosen: NDArray[np.int64], values: int) -> NDArray[np.float64]:
    return np.bincount(chosen, minlength=values) / len(chosen)


def _mean(values: list[float] | list[bool]) -> float:
    return float(np.mean(values)) if values else float("nan")
