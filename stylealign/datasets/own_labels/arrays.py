"""Arrays of labels: maps turned upright and in another order of classes, points in a frame."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stylealign.datasets import large_arrays
from stylealign.datasets.annotations import UNKNOWN_CLASS
from stylealign.datasets.placing import Placing


def turned(classes: NDArray[np.uint8], placing: Placing) -> NDArray[np.uint8]:
    """Return a class map `[h, w]` of the stored picture as one of the upright picture."""
    return classes if placing.turn is None else np.asarray(Image.fromarray(classes).transpose(placing.turn))


def framed(
    points: NDArray[np.float32], visible: NDArray[np.bool_], size_px: int
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return points with those beyond the frame not visible."""
    return points, visible & ((points >= 0) & (points <= size_px)).all(axis=1)


def stacked(rows: list[Any], kind: type) -> Any:
    """Return rows as one array, None where there are none."""
    return np.stack(rows).astype(kind) if rows else None


def reordered(maps: NDArray[np.uint8], names: Sequence[str], wanted: Sequence[str]) -> NDArray[np.uint8]:
    """Turn class maps of `names` into those of the same classes in another order, in their place; return them."""
    if list(names) == list(wanted):
        return maps
    places = np.full(UNKNOWN_CLASS + 1, UNKNOWN_CLASS, np.uint8)
    places[: len(names)] = [wanted.index(name) for name in names]
    for part in large_arrays.parts_of(maps):
        maps[part] = places[maps[part]]
    return maps
