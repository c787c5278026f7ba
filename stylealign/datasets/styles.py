"""The table of drawn styles, `styles.yaml`, and the definitions that it names, from the package `dicebear-styles`."""

import hashlib
import json
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field

from stylealign.config import Settings
from stylealign.config.drawn import SMALLEST_PX
from stylealign.datasets.figures import SEGMENTATION_CLASSES
from stylealign.errors import StyleAlignError

PACKAGES = {"dicebear-core": "10.7.0", "dicebear-styles": "10.6.0"}
"""The releases that the table was made for: the images of a seed are those of these."""

Classes = str | list[str]


class StyleEntry(Settings):
    """One style; the keys are explained at the head of `styles.yaml`."""

    creator: str
    licence: str
    licence_url: str
    source: str
    sha256: str
    parts: dict[str, str | dict[str, Classes]]
    inks: dict[str, str] = Field(default_factory=dict)
    canvas: str = "skin"
    eyes: str = "eyes"
    frame: tuple[float, float, float] | None = None
    face: str | None = None
    floor: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    probability: dict[str, int] = Field(default_factory=dict)
    same_colour: dict[str, str] = Field(default_factory=dict)
    shared: dict[str, dict[str, list[str]]] = Field(default_factory=dict)
    tones: dict[str, str] = Field(default_factory=dict)
    classes: tuple[str, ...] = SEGMENTATION_CLASSES
    smallest_px: int = SMALLEST_PX

    def classes_of(self, component: str, variant: str) -> list[str]:
        """Return the class of each shape of a variant, in their order; of more shapes, the last one's."""
        part = self.parts[component]
        found = part.get(variant, part["default"]) if isinstance(part, dict) else part
        return [found] if isinstance(found, str) else found


@cache
def read_styles() -> dict[str, StyleEntry]:
    """Return every entry of the table, by the style's name."""
    text = Path(str(files("stylealign.datasets"))).joinpath("styles.yaml").read_text(encoding="utf-8")
    return {name: StyleEntry(**entry) for name, entry in yaml.safe_load(text).items()}


@cache
def read_definition(name: str) -> dict[str, Any]:
    """Return the definition of a style as the package carries it.

    Raises:
        StyleAlignError: another release of the artwork than the one the table was made for.
    """
    content = (files("dicebear_styles") / f"{name}.json").read_bytes()
    check_release(name, content, {package: version(package) for package in PACKAGES})
    definition: dict[str, Any] = json.loads(content)
    definition.get("colors", {}).pop("background", None)  # the ground is ours
    return definition


def check_release(name: str, content: bytes, installed: dict[str, str]) -> None:
    """Refuse a style definition, or a release of what draws it, that would change the images of a seed.

    Args:
        name: the style.
        content: its definition file.
        installed: package -> installed release.

    Raises:
        StyleAlignError: naming what differs and how to get the right one.
    """
    for package, wanted in PACKAGES.items():
        if installed[package] != wanted:
            raise StyleAlignError(
                f"{name}: {package} {installed[package]} draws other images than {wanted};"
                f" pip install {package}=={wanted}"
            )
    if hashlib.sha256(content).hexdigest() != read_styles()[name].sha256:
        wanted = PACKAGES["dicebear-styles"]
        raise StyleAlignError(
            f"{name}: its definition is not the one of dicebear-styles {wanted};"
            f" pip install --force-reinstall dicebear-styles=={wanted}"
        )
