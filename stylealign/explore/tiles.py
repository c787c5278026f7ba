"""The images of the page as HTML and as files."""

import base64
import html
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from stylealign.explore.scene import Pixels, Tile
from stylealign.report.sheets import enlarge, grid, labelled_rows, save_png
from stylealign.report.video import video_writer

LARGEST_PNG_PX = 128
"""Larger images travel to the page as WebP, which is smaller and quicker to write."""
LEAST_SIDE_PX = 256
MOST_WIDE, MOST_NARROW = 8, 4
"""Images of a row at most, on a wide screen and on a phone."""
FPS = 24


def as_html(tiles: Sequence[Tile]) -> str:
    """Return the tiles as figures; the images are inside."""
    figures = "".join(
        f'<figure><img{_class(tile.pixels)} src="{_data_uri(tile.pixels)}" alt="{html.escape(tile.name)}">'
        f"<figcaption>{html.escape(tile.name)}</figcaption></figure>"
        for tile in tiles
    )
    wide, narrow = (columns_of(len(tiles), most) for most in (MOST_WIDE, MOST_NARROW))
    return f'<div class="tiles" style="--wide: {wide}; --narrow: {narrow}">{figures}</div>'


def columns_of(count: int, most: int) -> int:
    """Return how many columns, `most` at most, show `count` images in as few rows as can be, and those alike."""
    rows = max(1, -(-count // most))
    return -(-count // rows)


def save_picture(path: Path, tiles: Sequence[Tile]) -> None:
    """Write the tiles side by side under their names, small images enlarged."""
    pixels = enlarge(np.stack([tile.pixels for tile in tiles]), _factor(tiles[0].pixels))
    save_png(path, labelled_rows([("", pixels)], gap=6, heads=[tile.name for tile in tiles]))


def save_morph(path: Path, frames: Iterable[Pixels]) -> None:
    """Write frames `[C, 3, r, r]` there and back as a video, C morphs side by side."""
    rows = [grid(enlarge(frame, _factor(frame)), len(frame)) for frame in frames]
    with video_writer(path, FPS) as write:
        for row in [*rows, *rows[-2:0:-1]]:
            write(row)


def _factor(pixels: Pixels) -> int:
    return -(-LEAST_SIDE_PX // pixels.shape[-1])


def _class(pixels: Pixels) -> str:
    """Return the class of small images: shown as they are, as in the saved picture, and not blurred."""
    return ' class="small"' if max(pixels.shape) <= LARGEST_PNG_PX else ""


def _data_uri(pixels: Pixels) -> str:
    file = io.BytesIO()
    image = Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0)))
    if max(image.size) <= LARGEST_PNG_PX:
        image.save(file, format="PNG", compress_level=1)
        kind = "png"
    else:
        image.save(file, format="WEBP", quality=90, method=0)
        kind = "webp"
    return f"data:image/{kind};base64,{base64.b64encode(file.getvalue()).decode()}"
