"""`stylealign data draw` and `stylealign data import` as a user types them."""

import argparse
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stylealign.cli import data
from stylealign.config import DatasetSettings
from stylealign.errors import StyleAlignError


def run(*words: str | Path) -> None:
    parser = argparse.ArgumentParser()
    data.add_arguments(parser)
    data.run(parser.parse_args([str(word) for word in words]))


def test_draw_takes_flags_or_a_settings_object(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flags = (
        *("--draw", "mosaic", "--resolution-px", "16"),
        *("--train-images", "3", "--test-images", "2", "--val-images", "1"),
    )
    run("draw", *flags, "--out-dir", tmp_path / "a")
    assert json.loads(capsys.readouterr().out) == {"train": 3, "test": 2, "val": 1}
    settings = json.loads((tmp_path / "a" / "config.json").read_text())
    assert settings["draw"] == "mosaic"
    run("draw", "--settings", json.dumps(settings), "--out-dir", tmp_path / "b")
    assert (tmp_path / "a" / "train.zip").read_bytes() == (tmp_path / "b" / "train.zip").read_bytes()


def test_training_images_are_the_same_file_whatever_the_other_splits_have(tmp_path: Path) -> None:
    flags = ("--draw", "mosaic", "--resolution-px", "16", "--train-images", "3")
    run("draw", *flags, "--test-images", "2", "--val-images", "1", "--out-dir", tmp_path / "a")
    run("draw", *flags, "--test-images", "5", "--val-images", "2", "--out-dir", tmp_path / "b", "--split", "train")
    assert [path.name for path in (tmp_path / "b").glob("*.zip")] == ["train.zip"]
    assert (tmp_path / "a" / "train.zip").read_bytes() == (tmp_path / "b" / "train.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "a" / "test.zip") as archive:
        told = json.loads(archive.read("dataset.json"))["provenance"]["settings"]
    assert {key: value for key, value in told.items() if key.endswith("_images")} == {"test_images": 2}


def test_import_prints_what_became_of_the_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for index in range(4):
        Image.fromarray(rng.integers(0, 256, (9, 9, 3), dtype=np.uint8)).save(folder / f"{index}.png")
    (folder / "notes.txt").write_text("no image")
    sizes = ("--resolution-px", "8", "--train-images", "3", "--test-images", "1")
    run("import", folder, "--out-dir", tmp_path / "out", *sizes)
    output = capsys.readouterr()
    summary = json.loads(output.out)
    assert (summary["train"], summary["test"], summary["skipped"]) == (3, 1, 1)
    assert "data: skipped notes.txt: not an image" in output.err


def test_a_data_set_takes_the_place_of_no_pictures(tmp_path: Path) -> None:
    folder, packed = tmp_path / "photos", tmp_path / "train.zip"
    folder.mkdir()
    with zipfile.ZipFile(packed, "w") as archive:
        for index in range(2):
            Image.new("RGB", (9, 9), (index, 0, 0)).save(folder / f"{index}.png")
            archive.write(folder / f"{index}.png", f"{index}.png")
    before = packed.read_bytes()
    for source, out in ((folder, folder), (folder, folder / ".." / "photos"), (packed, tmp_path)):
        with pytest.raises(StyleAlignError, match=r"--out-dir: .* would take the place of pictures of .*name another"):
            run("import", source, "--out-dir", out, "--resolution-px", "8")
    assert len(list(folder.iterdir())) == 2 and packed.read_bytes() == before
    run("import", packed, "--out-dir", folder / "made", "--resolution-px", "8")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("draw",), "draw is missing; name a domain"),
        (("draw", "--draw", "robot"), "draw: "),
        (("draw", "--settings", '{"path": "photos"}'), "draw is missing"),
        (("draw", "--draw", "human", "--resolution-px", "60"), "power of two"),
        (("draw", "--draw", "human", "--train-images", "0"), "train_images: "),
        (("draw", "--draw", "human", "--jobs", "0"), "--jobs: must be at least 1"),
        (("import", "nowhere"), "nowhere: no such folder or zip"),
        (("import", "photos", "--settings", '{"draw": "human"}'), "give one of draw, path and fetch"),
    ],
)
def test_mistakes_name_the_key_or_flag(tmp_path: Path, words: tuple[str, ...], message: str) -> None:
    with pytest.raises(StyleAlignError, match=message):
        run(*words, "--out-dir", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_importing_the_verb_loads_no_torch() -> None:
    code = "import sys; import stylealign.cli.data; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_labels_are_flags_of_an_import(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("pictures", "masks"):
        (tmp_path / name).mkdir()
        for index in range(4):
            Image.new("L", (9, 12), index).save(tmp_path / name / f"{index}.png")
    (tmp_path / "classes.yaml").write_text("{0: a, 1: b, 2: a, 3: ignore}")
    labels = ("--masks", tmp_path / "masks", "--classes", tmp_path / "classes.yaml", "--upright-labels")
    sizes = ("--resolution-px", "8", "--fit", "letterbox", "--train-images", "3", "--test-images", "1")
    run("import", tmp_path / "pictures", *labels, *sizes, "--out-dir", tmp_path / "out")
    summary = json.loads(capsys.readouterr().out)
    assert sum(split["segmentation"] for split in summary["labelled"].values()) == 3
    assert summary["converted"]["letterboxed"] == 4
    assert json.loads((tmp_path / "out" / "annotations.json").read_text())["upright"]
    assert "annotations" not in json.loads((tmp_path / "out" / "config.json").read_text())
    assert (tmp_path / "out" / "train.annotations.npz").is_file()


def test_labels_alone_come_beside_images_that_are_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "pictures").mkdir()
    for index in range(4):
        Image.new("L", (9, 12), index).save(tmp_path / "pictures" / f"{index}.png")
    (tmp_path / "v.csv").write_text("image,yaw_deg\n" + "".join(f"{index}.png,{index}\n" for index in range(4)))
    labels = ("--values", tmp_path / "v.csv")
    flags = ("import", tmp_path / "pictures", "--resolution-px", "8")
    run(*flags, *labels, "--out-dir", tmp_path / "at-once")
    at_once = capsys.readouterr()
    run(*flags, "--out-dir", tmp_path / "out")
    capsys.readouterr()
    run(*flags, *labels, "--labels-only", "--out-dir", tmp_path / "out")
    told = capsys.readouterr()
    assert told == at_once, "numbers and warnings"
    found = [{path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("at-once", "out")]
    assert found[0] == found[1]
    with pytest.raises(StyleAlignError, match="--labels-only: no labels; give masks"):
        run(*flags, "--labels-only", "--out-dir", tmp_path / "out")


@pytest.mark.parametrize(
    ("name", "negated", "warns"),
    [
        ("yaw_deg", None, True),
        ("headRoll", None, True),
        ("tilt", None, True),
        ("yaw_deg", ["yaw_deg"], False),
        ("yaw_deg", [], False),
        ("rotation_deg", None, False),
        ("scroll", None, False),
    ],
)
def test_an_angle_that_mirroring_may_turn_is_asked_about(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, negated: list[str] | None, warns: bool
) -> None:
    (tmp_path / "pictures").mkdir()
    for index in range(3):
        Image.new("L", (8, 8), index).save(tmp_path / "pictures" / f"{index}.png")
    (tmp_path / "v.csv").write_text(f"image,{name},shift_x\n0.png,1,2\n1.png,2,2\n2.png,2,2\n")
    labels = {"values": str(tmp_path / "v.csv")} | ({} if negated is None else {"negated": negated})
    settings = json.dumps({"annotations": labels, "resolution_px": 8})
    run("import", tmp_path / "pictures", "--settings", settings, "--out-dir", tmp_path / "out")
    told = f"warning: {name} keeps its sign in mirrored images, which half of the training images are; if it turns"
    assert (told in capsys.readouterr().err) == warns


def test_classes_without_masks_are_refused(tmp_path: Path) -> None:
    with pytest.raises(StyleAlignError, match="annotations: give masks, keypoints, values or attributes"):
        run("import", tmp_path, "--classes", "classes.yaml", "--out-dir", tmp_path / "out")


def test_validation_images_are_a_flag_of_an_import(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "pictures").mkdir()
    for index in range(9):
        Image.new("L", (8, 8), 9 * index).save(tmp_path / "pictures" / f"{index}.png")

    def made(*words: str) -> dict[str, int]:
        run("import", tmp_path / "pictures", "--resolution-px", "8", *words, "--out-dir", tmp_path / "out")
        summary = json.loads(capsys.readouterr().out)
        return {split: summary[split] for split in ("train", "test", "val") if split in summary}

    split = {"train": 5, "test": 1, "val": 3}
    assert made("--val-images", "3") == made("--settings", '{"val_images": 3}') == split
    told = DatasetSettings(path="elsewhere", resolution_px=8).as_told(["path"])
    assert made("--settings", json.dumps(told)) == {"train": 8, "test": 1}, "as jobs without one say it"
    told = DatasetSettings(path="elsewhere", resolution_px=8, val_images=500).as_told(["path"])
    for words in (("--val-images", "500"), ("--settings", json.dumps(told))):
        with pytest.raises(StyleAlignError, match=r"too few for 1 for training .* val_images 500; lower one of them"):
            made(*words)


def test_labels_change_no_byte_of_the_images(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    for index in range(12):
        Image.new("RGB", (16, 16), (index, 20, 30)).save(tmp_path / "pictures" / f"{index}.png")
    rows = "".join(f"{index}.png,{index % 2}\n" for index in range(12))
    (tmp_path / "hats.csv").write_text(f"name,hat\n{rows}")
    flags = ("import", tmp_path / "pictures", "--resolution-px", "16", "--train-images", "8", "--test-images", "4")
    run(*flags, "--out-dir", tmp_path / "without")
    run(*flags, "--out-dir", tmp_path / "with", "--attributes", tmp_path / "hats.csv")
    assert (tmp_path / "with" / "train.annotations.npz").exists()
    for split in ("train", "test"):
        zips = [(tmp_path / folder / f"{split}.zip").read_bytes() for folder in ("with", "without")]
        assert zips[0] == zips[1], "a training on them would be another"


def test_validation_images_in_a_settings_object_are_taken_whatever_their_number(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    for index in range(5):
        Image.new("RGB", (8, 8), (40 * index,) * 3).save(tmp_path / "photos" / f"{index}.png")
    settings = {"resolution_px": 8, "val_images": 500}
    with pytest.raises(StyleAlignError, match=r"too few for 1 for training .* val_images 500"):
        run("import", tmp_path / "photos", "--out-dir", tmp_path / "set", "--settings", json.dumps(settings))
    job = DatasetSettings(path="photos", resolution_px=8).as_told({"path", "labellers"})
    assert job["val_images"] == 500, "what jobs were told before there was a validation split"
    run("import", tmp_path / "photos", "--out-dir", tmp_path / "set", "--settings", json.dumps(job))
    assert sorted(path.name for path in (tmp_path / "set").glob("*.zip")) == ["test.zip", "train.zip"]
