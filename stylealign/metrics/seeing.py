"""A label network as a function of images, with the names of what it sees. Imports no torch."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Sees = Literal["maps", "points", "numbers"]
"""Class maps `[N, H, W]`, points `[N, K, 2]` (x, y) in pixels, or numbers `[N, V]`."""

Compare = Callable[[NDArray[Any], NDArray[Any]], NDArray[np.float64]]
"""From what two networks see in two sets of images, row by row, to how they differ, or agree, `[N]`."""


@dataclass(frozen=True)
class Seeing:
    """What sees something in images: from `[N, 3, r, r]` uint8 to class maps, points or numbers.

    Attributes:
        sees: which of them.
        names: names of the classes, points or numbers.
        predict: the function.
        encode: from the same images to the features `[N, C]` that the network sees by; None where it shows none.
        looking: both at once, where that is less work than one after the other.
    """

    sees: Sees
    names: tuple[str, ...]
    predict: Callable[[NDArray[np.uint8]], NDArray[Any]]
    encode: Callable[[NDArray[np.uint8]], NDArray[np.float32] | None] = lambda images: None
    looking: Callable[[NDArray[np.uint8]], tuple[NDArray[Any], NDArray[np.float32] | None]] | None = None

    def __call__(self, images: NDArray[np.uint8]) -> NDArray[Any]:
        """Return what is seen in images."""
        return self.predict(images)

    def look(self, images: NDArray[np.uint8]) -> tuple[NDArray[Any], NDArray[np.float32] | None]:
        """Return what is seen in images, and the features that it is seen by."""
        return self.looking(images) if self.looking is not None else (self.predict(images), self.encode(images))


@dataclass(frozen=True)
class Ruler:
    """A network that measures both sides of a comparison between domains.

    Attributes:
        seeing: what sees in images of all of them.
        metric: name of what `compare` returns.
        compare: from what it sees in two sets of images.
    """

    seeing: Seeing
    metric: str
    compare: Compare
