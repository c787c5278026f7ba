"""SVG markup: reading a part's file, recolouring it flat, and rasterising a figure under an affine map."""

import copy
import io
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import resvg_py
from numpy.typing import NDArray
from PIL import Image

UNPAINTED = frozenset({"defs", "mask", "clipPath", "filter", "linearGradient", "radialGradient"})
NOT_DRAWN = frozenset({"title", "desc", "metadata", "RDF", "Work", "format", "type"})
FAINTEST_PART = 0.3  # shadows and highlights below this opacity do not make a part
PREFIX_END = "__"
FIELD = 8
FIELD_MASK = (1 << FIELD) - 1
SUPERSAMPLING = 2  # on top of the rasteriser's own antialiasing: hides the joints between neighbouring shapes

Affine = NDArray[np.float64]
"""A 2x3 matrix [[a, c, e], [b, d, f]]: (x, y) -> (a x + c y + e, b x + d y + f), y pointing down."""


def read_part(path: Path, prefix: str) -> ElementTree.Element:
    """Return the content of an SVG file as one `<g>`, without namespaces, ids made unique by `prefix`."""
    root = ElementTree.parse(path).getroot()
    _clean(root, prefix + PREFIX_END)
    group = ElementTree.Element("g")
    group.extend(list(root))
    return group


def parse_markup(markup: str) -> ElementTree.Element:
    """Return SVG elements given as text as one `<g>`."""
    return ElementTree.fromstring(f"<g>{markup}</g>")


def to_markup(element: ElementTree.Element) -> str:
    """Return an element as SVG text."""
    return ElementTree.tostring(element, encoding="unicode")


def find_by_id(element: ElementTree.Element, name: str) -> ElementTree.Element | None:
    """Return the first element whose id, without the prefix of `read_part`, is `name`; or None."""
    return next((node for node in element.iter() if node.get("id", "").rpartition(PREFIX_END)[2] == name), None)


def flatten(element: ElementTree.Element, colour: str) -> ElementTree.Element:
    """Return a copy with every visible shape in one opaque colour; faint shadows and highlights are removed."""
    flat = copy.deepcopy(element)
    _paint(flat, colour, fill_opacity=1.0)
    group = ElementTree.Element("g", {"fill": colour})
    group.append(flat)
    return group


def rasterise(markup: str, affine: Affine, size_px: int, background: str) -> NDArray[np.uint8]:
    """Draw a figure over a flat background that fills the frame.

    Args:
        markup: SVG elements in figure coordinates.
        affine: figure coordinates -> the unit square of the frame.
        size_px: height and width of the picture.
        background: CSS colour.

    Returns:
        [size_px, size_px, 3] uint8 RGB, antialiased.
    """
    large = _render(markup, affine, size_px * SUPERSAMPLING, background, crisp=False)
    total = _sum_of_cells(large.astype(np.float32))
    return np.rint(total / SUPERSAMPLING**2).astype(np.uint8)


def rasterise_classes(markup: str, affine: Affine, size_px: int, colours: Sequence[str]) -> NDArray[np.uint8]:
    """Draw a figure whose parts carry flat class colours; return the class that covers most of each pixel.

    Args:
        markup: SVG elements, each in one of `colours`; what nothing covers is class 0 (its colour is the backdrop).
        affine: figure coordinates -> the unit square of the frame.
        size_px: height and width of the map.
        colours: one CSS colour `#rrggbb` a class, each channel 00 or ff.

    Returns:
        [size_px, size_px] uint8 class indices; of classes that cover a pixel equally, the first.
    """
    large = _render(markup, affine, size_px * SUPERSAMPLING, colours[0], crisp=True)
    classes = _class_of_corner(tuple(colours))[(large >> 7) @ np.array([4, 2, 1], dtype=np.uint8)]
    # The counts of all classes share one integer, FIELD bits each: one addition counts them all.
    counts = _sum_of_cells(np.left_shift(np.int64(1), FIELD * classes))
    best_class = np.zeros((size_px, size_px), dtype=np.uint8)
    best_count = counts & FIELD_MASK
    for index in range(1, len(colours)):
        count = (counts >> (FIELD * index)) & FIELD_MASK
        better = count > best_count
        best_class[better] = index
        np.maximum(best_count, count, out=best_count)
    return best_class


