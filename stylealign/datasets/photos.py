"""Somebody's own pictures, a file, a folder or a zip, brought to the square images of a model; nothing is left out."""

import csv
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stylealign.config import Fit
from stylealign.datasets.conversion import NotConvertible, fit_image, open_upright
from stylealign.datasets.faces import POINTS, align_face
from stylealign.datasets.sources import Source, image_sources, is_system_file, read_file
from stylealign.errors import StyleAlignError

Landmarks = Mapping[str, NDArray[np.float64]]
"""File name -> `[5, 2]` points (x, y) in pixels of the upright picture, in the order of `faces.POINTS`."""


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
    path: Path, size_px: int, fit: Fit, limit: int | None = None, landmarks: Landmarks | None = None
) -> Photos:
    """Read pictures in the order of their names.

    Args:
        path: a picture, or a folder or zip of pictures.
        size_px: height and width of the results.
        fit: crop keeps the middle square, letterbox the whole picture on black, face aligns by `landmarks`.
        limit: most pictures to read.
        landmarks: points of every picture, for the fit "face".

    Raises:
        StyleAlignError: nothing there that is a picture, or a picture without landmarks.
    """
    photos = Photos([], np.empty((0, 3, size_px, size_px), np.uint8), [], [])
    images: list[NDArray[np.uint8]] = []
    for name, read in _sources(path):
        if limit is not None and len(images) == limit:
            break
        try:
            image, changes = _one(read, size_px, fit, _points(name, landmarks) if fit == "face" else None)
        except NotConvertible as error:
            photos.skipped.append((name, str(error)))
            continue
        photos.names.append(name)
        photos.changes.append(changes)
        images.append(image)
    if not images:
        reason = f"; {photos.skipped[0][0]}: {photos.skipped[0][1]}" if photos.skipped else ""
        raise StyleAlignError(f"{path}: holds no picture that can be read{reason}")
    return Photos(photos.names, np.stack(images), photos.changes, photos.skipped)


def _sources(path: Path) -> Iterator[Source]:
    if path.is_file() and path.suffix.lower() != ".zip":
        yield path.name, lambda: read_file(path)
        return
    try:
        yield from (source for source in image_sources(path) if not is_system_file(source[0]))
    except zipfile.BadZipFile as error:
        raise StyleAlignError(f"{path}: not a readable zip ({error}); download or pack it again") from error


def _one(
    read: Callable[[], bytes], size_px: int, fit: Fit, points: NDArray[np.float64] | None
) -> tuple[NDArray[np.uint8], list[str]]:
    image, changes = open_upright(read())
    if fit != "face":
        return fit_image(image, size_px, fit, changes)
    assert points is not None
    return np.asarray(align_face(image, points, size_px)).transpose(2, 0, 1), [*changes, "aligned by landmarks"]


def _points(name: str, landmarks: Landmarks | None) -> NDArray[np.float64]:
    known = landmarks or {}
    for key in (name, Path(name).name):
        if key in known:
            return known[key]
    raise StyleAlignError(f"{name}: has no landmarks; add its five points to the file of --landmarks")


def read_landmarks(path: Path) -> Landmarks:
    """Read the five points of each picture: left and right are the viewer's.

    A JSON file maps file names to five [x, y]; a CSV file has the columns `image` and `NAME_x`, `NAME_y` of each of
    `faces.POINTS`.

    Raises:
        StyleAlignError: missing, or not such a file; the message names the picture.
    """
    try:
        text = path.read_text(encoding="utf-8")
        rows = _csv_points(text) if path.suffix.lower() == ".csv" else json.loads(text)
        points = {str(name): np.asarray(values, dtype=np.float64) for name, values in rows.items()}
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
    return {
        row["image"]: [[float(row[f"{name}_x"]), float(row[f"{name}_y"])] for name in POINTS]
        for row in csv.DictReader(text.splitlines())
    }
