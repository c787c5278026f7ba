"""What a COCO JSON file holds, checked field by field (Lin et al. 2014, arXiv 1405.0312)."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from stylealign.config.messages import problem_of
from stylealign.datasets.own_labels.matching import LabelReport, PictureNames, bound
from stylealign.datasets.text_tables import decoded
from stylealign.errors import StyleAlignError

Id = str
"""Ids that are numbers in one list and text in another are the same."""
Finite = Annotated[float, Field(allow_inf_nan=False)]
BOX = 4
"""Numbers of a `bbox`: left, top, width, height."""


class _Part(BaseModel):
    model_config = ConfigDict(coerce_numbers_to_str=True)


class Category(_Part):
    """A class, or a kind of things with key points."""

    id: Id
    name: str | None = None
    keypoints: list[str] | None = None


class Picture(_Part):
    """A picture; a size of 0 is one that is not told."""

    id: Id
    file_name: str
    width: Annotated[int, Field(ge=0)] | None = None
    height: Annotated[int, Field(ge=0)] | None = None


class Entry(_Part):
    """An annotation. What its shape and its points hold is looked at picture by picture."""

    id: Any = None
    image_id: Id
    category_id: Id
    bbox: list[Finite] | None = None
    area: Finite | None = None
    segmentation: list[Any] | dict[str, Any] | None = None
    keypoints: list[Any] | None = None

    @model_validator(mode="after")
    def _whole_box(self) -> "Entry":
        if self.bbox and len(self.bbox) != BOX:
            raise ValueError(f"bbox has {len(self.bbox)} numbers, not {BOX}")
        return self

    def area_px(self) -> float:
        """Return the area that it says, or that of its box."""
        return self.area or (self.bbox[2] * self.bbox[3] if self.bbox else 0.0)


class _Content(_Part):
    images: list[Picture]
    categories: list[Category]
    annotations: list[Entry]

    @model_validator(mode="after")
    def _consistent(self) -> "_Content":
        for key, ids in (
            ("images", [entry.id for entry in self.images]),
            ("categories", [entry.id for entry in self.categories]),
        ):
            _require_once(ids, f"{key}.{{place}}.id: {{value}} stands there already")
        for place, category in enumerate(self.categories):
            _require_once(category.keypoints or (), f"categories.{place}.keypoints: two are named {{value!r}}")
        return self


def _require_once(values: Sequence[Id], message: str) -> None:
    seen: set[Id] = set()
    for place, value in enumerate(values):
        if value in seen:
            raise ValueError(message.format(place=place, value=value))
        seen.add(value)


class CocoFile:
    """The pictures of a COCO file with their annotations; those of no picture are named and left out.

    Attributes:
        path: the file.
        categories: id -> category.
        images: name of the picture -> its entry, and its annotations in the file's order.
        report: gets what cannot be used.
    """

    def __init__(self, path: Path, pictures: PictureNames, report: LabelReport) -> None:
        """Read a file.

        Raises:
            StyleAlignError: missing, or not such a file; the message names the first wrong field.
        """
        self.path, self.report = path, report
        content = _read(path)
        self.categories = {entry.id: entry for entry in content.categories}
        own: dict[Id, list[Entry]] = {picture.id: [] for picture in content.images}
        for place, entry in enumerate(content.annotations):
            if entry.image_id in own:
                own[entry.image_id].append(entry)
            else:  # files from which pictures were taken out have such
                report.reject(self.file, f"annotations.{place}", f"of no image of the file ({entry.image_id})")
        rows = [(picture.file_name, (picture, own.get(picture.id, []))) for picture in content.images]
        self.images = bound(rows, pictures, self.file, report)

    @property
    def file(self) -> str:
        """Name of the file."""
        return self.path.name

    def size_of(self, picture: str) -> tuple[int, int] | None:
        """Return the width and height that the file says of a picture, None where it does not."""
        entry = self.images[picture][0]
        return (entry.width, entry.height) if entry.width and entry.height else None

    def largest(self, picture: str, entries: list[Entry]) -> Entry:
        """Return the annotation of the largest area; that there are several is reported."""
        if len(entries) > 1:
            self.report.reject(
                self.file, picture, f"several key point annotations (the largest of {len(entries)} is taken)"
            )
        return max(entries, key=Entry.area_px)


def _read(path: Path) -> _Content:
    try:
        return _Content.model_validate(json.loads(decoded(path.read_bytes())))
    except OSError as error:
        raise StyleAlignError(f"{path}: {error.strerror}; give a COCO JSON file") from error
    except ValidationError as error:
        said: object = problem_of(_Content, error)
        cause: Exception = error
    except RecursionError as error:
        said, cause = "nested too deeply", error
    except ValueError as error:
        said, cause = error, error
    raise StyleAlignError(
        f"{path}: not COCO annotations ({said}); give JSON with images, annotations and categories"
    ) from cause
