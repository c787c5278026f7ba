"""COCO JSON: polygons and key points of pictures, as annotation tools write them (Lin et al. 2014, arXiv 1405.0312)."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from stylealign.datasets.conversion import NotConvertible
from stylealign.datasets.own_labels.masks import BACKGROUND, Masked
from stylealign.datasets.own_labels.matching import LabelReport, PictureNames, bound
from stylealign.datasets.own_labels.points import Points
from stylealign.datasets.text_tables import decoded
from stylealign.errors import StyleAlignError

Entry = dict[str, Any]


class CocoFile:
    """The pictures of a COCO file with their annotations.

    Attributes:
        file: its name.
        categories: id -> category.
    """

    def __init__(self, path: Path, pictures: PictureNames, report: LabelReport) -> None:
        """Read a file.

        Raises:
            StyleAlignError: missing, or not such a file.
        """
        self.file = path.name
        self._report = report
        try:
            content = json.loads(decoded(path.read_bytes()))
            self.categories = {entry["id"]: entry for entry in content["categories"]}
            images = {entry["id"]: entry for entry in content["images"]}
            own: dict[Any, list[Entry]] = {}
            for entry in content["annotations"]:
                if entry["category_id"] not in self.categories or entry["image_id"] not in images:
                    raise ValueError(f"annotation {entry.get('id')} is of no category or image of the file")
                own.setdefault(entry["image_id"], []).append(entry)
            rows = [(str(entry["file_name"]), (entry, own.get(key, []))) for key, entry in images.items()]
        except OSError as error:
            raise StyleAlignError(f"{path}: {error.strerror}; give a COCO JSON file") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            missing = f"no {error}" if isinstance(error, KeyError) else error
            raise StyleAlignError(
                f"{path}: not COCO annotations ({missing}); give JSON with images, annotations and categories"
            ) from error
        self.images = bound(rows, pictures, self.file, report)

    def size_of(self, picture: str) -> tuple[int, int] | None:
        """Return the width and height that the file says of a picture, None where it does not."""
        image = self.images[picture][0]
        width, height = image.get("width"), image.get("height")
        return (int(width), int(height)) if width and height else None

    def largest(self, picture: str, entries: list[Entry]) -> Entry:
        """Return the annotation of the largest area; that there are several is reported."""
        if len(entries) > 1:
            self._report.reject(
                self.file, picture, f"several key point annotations (the largest of {len(entries)} is taken)"
            )
        return max(entries, key=_area)


def _area(entry: Entry) -> float:
    box = entry.get("bbox") or [0, 0, 0, 0]
    return float(entry.get("area") or box[2] * box[3])


class CocoMasks:
    """Polygons (or uncompressed run lengths) of a COCO file, drawn in its order, one over another."""

    def __init__(self, coco: CocoFile) -> None:
        self.file, self._coco = coco.file, coco
        named = [str(entry["name"]) for entry in coco.categories.values() if entry.get("name") != BACKGROUND]
        self.names = [BACKGROUND, *dict.fromkeys(named)]

    def sorted_names(self) -> list[str]:
        """Return the names in their final order."""
        return list(self.names)

    def __len__(self) -> int:
        """Return the number of pictures that the file has."""
        return len(self._coco.images)

    def of(self, picture: str, size_px: tuple[int, int]) -> Masked | None:
        """Return the mask of a picture, None where the file has no such picture.

        Args:
            picture: its name.
            size_px: width and height, where the file does not say them.

        Raises:
            NotConvertible: a shape that is none, or compressed.
        """
        if picture not in self._coco.images:
            return None
        size = self._coco.size_of(picture) or size_px
        canvas = Image.new("L", size, 0)
        for entry in self._coco.images[picture][1]:
            place = self.names.index(str(self._coco.categories[entry["category_id"]]["name"]))
            _draw(canvas, entry.get("segmentation"), place)
        return Masked(np.asarray(canvas))


def _draw(canvas: Image.Image, shape: Any, place: int) -> None:
    if not shape:
        return
    try:
        if isinstance(shape, dict):
            covered = _runs(shape)
            canvas.paste(place, (0, 0), Image.fromarray(covered.astype(np.uint8) * 255))
            return
        for polygon in shape:
            corners = [(float(x), float(y)) for x, y in zip(polygon[::2], polygon[1::2], strict=True)]
            if len(corners) < 3:
                raise ValueError("a polygon needs three corners")
            ImageDraw.Draw(canvas).polygon(corners, fill=place)
    except (ValueError, TypeError, KeyError) as error:
        raise NotConvertible(f"a segmentation that is none ({error})") from error


def _runs(shape: Entry) -> NDArray[np.bool_]:
    """Return the mask `[h, w]` of run lengths, which count down the columns."""
    if isinstance(shape["counts"], str):
        raise ValueError("compressed run lengths; save polygons")
    height, width = shape["size"]
    flags = np.repeat(np.arange(len(shape["counts"])) % 2 == 1, shape["counts"])
    return flags.reshape(width, height).T


class CocoPoints:
    """Key points of a COCO file."""

    def __init__(self, coco: CocoFile, path: Path) -> None:
        """Find the categories with key points.

        Raises:
            StyleAlignError: there is none.
        """
        self.file, self._coco = coco.file, coco
        self.is_upright = False
        listed = [tuple(map(str, entry.get("keypoints") or ())) for entry in coco.categories.values()]
        self.names = tuple(dict.fromkeys(name for names in listed for name in names))
        if not self.names:
            raise StyleAlignError(f"{path}: no category names key points; give a file with key points, or leave it out")

    def of(self, picture: str) -> Points | None:
        """Return the key points of a picture, None where it has none.

        Raises:
            NotConvertible: they are not three numbers for each name.
        """
        found = self._coco.images.get(picture)
        own = [entry for entry in (found[1] if found else []) if entry.get("keypoints")]
        if not own:
            return None
        entry = self._coco.largest(picture, own)
        names = [str(name) for name in self._coco.categories[entry["category_id"]].get("keypoints") or ()]
        try:
            triples = np.asarray(entry["keypoints"], np.float64).reshape(len(names), 3)
        except (ValueError, TypeError) as error:
            raise NotConvertible("not three numbers for each key point") from error
        positions = np.full((len(self.names), 2), np.nan)
        visible = np.zeros(len(self.names), bool)
        for name, (x, y, seen) in zip(names, triples, strict=True):
            if seen > 0:
                positions[self.names.index(name)] = x, y
                visible[self.names.index(name)] = seen >= 2
        return Points(positions, visible, self._coco.size_of(picture))
