"""A picture as the square images of a set, and where each of them lies in it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stylealign.config import Faces, Fit
from stylealign.datasets.conversion import NotConvertible, Upright, fit_image
from stylealign.datasets.face_finding import find_faces, five_points
from stylealign.datasets.faces import align_face
from stylealign.datasets.placing import Placing, placed, placed_face


@dataclass(frozen=True)
class Square:
    """A square image of a picture.

    Attributes:
        pixels: `[3, r, r]` uint8.
        changes: what was done to the picture, in words.
        placing: where it lies in the picture.
        face: `[68, 2]` points of the face it is a crop of, or that was looked for in it, in the upright picture; None:
            there is none.
        faceless: why none was found, where it was looked for.
        is_of_several: whether the picture has several faces that are taken: its labels may be of any of them.
    """

    pixels: NDArray[np.uint8]
    changes: list[str]
    placing: Placing
    face: NDArray[np.float64] | None = None
    faceless: str = ""
    is_of_several: bool = False


def squares_of(picture: Upright, size_px: int, fit: Fit, faces: Faces) -> list[Square]:
    """Return the square images of a picture: one, or with all faces one a face.

    Raises:
        NotConvertible: no face, or several where one is wanted.
        StyleAlignError: faces are to be found, and the extra for it is not installed.
    """
    if fit != "face":
        pixels, changes = fit_image(picture.image, size_px, fit, picture.changes)
        return [Square(pixels, changes, placed(picture, size_px, fit))]
    squares, chosen = [], chosen_faces(picture, faces)
    for points in chosen:
        five = five_points(points)
        pixels = np.asarray(align_face(picture.image, five, size_px)).transpose(2, 0, 1)
        placing = placed_face(picture, five, size_px)
        changes = [*picture.changes, "aligned by the face found"]
        squares.append(Square(pixels, changes, placing, points, is_of_several=len(chosen) > 1))
    return squares


def chosen_faces(picture: Upright, faces: Faces) -> list[NDArray[np.float64]]:
    """Return the points of the faces of a picture that are taken.

    Raises:
        NotConvertible: no face, or several where one is wanted.
    """
    found = find_faces(picture.image)
    if not found:
        raise NotConvertible("no face")
    if len(found) > 1 and faces == "one":
        raise NotConvertible(f"several faces ({len(found)}; --faces largest or all takes them)")
    return found if faces == "all" else found[:1]