def rasterise_row(markup: str, affine: Affine, width_px: int) -> NDArray[np.uint8]:
    """Draw the topmost row of pixels of a figure, without antialiasing.

    Args:
        markup: SVG elements in figure coordinates.
        affine: figure coordinates -> the unit square of a frame `width_px` wide.
        width_px: pixels of the row.

    Returns:
        [width_px, 4] uint8: RGB and opacity.
    """
    black, white = (
        _render(markup, affine, width_px, ground, crisp=True, height_px=1)[0].astype(np.float32)
        for ground in ("#000000", "#ffffff")
    )
    opacity = np.clip(255 - (white - black).mean(axis=-1, keepdims=True), 0, 255)
    colour = np.clip(255 * black / np.maximum(opacity, 1), 0, 255)
    return np.rint(np.concatenate([colour, opacity], axis=-1)).astype(np.uint8)


def _sum_of_cells(values: NDArray) -> NDArray:
    """Return the sums over cells of SUPERSAMPLING x SUPERSAMPLING of the first two axes."""
    step = SUPERSAMPLING
    return sum(values[row::step, column::step] for row in range(step) for column in range(step))  # type: ignore[return-value]


@cache
def _class_of_corner(colours: tuple[str, ...]) -> NDArray[np.int64]:
    """Return the class [8] of each corner of the RGB cube (bits: red, green, blue): that of the nearest colour."""
    corners = np.array([[corner >> 2 & 1, corner >> 1 & 1, corner & 1] for corner in range(8)]) * 255
    palette = np.array([hex_to_rgb(colour) for colour in colours])
    return np.abs(corners[:, None, :] - palette).sum(-1).argmin(-1)


def apply_affine(affine: Affine, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Map points [..., 2] by an affine map."""
    return points @ affine[:, :2].T + affine[:, 2]


def compose(outer: Affine, inner: Affine) -> Affine:
    """Return the map that does `inner` first, then `outer`."""
    linear = outer[:, :2] @ inner[:, :2]
    return np.column_stack([linear, outer[:, :2] @ inner[:, 2] + outer[:, 2]])


def hex_to_rgb(colour: str) -> tuple[int, int, int]:
    """Return `#rrggbb` as three integers of 0-255."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def rgb_to_hex(rgb: Iterable[int]) -> str:
    """Return three integers of 0-255 as `#rrggbb`."""
    return "#" + "".join(f"{int(value):02x}" for value in rgb)


def _render(
    markup: str, affine: Affine, size_px: int, background: str, crisp: bool, height_px: int | None = None
) -> NDArray[np.uint8]:
    matrix = " ".join(f"{value:.6f}" for value in (affine * size_px).T.ravel())
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{size_px}" height="{height_px or size_px}">'
        f'<g transform="matrix({matrix})">{markup}</g></svg>'
    )
    png = resvg_py.svg_to_bytes(
        svg_string=svg,
        background=background,
        skip_system_fonts=True,
        shape_rendering="crisp_edges" if crisp else "geometric_precision",
    )
    with Image.open(io.BytesIO(png)) as image:
        return np.asarray(image.convert("RGB"))


def _clean(element: ElementTree.Element, prefix: str) -> None:
    element.tag = element.tag.rpartition("}")[2]
    element.text = element.tail = None
    for key, value in list(element.attrib.items()):
        del element.attrib[key]
        name = key.rpartition("}")[2]
        if name == "filter":  # drop shadows: invisible at the sizes drawn here, and slow
            continue
        if name == "id":
            value = prefix + value
        elif name == "href":
            value = value.replace("#", f"#{prefix}", 1)
        element.set(name, re.sub(r"url\(#", f"url(#{prefix}", value))
    for child in list(element):
        if not isinstance(child.tag, str) or child.tag.rpartition("}")[2] in NOT_DRAWN:
            element.remove(child)
        else:
            _clean(child, prefix)


def _paint(element: ElementTree.Element, colour: str, fill_opacity: float) -> None:
    style = dict(item.split(":", 1) for item in element.attrib.pop("style", "").split(";") if ":" in item)
    for key, value in style.items():
        element.set(key.strip(), value.strip())
    fill_opacity = float(element.attrib.pop("fill-opacity", fill_opacity)) * float(element.attrib.pop("opacity", 1.0))
    element.attrib.pop("mix-blend-mode", None)
    for key in ("fill", "stroke"):
        if element.get(key) not in (None, "none"):
            element.set(key, colour)
    for child in list(element):
        if child.tag in UNPAINTED:
            continue
        if _is_faint(child, fill_opacity):
            element.remove(child)
        else:
            _paint(child, colour, fill_opacity)


def _is_faint(shape: ElementTree.Element, inherited: float) -> bool:
    own = float(shape.get("fill-opacity", inherited)) * float(shape.get("opacity", 1.0))
    return len(shape) == 0 and own < FAINTEST_PART
