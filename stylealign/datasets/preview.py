"""A contact sheet of a data set."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from stylealign.datasets.conversion import PREVIEW_KEY, PREVIEW_TEXT
from stylealign.files import atomic_path

COLUMNS = 12
ROWS = 8


def write_preview(path: str | Path, images: NDArray[np.uint8], columns: int = COLUMNS) -> None:
    """Write images, uint8 [N, 3, H, W], as one PNG of `columns` tiles a row."""
    count, _, height, width = images.shape
    rows = -(-count // columns)
    sheet = np.full((rows * columns, 3, height, width), 255, dtype=np.uint8)
    sheet[:count] = images
    sheet = sheet.reshape(rows, columns, 3, height, width).transpose(0, 3, 1, 4, 2)
    marks = PngInfo()
    marks.add_text(PREVIEW_KEY, PREVIEW_TEXT)  # an import leaves out what has it
    with atomic_path(path) as temporary:
        Image.fromarray(sheet.reshape(rows * height, columns * width, 3)).save(temporary, format="PNG", pnginfo=marks)
