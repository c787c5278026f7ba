"""What is said of each inverted image: its measures, its loss curve, and whether it fits the model."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stylealign.applications.domain_fit import LOWEST_RANK
from stylealign.applications.inversion import POOR_FIT_SCORE, Inversion
from stylealign.files import atomic_path


@dataclass(frozen=True)
class Fits:
    """How well N images fit a model.

    Attributes:
        images: an entry an image: its name, facts and measures, and `poor_fit`.
        poor: names of the images that fit poorly.
        reason: what poor means here.
        means: each measure's mean over the images.
    """

    images: list[dict[str, Any]]
    poor: list[str]
    reason: str
    means: dict[str, float]


def fits_of(names: Sequence[str], found: Inversion, facts: Mapping[str, Sequence[Any]]) -> Fits:
    """Return how well the images fit: by their rank in the domain where `facts` has it, else by their score.

    Args:
        names: of the images.
        found: their inversion.
        facts: what else is known of the images, an entry an image: `domain_rank`, `changes`.
    """
    images: list[dict[str, Any]] = []
    for index, (name, measures) in enumerate(zip(names, found.measures, strict=True)):
        own = {key: values[index] for key, values in facts.items()}
        poor = own["domain_rank"] < LOWEST_RANK if "domain_rank" in own else measures["score"] < POOR_FIT_SCORE
        images.append({"image": name, **own, **measures, "poor_fit": bool(poor)})
    reason = (
        f"look less like the model's domain than {1 - LOWEST_RANK:.0%} of the reference images"
        if "domain_rank" in facts
        else f"fit the model poorly (score under {POOR_FIT_SCORE}; --reference tells which lie outside its domain)"
    )
    means = {key: sum(measures[key] for measures in found.measures) / len(names) for key in found.measures[0]}
    return Fits(images, [entry["image"] for entry in images if entry["poor_fit"]], reason, means)


def write_losses(path: Path, names: Sequence[str], found: Inversion) -> None:
    """Write the loss curves in long form: image, step, loss."""
    # Bytes of a name that are not UTF-8 are escaped as in the JSON files.
    escaped: dict[str, Any] = {"encoding": "utf-8", "errors": "backslashreplace"}
    with atomic_path(path) as temporary, temporary.open("w", newline="", **escaped) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["image", "step", "loss"])
        for name, curve in zip(names, found.losses.T, strict=True):
            writer.writerows([name, step, f"{loss:.6g}"] for step, loss in enumerate(curve))
