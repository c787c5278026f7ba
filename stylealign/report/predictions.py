"""Predicted labels of a folder of pictures, as other programs read them: masks, COCO JSON, a table, overlays.

Everything is in the pixels of the upright pictures. Imports no torch.
"""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from stylealign.datasets.annotations import UNKNOWN_CLASS
from stylealign.datasets.conversion import fit_image
from stylealign.datasets.own_labels.tables import IMAGE_COLUMNS
from stylealign.datasets.placing import Placing
from stylealign.report.figures import class_colours, segmentation_overlay
from stylealign.report.sheets import Pixels, grid

MASKS, OVERLAYS, SHEET = "masks", "overlays", "overview.png"
TABLE, COCO, CLASSES = "labels.csv", "labels.json", "classes.yaml"
MADE = (MASKS, OVERLAYS, SHEET, TABLE, COCO, CLASSES)
SHEET_IMAGES, SHEET_COLUMNS, THUMB_PX = 16, 4, 240
SEEN = 0.5
"""Probability from which on a key point counts as seen."""
POINT, HIDDEN = (255, 255, 0), (255, 60, 60)


@dataclass(frozen=True)
class Predicted:
    """A picture with what a network says of it.

    Attributes:
        name: of its file, with folders.
        image: the upright picture, RGB.
        placing: where the square lies that the network saw.
        labels: what the task's `decode` returned for the square, and of attributes `choices`: attribute -> value.
    """

    name: str
    image: Image.Image
    placing: Placing
    labels: dict[str, Any]


class PredictionFiles:
    """Writes pictures' labels one by one into a folder; `finish` writes what is of all of them.

    Args:
        folder: where the files go.
        task: of the network.
        names: what it names: classes, key points, numbers or attributes.
        swapped: pairs of left and right among key points, for the lines of the COCO skeleton.
    """

    def __init__(self, folder: Path, task: str, names: Sequence[str], swapped: Sequence[tuple[str, str]] = ()) -> None:
        self.folder, self.task, self.names, self.swapped = folder, task, list(names), list(swapped)
        self._rows: list[dict[str, Any]] = []
        self._images: list[dict[str, Any]] = []
        self._annotations: list[dict[str, Any]] = []
        self._thumbs: list[Pixels] = []
        self._named: dict[str, list[str]] = {}

    @property
    def count(self) -> int:
        """Return how many pictures were added."""
        return len(self._images)

    def add(self, picture: Predicted) -> None:
        """Write the mask and the overlay of a picture, and keep its row."""
        width, height = picture.image.size
        entry = {"id": len(self._images) + 1, "file_name": picture.name, "width": width, "height": height}
        self._images.append(entry)
        file = self._file_of(picture.name)
        row, overlay = {
            "segmentation": self._segmentation,
            "keypoints": self._keypoints,
            "pose": self._numbers,
            "attributes": self._attributes,
        }[self.task](picture, file)
        self._rows.append({_name_column(row): picture.name, **row})
        _save(overlay, self.folder / OVERLAYS / file)
        if len(self._thumbs) < SHEET_IMAGES:
            self._thumbs.append(fit_image(overlay, THUMB_PX, "letterbox", [])[0])

    def finish(self) -> None:
        """Write the table, the COCO file where there is something for it, the names of classes, and the overview."""
        with (self.folder / TABLE).open("w", newline="", encoding="utf-8", errors="backslashreplace") as file:
            table = csv.DictWriter(file, list(self._rows[0]))
            table.writeheader()
            table.writerows(self._rows)
        if self.task in ("segmentation", "keypoints"):
            content = {"images": self._images, "annotations": self._annotations, "categories": self._categories()}
            (self.folder / COCO).write_text(json.dumps(content), encoding="utf-8")
        if self.task == "segmentation":
            ids = {**dict(enumerate(self.names)), UNKNOWN_CLASS: "ignore"}
            text = yaml.safe_dump(ids, sort_keys=False, allow_unicode=True)
            (self.folder / CLASSES).write_text(text, encoding="utf-8")
        sheet = grid(np.stack(self._thumbs), min(SHEET_COLUMNS, len(self._thumbs)), gap=4)
        _save(Image.fromarray(sheet.transpose(1, 2, 0)), self.folder / SHEET)

    def _file_of(self, name: str) -> str:
        """Return the name of a picture's mask and overlay: its own with .png for its ending.

        Of pictures that differ in their ending alone, each has .png behind all of its name: none has another's name.
        A name in a zip that leads out of it has `_` where it does.
        """
        name = _inside(name)
        short = str(PurePosixPath(name).with_suffix(".png"))
        same = self._named.setdefault(short, [])
        same.append(name)
        if len(same) == 1:
            return short
        if len(same) == 2:
            for folder in (MASKS, OVERLAYS):
                if (self.folder / folder / short).exists():
                    (self.folder / folder / short).rename(self.folder / folder / f"{same[0]}.png")
        return f"{name}.png"

    def _segmentation(self, picture: Predicted, file: str) -> tuple[dict[str, Any], Image.Image]:
        mask = picture.placing.mask_back(picture.labels["classes"])
        coloured = Image.fromarray(mask)
        coloured.putpalette(_palette(self.names))
        _save(coloured, self.folder / MASKS / file)
        seen = max(1, int((mask != UNKNOWN_CLASS).sum()))
        row = {}
        for number, name in enumerate(self.names):
            covered = mask == number
            row[name] = f"{covered.sum() / seen:.6f}"
            if number and covered.any():
                self._annotations.append(self._annotation(number) | _shape(covered))
        shown = np.where(mask == UNKNOWN_CLASS, 0, mask).astype(np.uint8)
        pixels = np.asarray(picture.image).transpose(2, 0, 1)
        overlay = segmentation_overlay(pixels[None], shown[None], self.names)[0]
        return row, Image.fromarray(overlay.transpose(1, 2, 0))

    def _keypoints(self, picture: Predicted, file: str) -> tuple[dict[str, Any], Image.Image]:
        points = picture.placing.points_back(picture.labels["keypoints"])
        visible = picture.labels["visible"] > SEEN
        row: dict[str, Any] = {}
        triples: list[float] = []
        for name, (x, y), seen in zip(self.names, points, visible, strict=True):
            row |= {f"{name}_x": f"{x:.2f}", f"{name}_y": f"{y:.2f}", f"{name}_visible": int(seen)}
            triples += [round(float(x), 2), round(float(y), 2), 2 if seen else 1]
        box = [*points.min(axis=0), *(points.max(axis=0) - points.min(axis=0))]
        shape = {"bbox": [round(float(value), 2) for value in box], "area": round(float(box[2] * box[3]), 2)}
        known = {"keypoints": triples, "num_keypoints": len(points), "iscrowd": 0}
        self._annotations.append(self._annotation(1) | known | shape)
        return row, _marked(picture.image, points, visible)

    def _numbers(self, picture: Predicted, file: str) -> tuple[dict[str, Any], Image.Image]:
        row = {name: f"{value:.6g}" for name, value in zip(self.names, picture.labels["pose"], strict=True)}
        return row, _written(picture.image, row)

    def _attributes(self, picture: Predicted, file: str) -> tuple[dict[str, Any], Image.Image]:
        row: dict[str, str] = picture.labels["choices"]
        return row, _written(picture.image, row)

    def _annotation(self, category: int) -> dict[str, Any]:
        return {"id": len(self._annotations) + 1, "image_id": len(self._images), "category_id": category}

    def _categories(self) -> list[dict[str, Any]]:
        if self.task == "segmentation":
            return [{"id": number, "name": name} for number, name in enumerate(self.names) if number]
        lines = [[self.names.index(left) + 1, self.names.index(right) + 1] for left, right in self.swapped]
        return [{"id": 1, "name": "figure", "keypoints": self.names, "skeleton": lines}]


