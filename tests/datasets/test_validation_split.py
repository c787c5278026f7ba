"""Validation images of one's own and of published pictures: out of training, with labels, the test split as it is."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from stylealign.config import DatasetSettings
from stylealign.datasets.annotations import Annotations
from stylealign.datasets.images import ImageZip
from stylealign.datasets.importing import Archive, import_dataset
from stylealign.datasets.sources import image_sources
from stylealign.errors import StyleAlignError

COUNT = 40


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of pictures of one shade each, 5 times their number; a table says it of all but every fourth."""
    folder = tmp_path_factory.mktemp("pictures")
    lines = ["image,shade"]
    for index in range(COUNT):
        file = folder / "all" / ("held" if index % 4 == 1 else "learnt") / f"{index}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (5 * index,) * 3).save(file)
        lines += [f"{index}.png,{5 * index}"] if index % 4 else []
    (folder / "shades.csv").write_text("\n".join(lines))
    return folder


@pytest.fixture
def imported(pictures: Path, tmp_path: Path) -> Callable[..., tuple[dict[str, Any], dict[str, list[int]]]]:
    """Return a function that imports the pictures and returns what is printed and the shades of each split."""

    def made(archive: Archive | None = None, **settings: Any) -> tuple[dict[str, Any], dict[str, list[int]]]:
        own = DatasetSettings(path=str(pictures / "all"), resolution_px=8, **settings)
        summary = import_dataset(own, tmp_path / "set", archive)
        zips = sorted((tmp_path / "set").glob("*.zip"))
        return summary, {path.stem: [int(image.mean()) for image in ImageZip(path).read()] for path in zips}

    return made


@pytest.mark.parametrize(
    "given",
    [{}, {"seed": 3}, {"train_images": 20}, {"test_images": 7}, {"train_images": 30, "test_images": 3}],
    ids=lambda given: "-".join(given) or "none",
)
def test_the_test_split_is_the_same_and_no_picture_is_in_two(imported: Any, given: dict[str, int]) -> None:
    _, before = imported(**given)
    summary, after = imported(**given, val_images=6)
    assert sorted(before) == ["test", "train"]
    assert after["test"] == before["test"]
    assert [summary[split] for split in ("train", "test", "val")] == [len(after[s]) for s in ("train", "test", "val")]
    assert len(after["val"]) == 6
    together = [shade for split in after.values() for shade in split]
    assert len(set(together)) == len(together)
    if "train_images" in given:
        assert after["train"] == before["train"], "enough pictures were left"
    else:
        assert after["train"] + after["val"] == before["train"], "they come out of training"


def test_a_published_test_split_stays_published(imported: Any, pictures: Path) -> None:
    archive = Archive(pictures, "all/learnt", "all/held")
    counts = {"train_images": 20, "test_images": 8}
    _, before = imported(archive, **counts)
    _, after = imported(archive, **counts, val_images=10)
    assert {split: after[split] for split in before} == before
    assert len(after["val"]) == 10
    assert not set(after["val"]) & {*before["train"], *before["test"]}
    assert all(shade // 5 % 4 != 1 for shade in after["val"]), "out of those for training"
    told = (
        r"30 usable images in all/learnt/ \(0 files skipped\), fewer than train_images \+ val_images = 20 \+ 11; lower"
    )
    with pytest.raises(StyleAlignError, match=told):
        imported(archive, **counts, val_images=11)


def test_labels_go_with_their_pictures(imported: Any, pictures: Path, tmp_path: Path) -> None:
    labels = {"values": str(pictures / "shades.csv")}
    summary, shades = imported(annotations=labels, val_images=12)
    for split, own in shades.items():
        found = Annotations.load(tmp_path / "set" / f"{split}.annotations.npz").pose
        assert found is not None
        known = [shade for shade in own if shade // 5 % 4]
        np.testing.assert_array_equal(found[:, 0], [shade if shade in known else np.nan for shade in own])
        assert summary["labelled"][split] == {"pose": len(known)}
    assert 0 < summary["labelled"]["val"]["pose"] < 12
    _, again = imported()
    assert sorted(path.name for path in (tmp_path / "set").iterdir()) == [
        "config.json",
        "preview.png",
        "test.zip",
        "train.zip",
    ], "what was held out for validation goes with the set"
    assert again["test"] == shades["test"]


def test_a_validation_split_without_labels_is_told(
    imported: Any, pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = [name for name, _ in image_sources(pictures / "all")]
    order = np.random.default_rng(0).permutation(COUNT)
    for place, told in (
        (0, "data: pose: no validation image is labelled, and no method can be chosen on them; label more, or raise"),
        (COUNT - 5, "data: pose: all 1 labelled images lie in the validation split, and none is left to learn from"),
    ):
        (tmp_path / "one.csv").write_text(f"image,shade\n{names[order[place]]},1\n")
        imported(annotations={"values": str(tmp_path / "one.csv")}, val_images=1)
        assert told in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({"val_images": 36}, "1 for training + 4 for testing + val_images 36"),
        ({"val_images": 1, "train_images": 37}, "train_images 37 + 3 for testing + val_images 1"),
        ({"val_images": 4, "test_images": 36}, "1 for training + test_images 36 + val_images 4"),
        ({"val_images": 9, "train_images": 30, "test_images": 2}, "train_images 30 + test_images 2 + val_images 9"),
    ],
)
def test_too_few_pictures_are_told_with_the_numbers(imported: Any, given: dict[str, int], wanted: str) -> None:
    with pytest.raises(StyleAlignError) as caught:
        imported(**given)
    told = "all: 40 usable images (0 files skipped), too few for "
    assert str(caught.value).endswith(f"{told}{wanted}; lower one of them or add images")
    imported(**given | {"val_images": given["val_images"] - 1} if given["val_images"] > 1 else {})


def test_what_jobs_are_told_says_whether_there_is_a_split() -> None:
    told = [
        json.dumps(DatasetSettings(path="a", **given).as_told(["path"]))
        for given in ({}, {"val_images": 500}, {"val_images": 40})
    ]
    assert '"val_images": 500,' in told[0], "as it was before there was one: such jobs do not run again"
    assert ['"val_images": "500"' in told[1], '"val_images": "40"' in told[2]] == [True, True]
    assert DatasetSettings(draw="human").as_told()["val_images"] == 500
