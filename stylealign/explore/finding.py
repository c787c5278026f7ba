"""What the page starts with beside the models: directions of the parent, and codes of a picture or a file."""

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, replace
from itertools import chain, count
from pathlib import Path

import torch

from stylealign.applications import directions as finders
from stylealign.applications.inversion import POOR_FIT_SCORE, for_looking, invert
from stylealign.config import DirectionSettings
from stylealign.datasets.photos import read_photos
from stylealign.errors import StyleAlignError
from stylealign.explore.family import Member
from stylealign.explore.scene import Pixels
from stylealign.latents.codes import Codes
from stylealign.latents.directions import Directions
from stylealign.latents.kinship import require_kin
from stylealign.metrics.perceptual import PerceptualDistance
from stylealign.networks.encoder import Encoder

DIRECTIONS = 8
"""Directions of each kind that are found at the start."""
SAMPLES = 10_000
"""Samples of W that they are found from."""
STEPS = 60
"""Steps of the inversion of a dropped picture."""
CODES = (".npz", ".npy", ".pt", ".pth")


@dataclass(frozen=True, eq=False)
class Found:
    """The code of a picture or of a file."""

    codes: Codes
    """One code."""
    picture: Pixels | None
    """`[3, r, r]` uint8: the picture as the model takes it; None for a file of codes."""
    words: str
    """What was found, for people."""


def directions_of(parent: Member, files: Sequence[Path]) -> dict[str, Directions]:
    """Return directions by name: those of the files, then components and closed form of the parent, one each.

    Raises:
        StyleAlignError: a file of another family or shape.
    """
    checkpoint = parent.checkpoint
    found: dict[str, Directions] = {}
    for path in files:
        part = Directions.load(path)
        require_kin(part, checkpoint, path, parent.path)
        for place, name in enumerate(part.names):
            found[_free(name, path.stem, found)] = part.at([place])
    settings = DirectionSettings(count=DIRECTIONS, samples=SAMPLES)
    for part, words in (
        (finders.components(checkpoint, settings, None), "component"),
        (finders.closed_form(checkpoint, settings, None), "closed form"),
    ):
        for place in range(len(part)):
            found[_free(f"{words} {place + 1}", "found here", found)] = part.at([place])
    return found


def _free(name: str, source: str, taken: Container[str]) -> str:
    """Return a name for a direction that no other has: its own, with its source, or with a number too."""
    told = (f"{name} ({source}{f' {place}' if place > 1 else ''})" for place in count(1))
    return next(one for one in chain([name], told) if one not in taken)


def found_in(
    path: Path,
    parent: Member,
    encoder: Encoder | None,
    distance: Callable[[], PerceptualDistance],
) -> Found:
    """Return the code of a picture, by a short inversion into W+, or the first code of a file.

    Args:
        path: a picture, or codes (of this program or another).
        parent: the model that the code is of.
        encoder: of the parent: its code is where the inversion starts.
        distance: makes the perceptual distance; called for pictures only.

    Raises:
        StyleAlignError: neither a picture nor codes of the model.
    """
    checkpoint = parent.checkpoint
    if is_codes(path):
        codes = Codes.load(path, None, checkpoint.sha256, checkpoint.architecture)
        if not len(codes):
            raise StyleAlignError(f"{path.name}: holds no code; make it with stylealign invert")
        words = f"{codes.space} code {codes.names[0]}, the first of {len(codes)}"
        return Found(codes.first(1), None, words)
    photos = read_photos(path, checkpoint.architecture.resolution, "crop", limit=1)
    settings = for_looking(STEPS, "default" if encoder is None else "encoder")
    found = invert(checkpoint.generator, photos.images[:1], settings, distance(), None, encoder)
    score = found.measures[0]["score"]
    words = (
        f"{photos.names[0]}: reconstructed with score {score:.2f} (1: the parent's image looks the same; it does not "
    )
    words += "tell whether the picture is of the parent's domain, without which the children's images mean little)"
    if score < POOR_FIT_SCORE:
        words += "; a poor fit: the picture is far from what the model draws"
    return Found(Codes(found.values, settings.space, checkpoint.sha256, photos.names[:1]), photos.images[0], words)


def is_codes(path: Path) -> bool:
    """Tell whether a file holds codes, by its name; others are pictures, whose codes take time to find."""
    return path.suffix.lower() in CODES


def on_device(member: Member, device: torch.device) -> Member:
    """Return a member whose generator is on a device."""
    moved = replace(member.checkpoint, generator=member.checkpoint.generator.to(device))
    return replace(member, checkpoint=moved)
