"""Masks and key points of COCO JSON: polygons, run lengths and points, as annotation tools write them."""

from collections.abc import Container, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stylealign.datasets.conversion import NotConvertible
from stylealign.datasets.own_labels.coco_file import CocoFile, Entry
from stylealign.datasets.own_labels.masks import BACKGROUND, Masked
from stylealign.datasets.own_labels.points import Points
from stylealign.errors import StyleAlignError

LEAST_CORNERS = 3
FARTHEST_PX = 1e6
"""Corners farther away than this are none."""
UNLABELLED, HIDDEN, VISIBLE = 0, 1, 2
"""What a key point's third number says."""


class CocoMasks:
    """Polygons or run lengths of a COCO file, drawn in its order, one over another."""

    def __init__(self, coco: CocoFile) -> None:
        """Find the classes.

        Raises:
            StyleAlignError: a category without a name, or no annotation with a shape.
        """
        self.file, self._coco = coco.file, coco
        for place, category in enumerate(coco.categories.values()):
            if not category.name:
                raise StyleAlignError(f"{coco.path}: categories.{place}.name: is missing; name the class")
        if not any(entry.segmentation for _, entries in coco.images.values() for entry in entries):
            raise StyleAlignError(
                f"{coco.path}: no annotation of a picture has a segmentation; give a file with polygons"
            )
        self._classes = {key: str(category.name) for key, category in coco.categories.items()}
        self.names = list(dict.fromkeys([BACKGROUND, *self._classes.values()]))

    def sorted_names(self) -> list[str]:
        """Return the names in their final order."""
        return list(self.names)

    def __len__(self) -> int:
        """Return the number of pictures that the file has."""
        return len(self._coco.images)

    def size_of(self, picture: str) -> tuple[int, int] | None:
        """Return the width and height that the file says of a picture, None where it does not."""
        return self._coco.size_of(picture) if picture in self._coco.images else None

    def of(self, picture: str, size_px: tuple[int, int]) -> Masked | None:
        """Return the mask of a picture, None where the file has no such picture.

        Args:
            picture: its name.
            size_px: width and height of the mask.

        Raises:
            NotConvertible: a shape that is none, lies outside or is missing; no annotation, or one of no category.
        """
        if picture not in self._coco.images:
            return None
        entries = self._coco.images[picture][1]
        if not entries:
            raise NotConvertible("a picture without annotations, which may be background or not labelled yet")
        bare = [entry for entry in entries if not entry.segmentation]
        # Key points may have annotations of their own, beside the shapes; a box alone is an object without its shape.
        if bare and (len(bare) == len(entries) or any(not entry.keypoints for entry in bare)):
            raise NotConvertible(f"an annotation without a segmentation ({_id(bare[0])})")
        classes = np.zeros(size_px[::-1], np.uint8)
        _require_categories(entries, self._classes)
        for entry in entries:
            try:
                _draw(classes, entry.segmentation, self.names.index(self._classes[entry.category_id]))
            except ValueError as error:
                raise NotConvertible(f"a segmentation that is none ({_id(entry)}: {error})") from error
        return Masked(classes)


def _require_categories(entries: Sequence[Entry], known: Container[str]) -> None:
    """Raise NotConvertible where an annotation is of no category: the others alone are not the picture's labels."""
    lost = [entry for entry in entries if entry.category_id not in known]
    if lost:
        raise NotConvertible(f"an annotation of no category of the file ({_id(lost[0])}: {lost[0].category_id})")


def _id(entry: Entry) -> str:
    return f"annotation {entry.id}"


def _draw(classes: NDArray[np.uint8], shape: Any, place: int) -> None:
    """Draw the shape of an annotation into `[h, w]`.

    Raises:
        ValueError: it is none, with the reason.
    """
    if not shape:
        return
    if isinstance(shape, dict):
        classes[_runs(shape, classes.shape[::-1])] = place
        return
    polygons = [_corners(polygon) for polygon in shape]
    height, width = classes.shape
    low, high = ([function(axis) for axis in np.concatenate(polygons).T] for function in (np.min, np.max))
    if high[0] <= 0 or high[1] <= 0 or low[0] >= width or low[1] >= height:
        raise ValueError("outside of the picture")
    for corners in polygons:
        classes[_inside(corners, classes.shape)] = place


