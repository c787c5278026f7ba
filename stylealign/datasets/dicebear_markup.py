"""DiceBear definitions and SVG text: shapes in the colour of their component and class, a figure without its canvas."""

import copy
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np

from stylealign.datasets.styles import StyleEntry
from stylealign.datasets.vector import UNPAINTED, rasterise_row, rgb_to_hex

FAINTEST_PART = 0.45
"""Shapes of less opacity (a lens, a blush, a shadow) let what is under them be seen, and are no part."""

CANVAS = ""
"""Name for what a style draws outside its components."""

_CODES = 0xA0_00_00
_CODE = re.compile(r"#a0([0-9a-f]{4})")
_PAINTS = ("fill", "stroke")
_DROPPED = ("opacity", "fill-opacity", "stroke-opacity", "filter", "style")

_ROW_PX = 384
"""Columns of the lower edge of a canvas, over one and a half of its width."""

_OVERLAP = 0.004
"""Share of the canvas by which what goes on below it overlaps it: no seam is seen."""

Part = tuple[str, str]
"""A component (`CANVAS` for none) and a class."""


@dataclass(frozen=True)
class Flattened:
    """A style definition whose shapes carry codes for their component and class instead of colours.

    Attributes:
        definition: the style.
        parts: what the codes stand for, by their number.
    """

    definition: dict[str, Any]
    parts: list[Part]

    def recolour(self, markup: str, colour_of: Callable[[str, str], str]) -> str:
        """Return SVG text of this style with each shape in the colour of its component and class, or `none`."""
        colours = [colour_of(*part) for part in self.parts]
        return _CODE.sub(lambda found: colours[int(found[1], 16)], markup)


def flatten_definition(definition: dict[str, Any], entry: StyleEntry) -> Flattened:
    """Return a style with every visible shape in one opaque code; faint ones are removed."""
    parts: list[Part] = []

    def code(component: str, class_name: str) -> str:
        if (component, class_name) not in parts:
            parts.append((component, class_name))
        return f"#{_CODES + parts.index((component, class_name)):06x}"

    def painted(elements: list[Any], component: str, class_names: list[str]) -> list[Any]:
        inks = {ink: code(component, name) for ink, name in entry.inks.items()}
        flat = []
        for k, element in enumerate(elements):
            if element["type"] == "element":  # a component has codes of its own
                name = class_names[min(k, len(class_names) - 1)]
                element = _paint(element, code(component, name), inks, 1.0)
            flat.append(element)
        return [element for element in flat if element is not None]

    flat = copy.deepcopy(definition)
    flat["canvas"]["elements"] = painted(flat["canvas"]["elements"], CANVAS, [entry.canvas])
    for name, component in flat["components"].items():
        if name not in entry.left_out:
            for variant_name, variant in component["variants"].items():
                variant["elements"] = painted(variant["elements"], name, entry.classes_of(name, variant_name))
    return Flattened(flat, parts)


def _paint(element: Any, code: str, inks: dict[str, str], opacity: float) -> Any:
    """Return an element in one colour, None where it is faint."""
    if not isinstance(element, dict) or element["type"] != "element" or element["name"] in UNPAINTED:
        return element
    attributes = dict(element.get("attributes") or {})
    opacity *= float(attributes.get("opacity", 1.0)) * float(attributes.get("fill-opacity", 1.0))
    children = element.get("children") or []
    if not children and opacity < FAINTEST_PART:
        return None
    for key in _DROPPED:
        attributes.pop(key, None)
    for key in _PAINTS:
        paint = attributes.get(key)
        if paint not in (None, "none"):
            ink = paint["name"] if isinstance(paint, dict) else ""
            attributes[key] = inks.get(ink, code)
    flat = {**element, "attributes": attributes}
    if children:
        painted = [_paint(child, code, inks, opacity) for child in children]
        flat["children"] = [child for child in painted if child is not None]
        if not flat["children"]:
            return None
    return flat


def as_markup(svg: str, width: float, floor: Iterable[str]) -> str:
    """Return a drawn avatar as SVG elements in its artwork's coordinates, without the frame that its canvas cuts.

    Args:
        svg: text of the avatar.
        width: width and height of its canvas.
        floor: components that go on below the canvas as they are at its lower edge.
    """
    start, end = svg.find("<defs>"), svg.find("</defs>")
    definitions, body = svg[start : end + len("</defs>")], svg[end + len("</defs>") :]
    body = body[body.index('">') + 2 : body.rindex("</g></svg>")]  # inside the clip to the canvas
    uses = "".join(found for name in floor for found in re.findall(rf'<use[^>]*href="#{name}-[^"]*"/>', body))
    below = floor_stripes(f'{definitions}<g fill="none">{uses}</g>', width) if uses else ""
    return f'{definitions}<g fill="none">{body}</g>{below}'


@lru_cache(maxsize=4096)
def floor_stripes(markup: str, width: float) -> str:
    """Return what is at the lower edge of a canvas as stripes that go on below it, as high as the canvas.

    Args:
        markup: SVG elements in the canvas's coordinates.
        width: width and height of the canvas.
    """
    left, step = -0.25 * width, 1.5 * width / _ROW_PX
    overlap = _OVERLAP * width
    place = np.array([[1 / (1.5 * width), 0.0, 1 / 6], [0.0, 1 / (1.5 * width), -(width - overlap) / (1.5 * width)]])
    row = rasterise_row(markup, place, _ROW_PX)
    edges = [0, *(np.nonzero((row[1:] != row[:-1]).any(axis=1))[0] + 1), _ROW_PX]
    return "".join(
        f'<rect x="{left + start * step:.4f}" y="{width - overlap:.4f}" width="{(end - start) * step:.4f}"'
        f' height="{width:.4f}" fill="{rgb_to_hex(row[start, :3])}" fill-opacity="{row[start, 3] / 255:.3f}"/>'
        for start, end in pairwise(edges)
        if row[start, 3] > 0
    )
