"""`docs/domains.md`: every drawn domain with a sheet, its artist and licence, and how far it is from people.

python -m stylealign.report.domains docs
"""

import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from numpy.typing import NDArray
from torch import Tensor

from stylealign.config import drawn_domains, smallest_px
from stylealign.datasets.avatars import Avatar, draw_avatar
from stylealign.datasets.dicebear_placing import LARGEST_SPREAD
from stylealign.datasets.domains import domain
from stylealign.datasets.figures import EYE_CENTRE, EYE_DISTANCE, SEGMENTATION_CLASSES
from stylealign.datasets.pairs import (
    SAME_FIGURE,
    SAME_POSE,
    agreement,
    agreements_of_classes,
    drawn_pairs,
    kinds_of_pairs,
    shuffled,
)
from stylealign.datasets.shared_attributes import SHARED_ATTRIBUTES
from stylealign.files import atomic_path
from stylealign.metrics.features import features_of
from stylealign.metrics.fid_kid import FewImagesWarning, fid, kid
from stylealign.report.figures import class_colours
from stylealign.report.sheets import grid, save_png

FEATURES = "efficientnet-lite0"
IMAGES, PAIRS, RESOLUTION_PX = 500, 100, 64
COLUMNS, SHEET_PX = 12, 96


@dataclass(frozen=True)
class Facts:
    """What is told of a domain; numbers between it and `human`, NaN for what is not there."""

    name: str
    attribution: str
    packages: tuple[str, ...]
    smallest_px: int
    shared: tuple[str, ...]
    areas: dict[str, float]
    fid: float
    kid: float
    same_pose: float
    shuffled: float
    same_figure: float
    of_classes: dict[str, float]

    @property
    def shared_classes(self) -> list[str]:
        """Classes but the background that the domain and `human` have."""
        return [name for name in self.of_classes if name != "background"]


def facts_of(name: str, images: int, pairs: int, people: Tensor) -> Facts:
    """Measure a domain.

    Args:
        name: of the domain.
        images: test images to look at.
        pairs: pairs with `human`.
        people: features `[images, D]` of other images of `human`.
    """
    what = domain(name)
    avatars = [draw_avatar(name, "test", index, 0, RESOLUTION_PX) for index in range(images)]
    features = features_of(np.stack([avatar.image for avatar in avatars]), FEATURES)
    (_, one), (_, other) = drawn_pairs("human", name, SAME_POSE, pairs, 0, RESOLUTION_PX)
    same_figure = float("nan")
    if SAME_FIGURE in kinds_of_pairs("human", name):
        (_, person), (_, drawn) = drawn_pairs("human", name, SAME_FIGURE, min(pairs, 60), 0, RESOLUTION_PX)
        same_figure = agreement(person, drawn)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FewImagesWarning)  # the page says it
        distance = fid(features, people).value
    return Facts(
        name,
        what.artwork.attribution,
        what.artwork.packages,
        smallest_px(name),
        tuple(key for key in what.attribute_values() if key in SHARED_ATTRIBUTES),
        areas(avatars, what.classes),
        distance,
        kid(features, people).value,
        agreement(one, other),
        agreement(one, shuffled(other)),
        same_figure,
        agreements_of_classes(one, other),
    )


def areas(avatars: list[Avatar], classes: tuple[str, ...]) -> dict[str, float]:
    """Return the share of all pixels of each class that is drawn at all."""
    counts = np.bincount(np.concatenate([avatar.segmentation.ravel() for avatar in avatars]), minlength=len(classes))
    return {name: float(count / counts.sum()) for name, count in zip(classes, counts, strict=True) if count}


def sheet(name: str, columns: int = COLUMNS, size_px: int = SHEET_PX) -> NDArray[np.uint8]:
    """Return images of a domain over their class maps, `[3, height, width]` uint8."""
    size = max(size_px, smallest_px(name))
    avatars = [draw_avatar(name, "test", index, 0, size) for index in range(columns)]
    colours = class_colours(domain(name).classes)
    maps = np.stack([colours[avatar.segmentation].transpose(2, 0, 1) for avatar in avatars])
    return grid(np.concatenate([np.stack([avatar.image for avatar in avatars]), maps]), columns)


def page(facts: list[Facts], images: int, pairs: int) -> str:
    """Return the page as Markdown."""
    environment = Environment(
        loader=PackageLoader("stylealign.report"), undefined=StrictUndefined, trim_blocks=False, autoescape=False
    )
    environment.filters |= {"number": _number, "percent": _percent}
    text = environment.get_template("domains.md.jinja").render(
        domains=facts,
        images=images,
        pairs=pairs,
        features=FEATURES,
        classes=SEGMENTATION_CLASSES,
        shared=tuple(SHARED_ATTRIBUTES),
        eye_centre=EYE_CENTRE,
        eye_distance=EYE_DISTANCE,
        largest_spread=LARGEST_SPREAD,
        landscape=next(fact.areas for fact in facts if fact.name == "landscape"),
    )
    lines = "\n".join(line.rstrip() for line in text.splitlines())
    while "\n\n\n" in lines:
        lines = lines.replace("\n\n\n", "\n\n")
    return lines.replace("|\n\n|", "|\n|").rstrip() + "\n"


def _number(value: float | None) -> str:
    return "-" if value is None or np.isnan(value) else f"{value:.2f}"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f}"


def write_page(folder: Path, images: int = IMAGES, pairs: int = PAIRS, progress: Any = sys.stderr) -> None:
    """Write `domains.md` and `images/domains/NAME.png` into a folder."""
    people = np.stack([draw_avatar("human", "train", index, 0, RESOLUTION_PX).image for index in range(images)])
    features = features_of(people, FEATURES)
    facts = []
    for name in drawn_domains():
        save_png(folder / "images" / "domains" / f"{name}.png", sheet(name))
        facts.append(facts_of(name, images, pairs, features))
        print(f"domains: {name}: FID {facts[-1].fid:.0f}, same pose {facts[-1].same_pose:.3f}", file=progress)
    with atomic_path(folder / "domains.md") as temporary:
        Path(temporary).write_text(page(facts, images, pairs), encoding="utf-8")


if __name__ == "__main__":
    write_page(Path(sys.argv[1]))
