"""Sheets: images side by side in one PNG. `figures.py` and the verbs build theirs from these functions."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont, PngImagePlugin

from stylealign.errors import StyleAlignError
from stylealign.files import atomic_path, printable, require_suffix

Pixels = NDArray[np.uint8]

PICTURES: dict[str, tuple[str, dict[str, Any], int]] = {
    ".png": ("PNG", {}, 2**31 - 1),
    ".jpg": ("JPEG", {"quality": 95, "subsampling": 0}, 65_500),
    ".jpeg": ("JPEG", {"quality": 95, "subsampling": 0}, 65_500),
    ".webp": ("WEBP", {"lossless": True}, 16_383),
}
"""Suffix -> format, how it is written, and its longest side."""

_BACKGROUND = 255
FONT_PX = 13
ROWS_NOTE = "rows"
"""Name of the text in a PNG that says where its rows are (`rows_note`)."""
CLASSES_NOTE = "classes"
"""Name of the text in a PNG that says which colours its classes have: JSON, name -> [red, green, blue]."""


def grid(images: Pixels, columns: int, gap: int = 0) -> Pixels:
    """Lay out `[N, 3, H, W]` uint8 row by row; cells left over are white.

    Args:
        images: the cells.
        columns: cells of a row.
        gap: white pixels between cells.

    Returns:
        `[3, rows * (H + gap) - gap, columns * (W + gap) - gap]` uint8.
    """
    assert images.dtype == np.uint8 and images.ndim == 4 and images.shape[1] == 3, "images must be [N, 3, H, W] uint8"
    assert len(images) and columns > 0, "a grid needs images and columns"
    _, _, height, width = images.shape
    rows = -(-len(images) // columns)
    sheet = np.full((3, rows * (height + gap) - gap, columns * (width + gap) - gap), _BACKGROUND, np.uint8)
    for index, image in enumerate(images):
        top, left = index // columns * (height + gap), index % columns * (width + gap)
        sheet[:, top : top + height, left : left + width] = image
    return sheet


def labelled_rows(
    rows: Sequence[tuple[str, Pixels]], gap: int = 2, font_px: int = FONT_PX, heads: Sequence[str] = ()
) -> Pixels:
    """Lay out one labelled row of images under another, columns aligned.

    Args:
        rows: label and images `[N, 3, H, W]` uint8 of each row; rows may differ in N, not in H and W.
        gap: white pixels between cells.
        font_px: height of the labels.
        heads: labels of the columns, above the first row.

    Returns:
        `[3, height, width]` uint8, the labels in a margin on the left.
    """
    rows = [(printable(label), images) for label, images in rows]
    columns = max(len(images) for _, images in rows)
    strips = [grid(images, columns, gap) for _, images in rows]
    margin = max(_text_width(label, font_px) for label, _ in rows) + 8
    height, width = strips[0].shape[1:]
    sheet = np.full((3, len(rows) * (height + gap) - gap, margin + width), _BACKGROUND, np.uint8)
    for number, ((label, _), strip) in enumerate(zip(rows, strips, strict=True)):
        top = number * (height + gap)
        sheet[:, top : top + height, margin:] = strip
        sheet[:, top : top + height, :margin] = _label(label, margin, height, font_px)
    if not heads:
        return sheet
    cell = rows[0][1].shape[-1]
    above = np.full((3, font_px + 6, margin + width), _BACKGROUND, np.uint8)
    for column, head in enumerate(heads):
        left = margin + column * (cell + gap)
        above[:, :, left : left + cell] = _label(printable(head), cell, font_px + 6, font_px)
    return np.concatenate([above, sheet], axis=1)


def heading(text: str, width: int, font_px: int = FONT_PX) -> Pixels:
    """Return a line of text in black on white, `[3, height, width]` uint8."""
    return _label(printable(text), width, font_px + 10, font_px)


def enlarge(images: Pixels, factor: int) -> Pixels:
    """Repeat every pixel of `[..., H, W]` `factor` times along both axes."""
    return images.repeat(factor, axis=-2).repeat(factor, axis=-1)


def rows_note(labels: Sequence[str], columns: int, height: int, width: int, gap: int = 2) -> str:
    """Return what a PNG of labelled rows of square images says of itself: where its rows are, as JSON.

    Args:
        labels: of the rows, each one line of images.
        columns: images of a row.
        height, width: of the sheet that `labelled_rows` made of them, without heads.
        gap: pixels between cells.
    """
    cell = (height + gap) // len(labels) - gap
    margin = width - columns * (cell + gap) + gap
    return json.dumps({"labels": list(labels), "columns": columns, "cell_px": cell, "gap_px": gap, "left_px": margin})


def save_picture(path: str | Path, image: Pixels, notes: Mapping[str, str] | None = None) -> None:
    """Write `[3, H, W]` uint8 in the format that the suffix of `path` names (`PICTURES`), atomically.

    Args:
        path: the file.
        image: the picture.
        notes: texts by name, which a PNG keeps.

    Raises:
        StyleAlignError: another suffix, or more pixels than the format takes.
    """
    require_suffix(path, PICTURES, "a picture")
    kind, options, most_px = PICTURES[Path(path).suffix.lower()]
    if max(image.shape[1:]) > most_px:
        raise StyleAlignError(f"{path}: a {kind} has at most {most_px} px a side, not {max(image.shape[1:])}; use .png")
    if kind == "PNG" and notes:
        options = {**options, "pnginfo": _png_info(notes)}
    _save(path, image, kind, options)


def _png_info(notes: Mapping[str, str]) -> PngImagePlugin.PngInfo:
    info = PngImagePlugin.PngInfo()
    for name, text in notes.items():
        info.add_itxt(name, text)
    return info


def save_png(path: str | Path, image: Pixels) -> None:
    """Write `[3, H, W]` uint8 as a PNG, atomically, whatever the suffix."""
    _save(path, image, "PNG", {})


def _save(path: str | Path, image: Pixels, kind: str, options: dict[str, Any]) -> None:
    assert image.dtype == np.uint8 and image.ndim == 3 and image.shape[0] == 3, "an image must be [3, H, W] uint8"
    with atomic_path(path) as temporary:
        Image.fromarray(np.ascontiguousarray(image.transpose(1, 2, 0))).save(temporary, format=kind, **options)


def _font(font_px: int) -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    return ImageFont.load_default(font_px)


def _text_width(text: str, font_px: int) -> int:
    return int(np.ceil(_font(font_px).getlength(text)))


def _label(text: str, width: int, height: int, font_px: int) -> Pixels:
    """Return `text` in black on white, vertically centred, `[3, height, width]` uint8."""
    canvas = Image.new("RGB", (width, height), (_BACKGROUND,) * 3)
    ImageDraw.Draw(canvas).text((4, height / 2), text, fill=(0, 0, 0), font=_font(font_px), anchor="lm")
    return np.asarray(canvas).transpose(2, 0, 1)
