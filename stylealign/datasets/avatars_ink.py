"""The `ink` domain: people of the `human` domain, other ones, as black lines with flat greys and hatching on paper.

The shapes are the same as the parent's: labels could carry over perfectly.
"""

import re
import xml.etree.ElementTree as ElementTree
from functools import cache

import numpy as np

from stylealign.datasets import avatars_human
from stylealign.datasets.figures import Figure
from stylealign.datasets.shared_attributes import luma
from stylealign.datasets.splits import draw_parts
from stylealign.datasets.vector import hex_to_rgb, parse_markup, rgb_to_hex, to_markup

SMALLEST_SCALE = 0.85
"""The smallest of the poses: at it, a line has its least width."""

LINE_PX, HATCH_PX, REFERENCE_PX = 1.5, 6.0, 64
"""Least width of a line and least period of the hatching, in pixels of a picture of `REFERENCE_PX`."""

PAPER = 0.6
"""Share of white in the paper: the ground's colour, pale enough for black lines."""


def draw(rng: np.random.Generator, split: str) -> Figure:
    """Draw one person in ink; no combination of parts is in two splits."""
    seeds: dict[tuple[tuple[str, str | None], ...], tuple[str, dict[str, str], dict[str, str]]] = {}

    def choose(own: np.random.Generator) -> dict[str, str | None]:
        top, chosen, colours = avatars_human.choose(own)
        parts: dict[str, str | None] = {"top": top, **chosen}
        seeds[tuple(parts.items())] = (top, chosen, colours)
        return parts

    return inked(avatars_human.compose_person(*seeds[tuple(draw_parts("ink", split, rng, choose).items())]))


def attribute_values() -> dict[str, list[str]]:
    """Return every attribute of the domain with the names of its values: those of `human`."""
    return avatars_human.attribute_values()


def ground(background: str) -> str:
    """Return the paper's colour for a ground of colour `#rrggbb`."""
    return rgb_to_hex(round(255 * PAPER + (1 - PAPER) * value) for value in hex_to_rgb(background))


def inked(figure: Figure) -> Figure:
    """Return a person of `human` in ink: everything known of it stays the same."""
    return Figure(
        _hatching() + to_markup(_inked(parse_markup(figure.markup))),
        figure.part_markup,
        figure.keypoints,
        figure.placement,
        figure.attributes,
    )


_PX = 1 / REFERENCE_PX / (avatars_human.PLACEMENT[0, 0] * SMALLEST_SCALE)
"""A pixel of the reference picture at the smallest scale, in units of the artwork."""

_BLACK, _WHITE, _HATCHED = "#000000", "#ffffff", "url(#hatching)"
_UNPAINTED = frozenset({"defs", "mask", "clipPath", "filter"})
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}$")
_NAMED = {"black": _BLACK, "white": _WHITE}
_FAINT = 0.3
_SKIN = {colour.lower() for colour in avatars_human.SKIN_COLOURS.values()}


@cache
def _hatching() -> str:
    """Return the pattern that mid-tones are filled with: slanted black lines on white."""
    period, line = HATCH_PX * _PX, LINE_PX * _PX
    return (
        f'<defs><pattern id="hatching" patternUnits="userSpaceOnUse" width="{period:.3f}" height="{period:.3f}"'
        f' patternTransform="rotate(45)"><rect width="{period:.3f}" height="{period:.3f}" fill="{_WHITE}"/>'
        f'<rect width="{line:.3f}" height="{period:.3f}" fill="{_BLACK}"/></pattern></defs>'
    )


def _inked(element: ElementTree.Element, opacity: float = 1.0) -> ElementTree.Element:
    """Return the element with its shapes in ink, in place: faint shadows go, a faint nose becomes a line."""
    opacity = float(element.attrib.pop("fill-opacity", opacity))
    opacity *= float(element.attrib.pop("opacity", 1.0))
    _ink_shape(element, opacity)
    for child in list(element):
        if child.tag in _UNPAINTED:
            continue
        own = float(child.get("fill-opacity", opacity)) * float(child.get("opacity", 1.0))
        is_nose = child.get("id", "").endswith("__Nose")
        if len(child) == 0 and own < _FAINT and not is_nose:
            element.remove(child)
        elif is_nose:
            child.attrib.pop("fill-opacity", None)
            child.attrib.update({"fill": "none", **_LINE})
        else:
            _inked(child, opacity)
    return element


_LINE = {"stroke": _BLACK, "stroke-width": f"{LINE_PX * _PX:.3f}", "stroke-linejoin": "round", "stroke-opacity": "1"}


def _ink_shape(element: ElementTree.Element, opacity: float) -> None:
    colour = _NAMED.get(element.get("fill", ""), element.get("fill", ""))
    if not _COLOUR.match(colour):
        if element.get("stroke") not in (None, "none"):
            element.set("stroke", _BLACK)
        return
    fill = ink_of(colour, opacity)
    element.set("fill", fill)
    if fill != _BLACK:
        element.attrib.update(_LINE)


def ink_of(colour: str, opacity: float = 1.0) -> str:
    """Return what a colour `#rrggbb` is filled with: white, a grey, hatching or black."""
    brightness = luma(colour)
    if colour.lower() in _SKIN:  # flat, so that eyes and mouth stay legible on it
        return rgb_to_hex([min(255, round(brightness * 0.8 + 75))] * 3)
    if brightness < 60:
        return _BLACK
    return _HATCHED if brightness < 150 else "#d0d0d0" if brightness < 205 else _WHITE
