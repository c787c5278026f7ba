"""Crops of faces by five landmarks, with the geometry of CelebA-HQ and FFHQ (Karras et al. 2018, arXiv 1710.10196,
appendix C).

The points are the user's, from any detector, or those that `face_finding` finds.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

POINTS = ("left_eye", "right_eye", "nose", "left_mouth", "right_mouth")
"""The landmarks, left and right as seen by the viewer."""

_EYES_TO_SIZE, _MOUTH_TO_SIZE, _DOWN = 4.0, 3.6, 0.1
_OVERSAMPLING = 4


def crop_rectangle(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the corners `[4, 2]` of the rotated square that the face is cropped to.

    With the vector x' between the eyes and y' from the middle of the mouth to the middle of the eyes, the centre is the
    middle of the eyes - 0.1 y', the side max(4.0 |x'|, 3.6 |y'|), and the axis x the direction of x' - rotate90(y').

    Args:
        points: `[5, 2]` (x, y) in the order of `POINTS`; the nose is not used.

    Returns:
        Top left, bottom left, bottom right, top right, as (x, y).
    """
    left_eye, right_eye, _, left_mouth, right_mouth = points
    eyes = (left_eye + right_eye) / 2
    across, up = right_eye - left_eye, eyes - (left_mouth + right_mouth) / 2
    centre = eyes - _DOWN * up
    side = max(_EYES_TO_SIZE * np.hypot(*across), _MOUTH_TO_SIZE * np.hypot(*up))
    x = across - _rotated(up)
    x *= side / 2 / max(float(np.hypot(*x)), 1e-9)
    y = -_rotated(x)  # downwards, as pixels are counted
    return np.stack([centre - x - y, centre - x + y, centre + x + y, centre + x - y])


def _rotated(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a vector turned by 90 degrees: to the right becomes upwards."""
    return np.array([vector[1], -vector[0]])


def align_face(image: Image.Image, points: NDArray[np.float64], size_px: int) -> Image.Image:
    """Return the crop of a face as a square; where it reaches over the border, the picture is mirrored.

    Args:
        image: RGB picture.
        points: `[5, 2]` landmarks in its pixels.
        size_px: height and width of the result.
    """
    corners = crop_rectangle(points)
    low, high = np.floor(corners.min(axis=0)).astype(int) - 1, np.ceil(corners.max(axis=0)).astype(int) + 1
    pixels = np.asarray(image)
    columns, rows = (mirrored_places(np.arange(low[axis], high[axis]), image.size[axis]) for axis in (0, 1))
    around = Image.fromarray(pixels[rows[:, None], columns[None, :]])
    quad = tuple((corners - low).ravel())
    size = size_px * _OVERSAMPLING
    large = around.transform((size, size), Image.Transform.QUAD, quad, Image.Resampling.BILINEAR)
    return large.resize((size_px, size_px), Image.Resampling.LANCZOS)


def mirrored_places(places: NDArray[np.int64], length: int) -> NDArray[np.int64]:
    """Return indices in [0, length) for any, mirrored at the borders."""
    folded = np.mod(places, 2 * length)
    return np.where(folded < length, folded, 2 * length - 1 - folded)
