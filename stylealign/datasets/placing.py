"""Where a square image lies in the picture that it was made of: labels move as the pixels do."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stylealign.config import SquareFit
from stylealign.datasets.annotations import UNKNOWN_CLASS
from stylealign.datasets.conversion import Upright
from stylealign.datasets.faces import crop_rectangle, mirrored_places

MIRRORING = (
    Image.Transpose.FLIP_LEFT_RIGHT,
    Image.Transpose.FLIP_TOP_BOTTOM,
    Image.Transpose.TRANSPOSE,
    Image.Transpose.TRANSVERSE,
)
"""Turns after which left is right."""


@dataclass(frozen=True)
class Placing:
    """The way from a picture to a square image of it.

    Attributes:
        stored_px, upright_px: (width, height) of the picture in its file, and as it is shown.
        turn: what turns the one into the other.
        corner: (x, y) of the square's top left corner in the upright picture, pixel centres at .5.
        across, down: vectors in the upright picture along the square's whole width and height.
        size_px: height and width of the square image.
        reaches_over: whether what lies beyond the picture's border is the picture mirrored; nothing otherwise.
    """

    stored_px: tuple[int, int]
    upright_px: tuple[int, int]
    turn: Image.Transpose | None
    corner: NDArray[np.float64]
    across: NDArray[np.float64]
    down: NDArray[np.float64]
    size_px: int
    reaches_over: bool = False

    @property
    def is_mirrored(self) -> bool:
        """Whether turning the picture upright exchanges left and right."""
        return self.turn in MIRRORING

    def turned(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return points `[..., 2]` of the stored picture as points of the upright one."""
        width, height = self.stored_px
        x, y = points[..., 0], points[..., 1]
        moved = {
            None: (x, y),
            Image.Transpose.FLIP_LEFT_RIGHT: (width - x, y),
            Image.Transpose.ROTATE_180: (width - x, height - y),
            Image.Transpose.FLIP_TOP_BOTTOM: (x, height - y),
            Image.Transpose.TRANSPOSE: (y, x),
            Image.Transpose.ROTATE_270: (height - y, x),
            Image.Transpose.TRANSVERSE: (height - y, width - x),
            Image.Transpose.ROTATE_90: (y, width - x),
        }[self.turn]
        return np.stack(moved, axis=-1)

    def points(self, points: NDArray[np.float64]) -> NDArray[np.float32]:
        """Return points `[..., 2]` of the upright picture as points of the square image, in its pixels."""
        basis = np.stack([self.across, self.down], axis=1) / self.size_px
        return ((points - self.corner) @ np.linalg.inv(basis).T).astype(np.float32)

    def mask(self, mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return a class map `[h, w]` of the upright picture, or a smaller or larger one of it, as the square's.

        Each pixel takes the class at its centre; beyond the border it is `UNKNOWN_CLASS` where the image shows nothing.
        """
        steps = (np.arange(self.size_px) + 0.5) / self.size_px
        places = self.corner + steps[None, :, None] * self.across + steps[:, None, None] * self.down
        scale = np.array(mask.shape[::-1]) / self.upright_px
        columns, rows = np.moveaxis(np.floor(places * scale).astype(np.int64), -1, 0)
        height, width = mask.shape
        inside = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
        found = mask[mirrored_places(rows, height), mirrored_places(columns, width)]
        return found if self.reaches_over else np.where(inside, found, UNKNOWN_CLASS).astype(np.uint8)

    def points_back(self, points: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return points `[..., 2]` of the square image as points of the upright picture, in its pixels."""
        basis = np.stack([self.across, self.down], axis=1) / self.size_px
        return points.astype(np.float64) @ basis.T + self.corner

    def mask_back(self, mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return a class map `[size_px, size_px]` of the square image as one `[h, w]` of the upright picture.

        Each pixel takes the class at its centre; it is `UNKNOWN_CLASS` where the square does not reach.
        """
        width, height = self.upright_px
        inverse = np.linalg.inv(np.stack([self.across, self.down], axis=1) / self.size_px)
        x, y = np.arange(width) + 0.5 - self.corner[0], np.arange(height)[:, None] + 0.5 - self.corner[1]
        columns, rows = (np.floor(axis[0] * x + axis[1] * y).astype(np.int32) for axis in inverse)
        inside = (columns >= 0) & (columns < self.size_px) & (rows >= 0) & (rows < self.size_px)
        last = self.size_px - 1
        found = mask[rows.clip(0, last), columns.clip(0, last)]
        return np.where(inside, found, UNKNOWN_CLASS).astype(np.uint8)


def placed(picture: Upright, size_px: int, fit: SquareFit) -> Placing:
    """Return where the square image of `fit_image` lies in its picture."""
    width, height = picture.image.size
    if fit == "crop":
        side = min(width, height)
        spans = [((length - side) / 2, float(side)) for length in (width, height)]
    else:
        longer = max(width, height)
        spans = [_letterboxed(length, longer, size_px) for length in (width, height)]
    (left, across), (top, down) = spans
    vectors = np.array([left, top]), np.array([across, 0.0]), np.array([0.0, down])
    return Placing(picture.stored_px, picture.image.size, picture.turn, *vectors, size_px)


def _letterboxed(length: int, longer: int, size_px: int) -> tuple[float, float]:
    """Return where a square's side starts in a picture's, and its length there: pictures cover whole pixels of it."""
    covered = max(1, round(length / longer * size_px))
    margin = round((size_px - covered) * 0.5)
    pixel = length / covered
    return -margin * pixel, size_px * pixel


def placed_face(picture: Upright, points: NDArray[np.float64], size_px: int) -> Placing:
    """Return where the crop of `align_face` lies in its picture.

    Args:
        picture: the picture.
        points: `[5, 2]` landmarks in its pixels.
        size_px: size of the crop.
    """
    top_left, bottom_left, _, top_right = crop_rectangle(points)
    vectors = top_left, top_right - top_left, bottom_left - top_left
    return Placing(picture.stored_px, picture.image.size, picture.turn, *vectors, size_px, reaches_over=True)