def _inside(corners: NDArray[np.float64], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return the pixels `[h, w]` whose centre is inside a polygon: that of the first pixel is at (0.5, 0.5).

    By the even-odd rule: every edge turns the pixels to the right of it inside out.
    """
    height, width = shape
    turned = np.zeros((height, width + 1), np.int64)
    middles = np.arange(height) + 0.5
    for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        rows = np.flatnonzero((middles >= min(y0, y1)) & (middles < max(y0, y1)))
        if len(rows):
            crossed = x0 + (middles[rows] - y0) * ((x1 - x0) / (y1 - y0))
            np.add.at(turned, (rows, np.clip(np.ceil(crossed - 0.5), 0, width).astype(int)), 1)
    return np.asarray(turned.cumsum(axis=1)[:, :width] % 2 == 1)


def _corners(polygon: Any) -> NDArray[np.float64]:
    """Return the corners `[n, 2]` of a polygon; raise ValueError where it is none."""
    try:
        numbers = np.asarray(polygon, np.float64)
    except (ValueError, TypeError) as error:
        raise ValueError("a polygon that is no list of numbers") from error
    if numbers.ndim != 1:
        raise ValueError("a polygon that is no list of numbers")
    if not np.isfinite(numbers).all():
        raise ValueError("a corner that is no number")
    if len(numbers) and np.abs(numbers).max() > FARTHEST_PX:
        raise ValueError(f"a corner at {np.abs(numbers).max():g} px")
    if len(numbers) % 2:
        raise ValueError("a corner without y")
    if len(numbers) < 2 * LEAST_CORNERS:
        raise ValueError("a polygon needs three corners")
    return numbers.reshape(-1, 2)


def _runs(shape: dict[str, Any], size_px: tuple[int, int]) -> NDArray[np.bool_]:
    """Return the mask `[h, w]` of run lengths, which count down the columns; raise ValueError where it is none."""
    counts, size = shape.get("counts"), shape.get("size")
    if isinstance(counts, str):
        counts = _counts(counts)
    width, height = size_px
    if size != [height, width]:
        raise ValueError(f"run lengths of the size {size}, not [{height}, {width}]")
    if not isinstance(counts, list) or not all(type(count) is int and count >= 0 for count in counts):
        raise ValueError("run lengths that are no whole numbers")
    if sum(counts) != width * height:
        raise ValueError(f"run lengths of {sum(counts)} pixels, not of {width * height}")
    flags = np.repeat(np.arange(len(counts)) % 2 == 1, counts)
    return flags.reshape(width, height).T


def _counts(text: str) -> list[int]:
    """Return the run lengths of their compressed form; raise ValueError where it is none.

    A number is a few letters, each with five bits above "0", the lowest first, and a sixth that says whether another
    letter follows; the last letter's highest bit is the sign. From the fourth number on, each is what is to be added
    to the last but one.
    """
    found: list[int] = []
    value = shift = 0
    for letter in text:
        bits = ord(letter) - ord("0")
        if not 0 <= bits < 64:
            raise ValueError(f"compressed run lengths with the letter {letter!r}")
        value |= (bits & 31) << shift
        shift += 5
        if bits & 32:
            continue
        value -= (bits & 16) << (shift - 4)
        found.append(value + (found[-2] if len(found) > 2 else 0))
        value = shift = 0
    if shift:
        raise ValueError("compressed run lengths that break off")
    return found


class CocoPoints:
    """Key points of a COCO file."""

    def __init__(self, coco: CocoFile) -> None:
        """Find the categories with key points.

        Raises:
            StyleAlignError: there is none.
        """
        self.file, self._coco = coco.file, coco
        listed = [category.keypoints or [] for category in coco.categories.values()]
        self.names = tuple(dict.fromkeys(name for names in listed for name in names))
        if not self.names:
            raise StyleAlignError(
                f"{coco.path}: no category names key points; give a file with key points, or leave it out"
            )

    def of(self, picture: str) -> Points | None:
        """Return the key points of a picture, None where it has none; a point that is none is reported and not known.

        Raises:
            NotConvertible: they are not three numbers for each name.
        """
        found = self._coco.images.get(picture)
        own = [entry for entry in (found[1] if found else []) if entry.keypoints]
        if not own:
            return None
        # Files of people list crowds and far figures with a box and no point that is labelled.
        labelled = [entry for entry in own if any(seen != UNLABELLED for seen in (entry.keypoints or [])[2::3])]
        _require_categories(own, self._coco.categories)
        entry = self._coco.largest(picture, labelled or own)
        names = self._coco.categories[entry.category_id].keypoints or []
        try:
            triples = np.asarray(entry.keypoints, np.float64).reshape(len(names), 3)
        except (ValueError, TypeError) as error:
            raise NotConvertible(f"not three numbers for each key point ({_id(entry)})") from error
        positions = np.full((len(self.names), 2), np.nan)
        visible = np.zeros(len(self.names), bool)
        for name, (x, y, seen) in zip(names, triples, strict=True):
            if seen == UNLABELLED:
                continue
            if seen not in (HIDDEN, VISIBLE):
                reason = f"a key point whose third number is not 0, 1 or 2 ({_id(entry)}, {name}: {seen:g})"
                self._coco.report.reject(self.file, picture, reason)
                continue
            if not np.isfinite((x, y)).all():
                reason = f"a key point that is no number ({_id(entry)}, {name} at {x:g}, {y:g})"
                self._coco.report.reject(self.file, picture, reason)
                continue
            positions[self.names.index(name)] = x, y
            visible[self.names.index(name)] = seen == VISIBLE
        return Points(positions, visible, self._coco.size_of(picture))
