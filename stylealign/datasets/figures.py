"""What the avatar domains have in common: segmentation classes, key points, and the figure a domain draws."""

from dataclasses import dataclass, field
from functools import cache

import numpy as np
from numpy.typing import NDArray

from stylealign.datasets.vector import Affine, apply_affine, rasterise_classes

SEGMENTATION_CLASSES = ("background", "skin", "eyes", "eyewear", "mouth", "top", "clothes")
"""Skin, fur or shell; eyes; glasses and visors; mouth or muzzle with its beard; hair, hat, horns or antenna (and an
animal's ears); clothes."""

CLASS_COLOURS = ("#000000", "#ff0000", "#00ff00", "#00ffff", "#0000ff", "#ffff00", "#ff00ff")
"""The flat colour of each class in a part map: far apart, so no antialiased mixture is taken for a class."""

KEYPOINTS = ("left_eye", "right_eye", "mouth", "top", "face")
"""Centroids of the drawn parts; left and right as seen in the upright picture; `top` is what lies above the eyes."""

EYE_DISTANCE = 0.25
"""Distance of the eyes in the canonical place, as a share of the frame."""

EYE_CENTRE = (0.5, 0.46)
"""Point between the eyes in the canonical place, as a share of the frame."""


@dataclass(frozen=True)
class Figure:
    """One drawn figure, before its pose: markup in the artwork's own coordinates.

    Attributes:
        markup: SVG elements in their true colours.
        part_markup: the same shapes, each in the flat colour of its class (`CLASS_COLOURS`).
        keypoints: [K, 2] in the artwork's coordinates; NaN where the part is absent.
        placement: artwork coordinates -> the canonical place in the unit frame.
        attributes: name -> name of the value.
    """

    markup: str
    part_markup: str
    keypoints: NDArray[np.float64]
    placement: Affine
    attributes: dict[str, str] = field(default_factory=dict)


def class_colour(name: str) -> str:
    """Return the flat colour of a segmentation class."""
    return CLASS_COLOURS[SEGMENTATION_CLASSES.index(name)]


def placement(eye_centre: tuple[float, float], eye_distance: float, tilt_rad: float = 0.0) -> Affine:
    """Return the map from artwork coordinates to the canonical place in the unit frame.

    Args:
        eye_centre, eye_distance: point between the eyes, and their distance, in the artwork.
        tilt_rad: clockwise turn of the line between the eyes in the artwork, which is taken back.
    """
    scale = EYE_DISTANCE / eye_distance
    if not tilt_rad:
        x, y = eye_centre
        return np.array([[scale, 0.0, EYE_CENTRE[0] - scale * x], [0.0, scale, EYE_CENTRE[1] - scale * y]])
    cosine, sine = scale * np.cos(tilt_rad), scale * np.sin(tilt_rad)
    linear = np.array([[cosine, sine], [-sine, cosine]])
    return np.column_stack([linear, np.array(EYE_CENTRE) - linear @ np.array(eye_centre)])


@cache
def _coverage(part_markup: str, name: str, left: float, top: float, size: float) -> NDArray[np.float64]:
    """Return the artwork coordinates [n, 2] of the raster points that a part of class `name` covers."""
    pixels = 256
    affine = np.array([[1 / size, 0.0, -left / size], [0.0, 1 / size, -top / size]])
    mask = rasterise_classes(part_markup, affine, pixels, CLASS_COLOURS) == SEGMENTATION_CLASSES.index(name)
    rows, columns = np.nonzero(mask)
    return np.column_stack([columns + 0.5, rows + 0.5]) * (size / pixels) + (left, top)


def part_points(part_markup: str, name: str, to_frame: Affine) -> NDArray[np.float64]:
    """Return the artwork coordinates [n, 2] that a part alone covers, over one and a half frames."""
    scale = to_frame[0, 0]
    left, top = (np.array([-0.25, -0.25]) - to_frame[:, 2]) / scale
    return _coverage(part_markup, name, float(left), float(top), float(1.5 / scale))


def centroid(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean [2] of points [n, 2]; NaN when there are none."""
    return points.mean(axis=0) if len(points) else np.full(2, np.nan)


def part_keypoints(eyes: str, mouth: str, top: str, face: tuple[float, float], to_frame: Affine) -> NDArray[np.float64]:
    """Return the key points [K, 2] of a figure from the flat markup of its parts, in artwork coordinates."""
    eye_points = part_points(eyes, "eyes", to_frame)
    middle, eye_line = (np.array(EYE_CENTRE) - to_frame[:, 2]) / to_frame[0, 0]
    top_points = part_points(top, "top", to_frame) if top else np.empty((0, 2))
    return np.stack(
        [
            centroid(eye_points[eye_points[:, 0] < middle]),
            centroid(eye_points[eye_points[:, 0] >= middle]),
            centroid(part_points(mouth, "mouth", to_frame)),
            centroid(top_points[top_points[:, 1] < eye_line]),
            np.array(face, dtype=np.float64),
        ]
    )


def to_pixels(affine: Affine, points: NDArray[np.float64], size_px: int) -> NDArray[np.float32]:
    """Map artwork points [K, 2] through artwork -> unit frame to pixels (x, y); pixel centres lie at .5."""
    return (apply_affine(affine, points) * size_px).astype(np.float32)