def _name_column(row: Mapping[str, Any]) -> str:
    """Return the column that names the pictures: one that is no label (a class may be called `image`)."""
    return next(name for name in IMAGE_COLUMNS if name not in row)


def _inside(name: str) -> str:
    """Return a path that leads nowhere but down."""
    return "/".join("_" if part in ("..", "/", "//") else part for part in PurePosixPath(name).parts)


def _palette(names: Sequence[str]) -> list[int]:
    """Return the colours of the ids 0 to 255; what the network did not see is black."""
    colours = np.zeros((256, 3), np.uint8)
    colours[: len(names)] = class_colours(names)
    return [int(value) for value in colours.ravel()]


def _shape(covered: NDArray[np.bool_]) -> dict[str, Any]:
    """Return the pixels of a class `[h, w]` as COCO's uncompressed run lengths, with box and area."""
    height, width = covered.shape
    flat = covered.T.ravel()
    ends = np.flatnonzero(np.diff(flat)) + 1
    runs = np.diff(np.concatenate([[0], ends, [flat.size]])).tolist()
    rows, columns = np.flatnonzero(covered.any(axis=1)), np.flatnonzero(covered.any(axis=0))
    box = [columns[0], rows[0], columns[-1] - columns[0] + 1, rows[-1] - rows[0] + 1]
    return {
        "segmentation": {"size": [height, width], "counts": [0, *runs] if flat[0] else runs},
        "area": int(covered.sum()),
        "bbox": [int(value) for value in box],
        "iscrowd": 1,
    }


def _marked(image: Image.Image, points: NDArray[np.float64], visible: NDArray[np.bool_]) -> Image.Image:
    """Return a picture with its points: seen ones as full discs, others as rings."""
    marked = image.copy()
    draw, radius = ImageDraw.Draw(marked), max(2.0, max(image.size) / 100)
    for (x, y), seen in zip(points, visible, strict=True):
        box = (x - radius, y - radius, x + radius, y + radius)
        fill, outline = (POINT, (0, 0, 0)) if seen else (None, HIDDEN)
        draw.ellipse(box, fill=fill, outline=outline, width=max(1, int(radius / 4)))
    return marked


def _written(image: Image.Image, values: dict[str, str]) -> Image.Image:
    """Return a picture with lines of text below it."""
    size = max(11, min(image.size) // 24)
    font = ImageFont.load_default(size)
    lines = [f"{name}: {value}" for name, value in values.items()]
    width = max(image.width, *(int(font.getlength(line)) + size for line in lines))
    sheet = Image.new("RGB", (width, image.height + (len(lines) + 1) * (size + 4)), (255, 255, 255))
    sheet.paste(image)
    draw = ImageDraw.Draw(sheet)
    for number, line in enumerate(lines):
        draw.text((size // 2, image.height + size // 2 + number * (size + 4)), line, fill=(0, 0, 0), font=font)
    return sheet


def _save(image: Image.Image, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, "PNG")
