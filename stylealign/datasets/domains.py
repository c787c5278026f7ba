"""The drawn domains: what draws each, in which classes and key points, whose artwork it is, and its seed number."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from importlib import import_module
from importlib.metadata import version

import numpy as np

from stylealign.config import drawn_domains
from stylealign.datasets.figures import KEYPOINTS, SEGMENTATION_CLASSES, Figure
from stylealign.datasets.styles import PACKAGES, read_styles
from stylealign.errors import StyleAlignError


@dataclass(frozen=True)
class Artwork:
    """Whose artwork a domain is drawn from.

    Attributes:
        creator, licence, source: names and the address it comes from.
        licence_url: the licence's text.
        packages: the packages that carry or draw it.
    """

    creator: str
    licence: str
    licence_url: str
    source: str
    packages: tuple[str, ...]

    @property
    def attribution(self) -> str:
        """One sentence that names creator, source and licence."""
        return f"Drawn from artwork by {self.creator} ({self.source}), {self.licence} ({self.licence_url})."

    def installed(self) -> dict[str, str]:
        """Return package -> installed release, with the rasteriser's."""
        return {name: version(name) for name in (*self.packages, "resvg-py")}


@dataclass(frozen=True)
class Domain:
    """A drawn domain.

    Attributes:
        name: what `draw:` calls it.
        seed_number: its part of the seed of every image.
        draw: (random numbers, split) -> a figure.
        attribute_values: () -> attribute -> names of its values.
        artwork: whose it is.
        classes, keypoints: names of what its annotations hold.
        ground: colour of the background -> colour of the ground that is drawn.
    """

    name: str
    seed_number: int
    draw: Callable[[np.random.Generator, str], Figure]
    attribute_values: Callable[[], dict[str, list[str]]]
    artwork: Artwork
    classes: tuple[str, ...] = SEGMENTATION_CLASSES
    keypoints: tuple[str, ...] = KEYPOINTS
    ground: Callable[[str], str] = str


MIT = "https://opensource.org/license/mit"
AVATAAARS = Artwork(
    "Pablo Stanley (avataaars) and Ibon (python_avatars)",
    "MIT",
    MIT,
    "https://github.com/ibonn/python_avatars",
    ("python-avatars",),
)
OWN_ARTWORK = {
    "human": (0, AVATAAARS),
    "mosaic": (
        1,
        Artwork(
            "Gie Katon (Multiavatar.com)",
            "Multiavatar licence",
            "https://multiavatar.com/license",
            "https://github.com/multiavatar/multiavatar-python",
            ("multiavatar",),
        ),
    ),
    "animal": (
        2,
        Artwork("Nacht1gall", "MIT", MIT, "https://github.com/Nacht1gall/animal-avatar-generator", ("animal-avatar",)),
    ),
    "ink": (3, AVATAAARS),
}
"""Domains with a module of their own: the seed number, and whose artwork they draw."""


def artwork_of(name: str) -> Artwork:
    """Return whose artwork a drawn domain shows, without anything that draws it.

    Raises:
        StyleAlignError: no domain of that name.
    """
    if name not in drawn_domains():
        raise StyleAlignError(f"no drawn domain {name!r}; there are {', '.join(drawn_domains())}")
    if name in OWN_ARTWORK:
        return OWN_ARTWORK[name][1]
    entry = read_styles()[name]
    return Artwork(entry.creator, entry.licence, entry.licence_url, entry.source, tuple(PACKAGES))


@cache
def domain(name: str) -> Domain:
    """Return a drawn domain.

    Raises:
        StyleAlignError: no domain of that name, or a style whose definition has changed.
    """
    artwork = artwork_of(name)
    return _own_domain(name, artwork) if name in OWN_ARTWORK else _style_domain(name, artwork)


def _own_domain(name: str, artwork: Artwork) -> Domain:
    seed_number, _ = OWN_ARTWORK[name]
    module = import_module(f"stylealign.datasets.avatars_{name}")
    return Domain(
        name,
        seed_number,
        module.draw,
        module.attribute_values,
        artwork,
        ground=getattr(module, "ground", str),
    )


def _style_domain(name: str, artwork: Artwork) -> Domain:
    from stylealign.datasets import avatars_dicebear

    entry = read_styles()[name]
    return Domain(
        name,
        seed_number_of(name),
        partial(avatars_dicebear.draw, name),
        partial(avatars_dicebear.attribute_values, name),
        artwork,
        entry.classes,
        KEYPOINTS if entry.frame is None else (),
    )


def seed_number_of(name: str) -> int:
    """Return a style's part of the seed of its images: it follows from the name alone."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8])
