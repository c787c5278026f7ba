"""Pictures with several faces, an image each: no picture is in two splits, and its labels are of none of them."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from stylealign.config import DatasetSettings
from stylealign.datasets import importing, squares
from stylealign.datasets.annotations import UNKNOWN_VALUE, Annotations
from stylealign.datasets.conversion import Upright
from stylealign.datasets.images import ImageZip
from stylealign.datasets.importing import Archive, import_dataset
from stylealign.errors import StyleAlignError

FACES = [1, 3, 2, 1, 5, 1, 2, 4, 1, 1, 3, 2]
"""Faces of each picture: 26."""


@pytest.fixture
def found_faces(monkeypatch: pytest.MonkeyPatch) -> None:
    """A picture tells its number in red and how many faces are found in it in green; a face tells its own in blue."""

    def chosen(picture: Upright, faces: str) -> list[np.ndarray]:
        return [np.full((68, 2), face, float) for face in range(np.asarray(picture.image)[0, 0, 1])]

    def aligned(image: Image.Image, five: np.ndarray, size_px: int) -> Image.Image:
        red, green, _ = np.asarray(image)[0, 0]
        return Image.new("RGB", (size_px, size_px), (int(red), int(green), int(five[0, 0])))

    def at(picture: Upright, five: np.ndarray, size_px: int) -> object:
        return squares.placed(picture, size_px, "crop")

    for name, stand_in in (("chosen_faces", chosen), ("align_face", aligned), ("placed_face", at)):
        monkeypatch.setattr(squares, name, stand_in)
    monkeypatch.setattr(squares, "five_points", lambda points: points[:5])


def write(folder: Path, faces: list[int]) -> Path:
    folder.mkdir(parents=True)
    for index, count in enumerate(faces):
        Image.new("RGB", (8, 8), (index, count, 0)).save(folder / f"{index:02}.png")
    return folder


@pytest.fixture
def imported(found_faces: None, tmp_path: Path) -> Callable[..., dict[str, list[int]]]:
    """Return a function that imports pictures and returns the picture that each image of a split is of."""

    def made(faces: list[int], archive: Archive | None = None, **more: Any) -> dict[str, list[int]]:
        folder = tmp_path / "pictures" if (tmp_path / "pictures").exists() else write(tmp_path / "pictures", faces)
        settings = DatasetSettings(path=str(folder), resolution_px=8, fit="face", faces="all", **more)
        summary = import_dataset(settings, tmp_path / "set", archive)
        splits = {
            path.stem: ImageZip(path).read()[:, 0, 0, 0].tolist() for path in sorted((tmp_path / "set").glob("*.zip"))
        }
        told = json.loads((tmp_path / "set" / "config.json").read_text())
        for split, own in splits.items():
            assert summary[split] == told[f"{split}_images"] == len(own)
        return splits

    return made


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    ("given", "counts"),
    [
        ({}, (24, 2)),
        ({"test_images": 5}, (21, 5)),
        ({"test_images": 6, "val_images": 4}, (16, 6, 4)),
        ({"train_images": 12, "test_images": 5, "val_images": 3}, (12, 5, 3)),
    ],
)
def test_no_picture_is_in_two_splits(imported: Any, given: dict[str, int], counts: tuple[int, ...], seed: int) -> None:
    found = imported(FACES, **given, seed=seed)
    pictures = [picture for own in found.values() for picture in set(own)]
    assert len(set(pictures)) == len(pictures)
    assert all(own.count(picture) == FACES[picture] for own in found.values() for picture in own), "all of its faces"
    assert sum(map(len, found.values())) == 26 or "train_images" in given, "none is left over"
    for split, count in zip(("train", "test", "val"), counts, strict=False):
        assert abs(len(found[split]) - count) <= 1
    assert imported(FACES, **given, seed=seed) == found


def test_validation_pictures_leave_the_test_split_as_it_is(imported: Any) -> None:
    assert imported(FACES, test_images=5)["test"] == imported(FACES, test_images=5, val_images=4)["test"]


def test_counts_that_whole_pictures_do_not_give_are_met_as_nearly_as_they_can_be(imported: Any) -> None:
    assert {split: len(own) for split, own in imported([4] * 5, test_images=7).items()} == {"train": 12, "test": 8}
    assert len(imported([4] * 5, test_images=5)["test"]) == 4
    assert len(imported([4] * 5, test_images=1)["test"]) == 4, "no split is empty"
    found = imported([4] * 5, test_images=12, train_images=1, val_images=1)
    assert {split: len(own) for split, own in found.items()} == {"train": 4, "test": 12, "val": 4}
    assert len(imported([4] * 5, test_images=19)["train"]) == 4, "some is left to learn from"


@pytest.mark.parametrize(
    ("faces", "more"), [([4], {}), ([4, 4], {"val_images": 1}), ([4] * 4, {"test_images": 12, "val_images": 1})]
)
def test_too_few_pictures_are_refused(imported: Any, faces: list[int], more: dict[str, int]) -> None:
    with pytest.raises(StyleAlignError, match=rf"of {len(faces)} pictures, too few, as all images of a picture go"):
        imported(faces, **more)


def test_pictures_of_a_published_set_stay_whole(imported: Any, tmp_path: Path) -> None:
    write(tmp_path / "pictures" / "train", FACES)
    write(tmp_path / "pictures" / "test", [4, 4, 4])
    archive = Archive(tmp_path / "pictures", "train", "test")
    found = imported(FACES, archive, train_images=18, val_images=5, test_images=4)
    assert not set(found["train"]) & set(found["val"])
    assert (len(found["train"]), len(found["test"])) == (18, 4)
    assert abs(len(found["val"]) - 5) <= 1
    told = r"12 usable images in test/ \(0 files skipped\), fewer than test_images = 13; lower it"
    with pytest.raises(StyleAlignError, match=told):
        imported(FACES, archive, train_images=18, test_images=13)


@pytest.mark.parametrize(
    "given", [{}, {"train_images": 5, "test_images": 3}, {"val_images": 3}, {"train_images": 4, "val_images": 2}]
)
def test_pictures_of_an_image_each_are_split_as_ever(tmp_path: Path, given: dict[str, int]) -> None:
    settings, names = DatasetSettings(path="p", **given, seed=3), [f"{index}.png" for index in range(30)]
    _, found = importing._split(settings, Archive(tmp_path), names, 0)
    train, test = settings.split(30)
    order, start = np.random.default_rng(3).permutation(30), settings.train_images or 30 - test
    others = [*order[:start], *order[start + test :]]
    assert found["test"].tolist() == order[start : start + test].tolist()
    assert found["train"].tolist() == others[:train]
    assert found.get("val", np.array([])).tolist() == others[train : train + (settings.val_images or 0)]


def test_labels_of_a_picture_with_several_faces_are_of_none(
    imported: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures = [f"{index:02}.png" for index in range(len(FACES))]
    tables = {
        "values": [("image", "age"), *((name, index) for index, name in enumerate(pictures))],
        "attributes": [("image", "smile"), *((name, "yes") for name in pictures)],
        "keypoints": [("image", "nose_x", "nose_y"), *((name, 4, 4) for name in pictures)],
    }
    for name, rows in tables.items():
        with (tmp_path / f"{name}.csv").open("w", newline="") as file:
            csv.writer(file).writerows(rows)
    found = imported(FACES, annotations={name: str(tmp_path / f"{name}.csv") for name in tables}, test_images=8)
    for split, own in found.items():
        labels = Annotations.load(tmp_path / "set" / f"{split}.annotations.npz")
        alone = [FACES[picture] == 1 for picture in own]
        ages = [picture if is_alone else np.nan for picture, is_alone in zip(own, alone, strict=True)]
        np.testing.assert_array_equal(labels.pose[:, 0], ages)
        assert (labels.attributes["smile"] != UNKNOWN_VALUE).tolist() == alone
        assert (~np.isnan(labels.keypoints[:, 0, 0])).tolist() == labels.visible[:, 0].tolist() == alone
    told = capsys.readouterr().err
    assert told.count("several faces") == 3, "a line a file"
    assert "data: values.csv: a picture of several faces: 7 in all" in told
    rejected = (tmp_path / "set" / "rejected_labels.csv").read_text()
    assert rejected.count("values.csv") == 7
