"""A drawn data set on disk."""

import json
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stylealign.config import DatasetSettings
from stylealign.datasets import drawing
from stylealign.datasets.annotations import Annotations
from stylealign.datasets.avatars import Avatar, draw_avatar
from stylealign.datasets.drawing import draw_dataset
from stylealign.datasets.images import ImageZip


def settings(resolution_px: int = 16, domain: str = "animal") -> DatasetSettings:
    return DatasetSettings(
        draw=domain, resolution_px=resolution_px, train_images=6, test_images=3, val_images=2, seed=5
    )


def test_files_agree_with_the_drawn_avatars(tmp_path: Path) -> None:
    assert draw_dataset(settings(), tmp_path) == {"train": 6, "test": 3, "val": 2}
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "config.json",
        "preview.png",
        "test.annotations.npz",
        "test.zip",
        "train.annotations.npz",
        "train.zip",
        "val.annotations.npz",
        "val.zip",
    ]
    images = ImageZip(tmp_path / "test.zip").read()
    annotations = Annotations.load(tmp_path / "test.annotations.npz")
    assert len(images) == len(annotations) == 3
    for index in range(3):
        avatar = draw_avatar("animal", "test", index, 5, 16)
        np.testing.assert_array_equal(images[index], avatar.image)
        np.testing.assert_array_equal(annotations.segmentation[index], avatar.segmentation)
        np.testing.assert_array_equal(annotations.keypoints[index], avatar.keypoints)
        np.testing.assert_array_equal(annotations.pose[index], avatar.pose)
        for name, values in annotations.attribute_values.items():
            assert values[annotations.attributes[name][index]] == avatar.attributes[name]


def test_a_domain_has_its_own_classes_and_key_points(tmp_path: Path) -> None:
    draw_dataset(settings(domain="landscape"), tmp_path)
    annotations = Annotations.load(tmp_path / "val.annotations.npz")
    assert annotations.names.classes[0] == "background"
    assert "eyes" not in annotations.names.classes
    assert annotations.keypoints is None
    assert len(annotations) == 2


def test_drawing_twice_gives_the_same_bytes_with_any_number_of_jobs(tmp_path: Path) -> None:
    draw_dataset(settings(), tmp_path / "a")
    draw_dataset(settings(), tmp_path / "b", jobs=2)
    for name in ("train.zip", "test.zip", "val.zip", "preview.png"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_a_split_is_drawn_by_itself_and_others_stay(tmp_path: Path) -> None:
    draw_dataset(settings(), tmp_path / "all")
    assert draw_dataset(settings(), tmp_path / "each", splits=("val",)) == {"val": 2}
    assert sorted(file.name for file in (tmp_path / "each").iterdir()) == ["val.annotations.npz", "val.zip"]
    for split in ("train", "test"):
        draw_dataset(settings(), tmp_path / "each", splits=(split,))
    told = {folder: json.loads((tmp_path / folder / "config.json").read_text()) for folder in ("all", "each")}
    assert told["all"] == told["each"] | {"test_images": 3, "val_images": 2}
    assert told["each"]["train_images"] == 6
    names = {path.name for path in (tmp_path / "all").iterdir()}
    assert names == {path.name for path in (tmp_path / "each").iterdir()}
    for name in names - {"config.json"}:
        assert (tmp_path / "all" / name).read_bytes() == (tmp_path / "each" / name).read_bytes()


def test_images_are_not_held_while_a_split_is_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[weakref.ref[np.ndarray]] = []
    held: list[int] = []

    def remembered(*what: Any) -> Avatar:
        avatar = draw_avatar(*what)
        held.append(sum(image() is not None for image in drawn))
        drawn.append(weakref.ref(avatar.image))
        return avatar

    monkeypatch.setattr(drawing, "draw_avatar", remembered)
    more = settings().model_copy(update={"train_images": 120})
    assert draw_dataset(more, tmp_path, splits=("train",)) == {"train": 120}
    assert len(drawn) == len(ImageZip(tmp_path / "train.zip").names) == 120
    assert max(held) <= drawing.COLUMNS * drawing.ROWS + 1, "those of the preview, and the one that is written"
