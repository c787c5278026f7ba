"""Somebody's own pictures, a file, a folder or a zip, brought to the square images of a model; nothing is left out."""

import json
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stylealign.config import Faces, Fit
from stylealign.datasets.conversion import NotConvertible, read_upright
from stylealign.datasets.faces import POINTS, align_face
from stylealign.datasets.sources import Source, image_sources, is_system_file, no_zip, read_file
from stylealign.datasets.squares import squares_of
from stylealign.datasets.text_tables import composed, decoded, read_csv
from stylealign.errors import StyleAlignError
from stylealign.files import printable

Landmarks = Mapping[str, NDArray[np.float64]]
"""File name -> `[5, 2]` points (x, y) in pixels of the upright picture, in the order of `faces.POINTS`."""

FARTHEST = 1.0
"""Landmarks lie within this many longer sides of the middle of their picture: a face may be cut by the border."""
CLOSEST_EYES_PX = 2.0


@dataclass(frozen=True)
class Photos:
    """Pictures as a model takes them.

    Attributes:
        names: file names, in their order.
        images: `[N, 3, r, r]` uint8.
        changes: what was done to each picture, in words.
        skipped: (file, reason) of every file that is no picture.
    """

    names: list[str]
    images: NDArray[np.uint8]
    changes: list[list[str]]
    skipped: list[tuple[str, str]]


def read_photos(
    path: Path,
    size_px: int,
    fit: Fit,
    limit: int | None = None,
    landmarks: Landmarks | None = None,
    faces: Faces = "one",
) -> Photos:
    """Read pictures in the order of their names.

    Args:
        path: a picture, or a folder or zip of pictures.
        size_px: height and width of the results.
        fit: crop keeps the middle square, letterbox the whole picture on black, face crops the face as in FFHQ.
        limit: most pictures to read.
        landmarks: points of every picture, for the fit "face"; None: the faces are found.
        faces: which of several faces that are found, each an image.

    Raises:
        StyleAlignError: nothing there that is a picture, or a picture without landmarks.
    """
    photos = Photos([], np.empty((0, 3, size_px, size_px), np.uint8), [], [])
    images: list[NDArray[np.uint8]] = []
    for name, read in picture_sources(path):
        if limit is not None and len(images) >= limit:
            break
        try:
            found = _images_of(name, read, size_px, fit, landmarks, faces)
        except NotConvertible as error:
            photos.skipped.append((name, str(error)))
            continue
        for place, (image, changes) in enumerate(found, 1):
            photos.names.append(name if len(found) == 1 else f"{name}, face {place}")
            photos.changes.append(changes)
            images.append(image)
    if not images:
        raise StyleAlignError(no_picture(path, photos.skipped))
    kept = slice(0, limit)
    return Photos(photos.names[kept], np.stack(images[kept]), photos.changes[kept], photos.skipped)


def no_picture(path: Path, skipped: Sequence[tuple[str, str]]) -> str:
    """Return what is said of a file, folder or zip without any picture: the reason of the first file, named once."""
    words = f"{path}: holds no picture that can be read"
    if not skipped:
        return words
    name, reason = skipped[0]
    return f"{words}: {reason}" if path.name == name and path.is_file() else f"{words}; {name}: {reason}"


def picture_sources(path: Path) -> Iterator[Source]:
    """Yield every file of a folder or zip by its name, or the picture that `path` is itself."""
    if not path.exists():
        raise StyleAlignError(f"{path}: no such file; give a picture, or a folder or zip of pictures")
    if path.is_file() and path.suffix.lower() != ".zip":
        yield path.name, lambda: read_file(path)
        return
    try:
        yield from (source for source in image_sources(path) if not is_system_file(source[0]))
    except zipfile.BadZipFile as error:
        raise StyleAlignError(f"{path}: {no_zip(path, error)}") from error


def _images_of(
    name: str, read: Callable[[], bytes], size_px: int, fit: Fit, landmarks: Landmarks | None, faces: Faces
) -> list[tuple[NDArray[np.uint8], list[str]]]:
    """Return the square images of a picture, each with what was done to it."""
    picture = read_upright(read())
    if fit != "face" or landmarks is None:
        return [(square.pixels, square.changes) for square in squares_of(picture, size_px, fit, faces)]
    points = _points(name, landmarks)  # of pictures alone: a file of landmarks may lie beside them
    require_points_of(picture.image.size, points, printable(name))
    pixels = np.asarray(align_face(picture.image, points, size_px)).transpose(2, 0, 1)
    return [(pixels, [*picture.changes, "aligned by landmarks"])]


def require_points_of(size: tuple[int, int], points: NDArray[np.float64], name: str) -> None:
    """Check that landmarks may be of a picture of (width, height) pixels.

    Raises:
        StyleAlignError: they lie far outside, or the eyes lie on one another, as where points are shares of the frame.
    """
    middle = np.array(size) / 2
    if (np.abs(points - middle) > FARTHEST * max(size)).any() or np.hypot(*(points[1] - points[0])) < CLOSEST_EYES_PX:
        raise StyleAlignError(
            f"{name}: its landmarks are no points of a picture of {size[0]}x{size[1]} px; give pixels of the upright "
            "picture"
        )


def _points(name: str, landmarks: Landmarks) -> NDArray[np.float64]:
    for key in (name, Path(name).name):
        if composed(key) in landmarks:
            return landmarks[composed(key)]
    raise StyleAlignError(f"{printable(name)}: has no landmarks; add its five points to the file of --landmarks")


def read_landmarks(path: Path) -> Landmarks:
    """Read the five points of each picture: left and right are the viewer's.

    A JSON file maps file names to five [x, y]; a CSV file, also one from a spreadsheet, has the columns `image` and
    `NAME_x`, `NAME_y` of each of `faces.POINTS`.

    Raises:
        StyleAlignError: missing, or not such a file; the message names the picture.
    """
    try:
        text = decoded(path.read_bytes())
        rows = _csv_points(text) if path.suffix.lower() == ".csv" else json.loads(text)
        points = {composed(str(name)): np.asarray(values, dtype=np.float64) for name, values in rows.items()}
    except OSError as error:
        raise StyleAlignError(f"{path}: {error.strerror}; give the landmarks as a JSON or CSV file") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StyleAlignError(
            f"{path}: not landmarks ({error}); give {{file: [[x, y] x 5]}} as JSON, or CSV with the columns image, "
            f"{POINTS[0]}_x, {POINTS[0]}_y, ..."
        ) from error
    for name, values in points.items():
        if values.shape != (len(POINTS), 2) or not np.isfinite(values).all():
            raise StyleAlignError(f"{path}: {name}: needs five points (x, y): {', '.join(POINTS)}")
    return points


def _csv_points(text: str) -> dict[str, list[list[float]]]:
    """Return the points of a CSV file."""
    table = read_csv(text)
    return {
        row["image"]: [[table.number(row[f"{name}_{axis}"]) for axis in "xy"] for name in POINTS] for row in table.rows
    }
