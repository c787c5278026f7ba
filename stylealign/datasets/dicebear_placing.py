"""Where a figure of a DiceBear style stands: key points and canonical place, from where single components are drawn."""

from functools import cache

import numpy as np
from dicebear import Avatar
from numpy.typing import NDArray

from stylealign.datasets.dicebear_artwork import Artwork, Variants, artwork, options_of, with_outer
from stylealign.datasets.dicebear_markup import as_markup
from stylealign.datasets.figures import KEYPOINTS, centroid, placement
from stylealign.datasets.vector import Affine, rasterise_classes

SMALLEST_GAP = 0.15
"""Width of the gap between two eyes, as a share of the distance of their centroids, below which they are one piece."""

LARGEST_SHARE = 6
"""Area of one eye over the other's, above which the smaller one is a speck (a wink is a line)."""

LARGEST_SPREAD = 1.45
"""Distance of a figure's eyes over the style's mean, or under, beyond which the style's mean places it: two eyes drawn
close together would blow the figure up."""

_MASK_PX = 256
_MARGIN = 0.25


@cache
def component_mask(style: str, chain: tuple[tuple[str, str], ...], class_name: str | None = None) -> NDArray[np.bool_]:
    """Return where the first component of a chain alone is drawn, `[256, 256]`, over the canvas and a quarter around.

    Args:
        style: name of the style.
        chain: a component and what contains it, each with its variant.
        class_name: its shapes of this class; None for all.
    """
    art = artwork(style)
    flat = as_markup(Avatar(art.flat, options_of(art, dict(chain))).to_string(), art.width, ())
    wanted = chain[0][0]
    alone = art.flattened.recolour(
        flat, lambda part, name: "#ffffff" if part == wanted and class_name in (None, name) else "none"
    )
    scale = 1 / (art.width * (1 + 2 * _MARGIN))
    corner = _MARGIN / (1 + 2 * _MARGIN)
    affine = np.array([[scale, 0.0, corner], [0.0, scale, corner]])
    return rasterise_classes(alone, affine, _MASK_PX, ("#000000", "#ffffff")) == 1


def _points(art: Artwork, mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the artwork coordinates `[n, 2]` of a component's mask."""
    rows, columns = np.nonzero(mask)
    size = art.width * (1 + 2 * _MARGIN)
    return (np.column_stack([columns, rows]).astype(np.float64) + 0.5) * (size / _MASK_PX) - _MARGIN * art.width


@cache
def eyes_of(style: str, chain: tuple[tuple[str, str], ...]) -> NDArray[np.float64] | None:
    """Return the centroids `[2, 2]` of a figure's eyes, left one first; None where they are not two."""
    art = artwork(style)
    mask = component_mask(style, chain, "eyes")
    return two_eyes(_points(art, mask))


def two_eyes(points: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Return the centroids `[2, 2]` of two eyes, left one first, from what they cover, `[n, 2]`; None for one piece.

    They are two where one gap between the covered columns is wide, no other is nearly as wide (three eyes in a row),
    and neither side is a speck beside the other.
    """
    columns = np.unique(points[:, 0])
    if len(columns) < 2:
        return None
    gaps = np.diff(columns)
    widest = int(np.argmax(gaps))
    left = points[:, 0] <= columns[widest]
    eyes = np.stack([points[left].mean(axis=0), points[~left].mean(axis=0)])
    small, large = sorted([left.sum(), (~left).sum()])
    other_gaps = np.delete(gaps, widest).max(initial=0.0)
    alone = gaps[widest] >= 2 * other_gaps and gaps[widest] >= SMALLEST_GAP * (eyes[1, 0] - eyes[0, 0])
    return eyes if alone and small * LARGEST_SHARE >= large else None


@cache
def _mean_eyes(style: str, outer: tuple[tuple[str, str], ...]) -> NDArray[np.float64]:
    """Return the mean place `[2, 2]` of the style's eyes that are two."""
    art = artwork(style)
    names = art.definition["components"][art.entry.eyes]["variants"]
    found: list[NDArray[np.float64] | None] = [eyes_of(style, ((art.entry.eyes, name), *outer)) for name in names]
    return np.stack([eyes for eyes in found if eyes is not None]).mean(axis=0)


def _placing_eyes(art: Artwork, variants: Variants) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the eyes `[2, 2]` that place a figure, its own where they are two, and the style's mean eyes `[2, 2]`."""
    chain = with_outer(art, variants, art.entry.eyes)
    eyes, mean = eyes_of(art.name, chain), _mean_eyes(art.name, chain[1:])
    if eyes is None or not 1 / LARGEST_SPREAD < _distance(eyes) / _distance(mean) < LARGEST_SPREAD:
        return mean, mean
    return eyes, mean


def _distance(eyes: NDArray[np.float64]) -> float:
    return float(np.hypot(*(eyes[1] - eyes[0])))


def place_of(art: Artwork, variants: Variants) -> Affine:
    """Return the map that brings the figure's eyes to the canonical place; what is level is the style's mean eyes."""
    if art.entry.frame is not None:
        x, y, width = art.entry.frame
        return np.array([[1 / width, 0.0, 0.5 - x / width], [0.0, 1 / width, 0.5 - y / width]])
    eyes, mean = _placing_eyes(art, variants)
    x, y = eyes.mean(axis=0)
    tilt = np.arctan2(*(mean[1] - mean[0])[::-1])
    return placement((float(x), float(y)), _distance(eyes), float(tilt))


def keypoints_of(art: Artwork, variants: Variants) -> NDArray[np.float64]:
    """Return the key points `[K, 2]` in the artwork's coordinates; `[0, 2]` of a style without eyes."""
    if art.entry.frame is not None:
        return np.empty((0, 2))
    eyes, _ = _placing_eyes(art, variants)
    mouth, top = (_class_points(art, variants, name) for name in ("mouth", "top"))
    assert art.entry.face is not None
    face = _points(art, component_mask(art.name, with_outer(art, variants, art.entry.face)))
    points = {
        "left_eye": eyes[0],
        "right_eye": eyes[1],
        "mouth": centroid(mouth),
        "top": centroid(top[top[:, 1] < eyes[:, 1].mean()]),
        "face": centroid(face),
    }
    return np.stack([points[name] for name in KEYPOINTS])


def _class_points(art: Artwork, variants: Variants, class_name: str) -> NDArray[np.float64]:
    """Return what the components of a class cover, `[n, 2]`, each seen alone."""
    there = [name for name in art.components if variants[name] is not None and _is_visible(art, variants, name)]
    masks = [
        component_mask(art.name, with_outer(art, variants, name), class_name)
        for name in there
        if class_name in art.entry.classes_of(name, str(variants[name]))
    ]
    return _points(art, np.logical_or.reduce(masks)) if masks else np.empty((0, 2))


def _is_visible(art: Artwork, variants: Variants, name: str) -> bool:
    """Tell whether everything that contains a component is drawn."""
    return name not in art.outer or (
        variants.get(art.outer[name]) is not None and _is_visible(art, variants, art.outer[name])
    )
