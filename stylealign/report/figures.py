"""Figures: labelled rows of images, label overlays. Imports no torch."""

import colorsys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stylealign.datasets.annotations import UNKNOWN_CLASS
from stylealign.errors import StyleAlignError
from stylealign.report.sheets import FONT_PX, Pixels, enlarge, labelled_rows

CELL_PX = 128
"""Images smaller than this are enlarged by a whole factor up to it."""

CLASS_COLOURS = {
    "background": (96, 96, 96),
    "skin": (255, 196, 128),
    "eyes": (32, 96, 255),
    "eyewear": (0, 200, 220),
    "mouth": (230, 25, 75),
    "top": (150, 60, 200),
    "clothes": (40, 180, 99),
}
"""RGB of the drawn domains' classes, wherever they stand; others get `_further_colours`."""
_HUES, _TONES = 60, ((0.85, 0.95), (0.45, 1.0), (0.9, 0.6), (0.5, 0.75), (1.0, 0.35))
"""Hues, and saturations with values, among which these are."""

POINT_COLOUR = (255, 255, 0)
COLOUR_SHARE = 0.6


def image_rows(rows: Mapping[str, Pixels], lines: int = 1, font_px: int = FONT_PX) -> Pixels:
    """Return labelled rows of images.

    Args:
        rows: images `[N, 3, r, r]` uint8 of each label, all of one resolution.
        lines: lines that each label's images fill.
        font_px: height of the labels.

    Returns:
        `[3, height, width]` uint8.

    Raises:
        StyleAlignError: images of different resolution.
    """
    sizes = {name: images.shape[-1] for name, images in rows.items()}
    if len(set(sizes.values())) != 1:
        told = ", ".join(f"{name} {size} px" for name, size in sizes.items())
        raise StyleAlignError(f"rows of images of different resolution ({told}); give models and images of one")
    labelled = []
    for name, images in rows.items():
        larger = enlarge(images, max(1, CELL_PX // images.shape[-1]))
        columns = -(-len(larger) // lines)
        labelled += [
            (name if line == 0 else "", larger[line * columns : (line + 1) * columns]) for line in range(lines)
        ]
    return labelled_rows([row for row in labelled if len(row[1])], font_px=font_px)


def tiled(sheet: Pixels, blocks: int, row_gap: int = 2, gap: int = 24) -> Pixels:
    """Return a sheet of equally high blocks, one under another, in as many columns as make it no taller than wide.

    A viewer that fits an image to its window's width cuts the ends of one that is taller. Columns that no block would
    stand in are left out, even where the sheet is then taller by up to half.

    Args:
        sheet: `[3, height, width]` uint8, `blocks` blocks with `row_gap` pixels between them.
        blocks: how many blocks.
        row_gap: pixels between blocks.
        gap: white pixels between columns.

    Returns:
        `[3, height, width]` uint8, block after block from the top of the first column.
    """
    pitch, width = (sheet.shape[1] + row_gap) // blocks, sheet.shape[2]
    assert blocks * pitch - row_gap == sheet.shape[1], "blocks of one height"
    fits = (n for n in range(1, blocks + 1) if -(-blocks // n) * pitch <= n * width + row_gap)
    lines = -(-blocks // next(fits, blocks))
    columns = -(-blocks // lines)
    canvas = np.full((3, lines * pitch - row_gap, columns * (width + gap) - gap), 255, np.uint8)
    for column in range(columns):
        part = sheet[:, column * lines * pitch : (column + 1) * lines * pitch - row_gap]
        canvas[:, : part.shape[1], column * (width + gap) : column * (width + gap) + width] = part
    return canvas


def stacked(sheets: Mapping[Any, Pixels], gap: int = 6) -> Pixels:
    """Return sheets `[3, h, w]` of any size one under another on white, `[3, height, width]` uint8."""
    width = max(sheet.shape[2] for sheet in sheets.values())
    height = sum(sheet.shape[1] + gap for sheet in sheets.values()) - gap
    canvas = np.full((3, height, width), 255, np.uint8)
    top = 0
    for sheet in sheets.values():
        canvas[:, top : top + sheet.shape[1], : sheet.shape[2]] = sheet
        top += sheet.shape[1] + gap
    return canvas


def segmentation_overlay(images: Pixels, classes: NDArray[np.uint8], names: Sequence[str]) -> Pixels:
    """Return images with each class in its colour.

    Args:
        images: `[N, 3, H, W]` uint8.
        classes: `[N, H, W]` indices into `names`.
        names: of the classes, the background first (`class_colours`).

    Returns:
        `[N, 3, H, W]` uint8; the background, and where no class is known, keep the image's own colours.
    """
    assert classes.shape == (len(images), *images.shape[2:]), f"{classes.shape} classes for {images.shape} images"
    classes = np.where(classes == UNKNOWN_CLASS, 0, classes)
    colours = class_colours(names)[classes].transpose(0, 3, 1, 2)
    mixed = images * (1 - COLOUR_SHARE) + colours * COLOUR_SHARE
    return np.where(classes[:, None] == 0, images, mixed.round().astype(np.uint8))


def class_colours(names: Sequence[str]) -> NDArray[np.uint8]:
    """Return the RGB `[N, 3]` of classes: of drawn ones by name, of others by their order among those that are none.

    So lists that name the others in one order have one colour for each class.
    """
    further = iter(_further_colours())
    found = [CLASS_COLOURS[name] if name in CLASS_COLOURS else next(further) for name in names]
    return np.reshape(found, (-1, 3)).astype(np.uint8)


@cache
def _further_colours() -> list[tuple[int, ...]]:
    """Return colours, each as far as can be from those of the drawn classes and from all before it."""
    tones = [colorsys.hsv_to_rgb(hue / _HUES, *tone) for tone in _TONES for hue in range(_HUES)]
    choice = np.round(255 * np.array(tones))
    apart = np.min([np.abs(choice - own).sum(axis=1) for own in CLASS_COLOURS.values()], axis=0)
    found = []
    for _ in choice:
        place = int(apart.argmax())
        found.append(tuple(int(value) for value in choice[place]))
        apart = np.minimum(apart, np.abs(choice - choice[place]).sum(axis=1))
        apart[place] = -1
    return found


def mark_points(images: Pixels, points: NDArray[np.float32], shown: NDArray[np.bool_], scale: int = 1) -> Pixels:
    """Return images, enlarged by `scale`, with a square on every shown point.

    Args:
        images: `[N, 3, H, W]` uint8.
        points: `[N, K, 2]` (x, y) in pixels of `images`.
        shown: `[N, K]`: which points to draw.
        scale: whole factor of enlargement.

    Returns:
        `[N, 3, H * scale, W * scale]` uint8.
    """
    larger = enlarge(images, scale).copy()
    height, width = larger.shape[2:]
    radius = max(1, height // 64)
    for index, point in zip(*np.nonzero(shown), strict=True):
        x, y = (int(value) for value in points[index, point] * scale)
        if 0 <= x < width and 0 <= y < height:
            top, left = max(0, y - radius), max(0, x - radius)
            larger[index, :, top : y + radius + 1, left : x + radius + 1] = np.reshape(POINT_COLOUR, (3, 1, 1))
    return larger


def read_sheet(path: str | Path) -> Pixels:
    """Read an image file as `[3, H, W]` uint8 RGB.

    Raises:
        StyleAlignError: missing or not an image.
    """
    try:
        with Image.open(path) as image:
            return np.asarray(image.convert("RGB")).transpose(2, 0, 1)
    except FileNotFoundError as error:
        raise StyleAlignError(f"{path}: no such file") from error
    except (OSError, SyntaxError, ValueError) as error:
        raise StyleAlignError(f"{path}: cannot be read as an image ({error}); make it again") from error
