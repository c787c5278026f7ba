"""`stylealign predict` on made pictures, by networks whose answer is known."""

import csv
import io
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from stylealign.cli.main import main
from stylealign.datasets.annotations import UNKNOWN_CLASS, Annotations
from stylealign.datasets.images import ImageZip
from stylealign.report.figures import CLASS_COLOURS
from tests.applications.onnx_files import Brightness, Channels, Colours, write_labeller

NAMES = ["dark", "light"]


def run(*arguments: Any) -> int:
    return main([str(argument) for argument in arguments])


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Return a folder of pictures whose right half is light: wide, tall, turned by its EXIF data, two of one stem."""
    folder = tmp_path / "pictures"
    (folder / "inner").mkdir(parents=True)
    for name, width, height in (("wide.png", 64, 32), ("inner/tall.png", 20, 40), ("same.bmp", 32, 32)):
        _halves(width, height).save(folder / name)
    _halves(32, 32).save(folder / "same.png")
    turned = _halves(32, 16).rotate(90, expand=True)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    turned.save(folder / "turned.jpg", exif=exif, quality=100)
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (folder / "notes.txt").write_text("no picture")
    return folder


def _halves(width: int, height: int) -> Image.Image:
    pixels = np.full((height, width, 3), 10, np.uint8)
    pixels[:, width // 2 :] = 240
    return Image.fromarray(pixels)


def _rows(folder: Path) -> dict[str, dict[str, str]]:
    with (folder / "labels.csv").open(newline="", encoding="utf-8") as file:
        return {row["image"]: row for row in csv.DictReader(file)}


def test_masks_lie_on_the_pictures(tmp_path: Path, pictures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    net = write_labeller(tmp_path, Brightness(), task="segmentation", names=NAMES)
    out = tmp_path / "out"
    assert run("predict", net, pictures, "--out-dir", out) == 0
    told = capsys.readouterr()
    assert json.loads(told.out) == {"task": "segmentation", "pictures": 5, "skipped": 2}
    assert "skipped broken.png" in told.err
    masks = {path.relative_to(out / "masks").as_posix() for path in (out / "masks").rglob("*.png")}
    assert masks == {"wide.png", "inner/tall.png", "same.bmp.png", "same.png.png", "turned.png"}
    for name, size in (("wide.png", (64, 32)), ("inner/tall.png", (20, 40)), ("turned.png", (32, 16))):
        with Image.open(out / "masks" / name) as mask:
            assert (mask.mode, mask.size) == ("P", size)
            classes = np.asarray(mask)
        assert np.array_equal(np.unique(classes), [0, 1]), name
        half = size[0] // 2
        assert (classes[:, : half - 3] == 0).all(), name
        assert (classes[:, half + 3 :] == 1).all(), name
        with Image.open(out / "overlays" / name) as overlay:
            assert overlay.size == size
    assert yaml.safe_load((out / "classes.yaml").read_text()) == {0: "dark", 1: "light", 255: "ignore"}
    assert float(_rows(out)["wide.png"]["light"]) == pytest.approx(0.5, abs=0.05)
    assert (out / "overview.png").is_file()
    assert set(json.loads((out / "predict.json").read_text())["provenance"]["inputs_sha256"]) >= {"network", "onnx"}


def test_coco_holds_the_same_pixels_as_the_masks(tmp_path: Path, pictures: Path) -> None:
    net = write_labeller(tmp_path, Brightness(), task="segmentation", names=NAMES)
    assert run("predict", net, pictures, "--out-dir", tmp_path / "out") == 0
    content = json.loads((tmp_path / "out" / "labels.json").read_text())
    images = {image["id"]: image for image in content["images"]}
    assert content["categories"] == [{"id": 1, "name": "light"}]
    for entry in content["annotations"]:
        name = images[entry["image_id"]]["file_name"]
        if name != "wide.png":
            continue
        height, width = entry["segmentation"]["size"]
        counts = entry["segmentation"]["counts"]
        flat = np.repeat(np.arange(len(counts)) % 2, counts)
        mask = np.asarray(Image.open(tmp_path / "out" / "masks" / "wide.png"))
        assert np.array_equal(flat.reshape(width, height).T, mask == 1)
        assert entry["area"] == (mask == 1).sum()
        assert entry["bbox"] == pytest.approx([32, 0, 32, 32], abs=2)


def test_a_crop_says_what_it_did_not_see(tmp_path: Path, pictures: Path) -> None:
    net = write_labeller(tmp_path, Brightness(), task="segmentation", names=NAMES)
    assert run("predict", net, pictures / "wide.png", "--fit", "crop", "--out-dir", tmp_path / "out") == 0
    mask = np.asarray(Image.open(tmp_path / "out" / "masks" / "wide.png"))
    assert (mask[:, :16] == UNKNOWN_CLASS).all()
    assert (mask[:, 48:] == UNKNOWN_CLASS).all()
    assert set(np.unique(mask[:, 16:48])) == {0, 1}


def test_key_points_are_in_the_pixels_of_the_picture(tmp_path: Path) -> None:
    columns, rows = np.arange(80) + 0.5, np.arange(40)[:, None] + 0.5
    spots = [np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 18) * 255 for x, y in ((20, 10), (60, 12), (41, 30))]
    (tmp_path / "pictures").mkdir()
    Image.fromarray(np.stack(spots, axis=2).round().astype(np.uint8)).save(tmp_path / "pictures" / "spots.png")
    names = ["left_eye", "right_eye", "nose"]
    net = write_labeller(tmp_path, Channels(), task="keypoints", names=names, size=80, visible_from=0.2)
    assert run("predict", net, tmp_path / "pictures", "--out-dir", tmp_path / "out") == 0
    row = _rows(tmp_path / "out")["spots.png"]
    found = [[float(row[f"{name}_{axis}"]) for axis in "xy"] for name in names]
    assert np.array(found) == pytest.approx(np.array([[20, 10], [60, 12], [41, 30]]), abs=0.3)
    content = json.loads((tmp_path / "out" / "labels.json").read_text())
    assert content["categories"][0]["keypoints"] == names
    assert content["categories"][0]["skeleton"] == [[1, 2]]
    assert content["annotations"][0]["keypoints"][:3] == pytest.approx([20, 10, 2], abs=0.3)


def test_numbers_and_attributes(tmp_path: Path) -> None:
    Image.new("RGB", (16, 16), (255, 51, 204)).save(tmp_path / "pink.png")
    pose = write_labeller(tmp_path, Colours(), name="pose", task="pose", names=["red", "green", "blue"])
    values = {"hat": ["none", "cap"], "tall": ["yes"]}
    attributes = write_labeller(tmp_path, Colours(), name="attributes", task="attributes", names=values)
    for net in (pose, attributes):
        assert run("predict", net, tmp_path / "pink.png", "--out-dir", tmp_path / net.stem) == 0
    assert [float(_rows(tmp_path / "pose")["pink.png"][name]) for name in ("red", "green", "blue")] == pytest.approx(
        [1.0, 0.2, 0.8], abs=1e-3
    )
    assert _rows(tmp_path / "attributes")["pink.png"] == {"image": "pink.png", "hat": "none", "tall": "yes"}


def test_again_and_in_the_way(tmp_path: Path, pictures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    net = write_labeller(tmp_path, Brightness(), task="segmentation", names=NAMES)
    out = tmp_path / "out"
    assert run("predict", net, pictures, "--out-dir", out) == 0
    assert run("predict", net, pictures / "wide.png", "--out-dir", out) == 0
    assert [path.name for path in (out / "masks").iterdir()] == ["wide.png"]  # nothing of the older run is left
    own = tmp_path / "own"
    (own / "masks").mkdir(parents=True)
    (own / "masks" / "mine.png").write_bytes(b"mine")
    capsys.readouterr()
    for place, message in ((own, "holds masks of something else"), (pictures / "out", "lies in the folder of the pic")):
        assert run("predict", net, pictures, "--out-dir", place) == 2
        assert message in capsys.readouterr().err
    assert (own / "masks" / "mine.png").read_bytes() == b"mine"


def test_a_name_that_is_no_utf_8(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    _halves(32, 32).save(folder / "a.png")
    os.rename(folder / "a.png", os.fsencode(folder) + b"/\xff.png")
    net = write_labeller(tmp_path, Brightness(), task="segmentation", names=NAMES)
    assert run("predict", net, folder, "--out-dir", tmp_path / "out") == 0
    assert "\\udcff.png," in (tmp_path / "out" / "labels.csv").read_text()
    (image,) = json.loads((tmp_path / "out" / "labels.json").read_text())["images"]
    assert image["file_name"] == "\udcff.png"


def test_no_picture_at_all_leaves_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    net = write_labeller(tmp_path, Brightness(), task="segmentation", names=NAMES)
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "notes.txt").write_text("no picture")
    for source in (tmp_path / "empty", tmp_path / "nowhere"):
        assert run("predict", net, source, "--out-dir", tmp_path / "out") == 2
        assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_masks_of_pictures_that_differ_in_their_ending_are_imported_to_their_own(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for index in range(3):
        _halves(32 + 2 * index, 32 + 2 * index).save(folder / f"{index}.png")
    _halves(32, 32).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(folder / "0.bmp")
    net = write_labeller(tmp_path, Brightness(), task="segmentation", names=NAMES)
    out = tmp_path / "out"
    assert run("predict", net, folder, "--out-dir", out) == 0
    labels = ("--masks", out / "masks", "--classes", out / "classes.yaml")
    sizes = ("--resolution-px", "32", "--train-images", "3", "--test-images", "1")
    assert run("data", "import", folder, *labels, *sizes, "--out-dir", tmp_path / "data") == 0
    right = []
    for split in ("train", "test"):
        pixels = ImageZip(tmp_path / "data" / f"{split}.zip").read()
        classes = Annotations.load(tmp_path / "data" / f"{split}.annotations.npz").segmentation
        assert classes is not None
        light = pixels[:, 0, 16, 30] > 128
        assert np.array_equal(classes[:, 16, 30] == 1, light)
        right += light.tolist()
    assert sorted(right) == [False, True, True, True]


def test_names_in_a_zip_lead_to_no_other_folder(tmp_path: Path) -> None:
    net = write_labeller(tmp_path, Brightness(), task="segmentation", names=NAMES)
    _halves(32, 32).save(tmp_path / "picture.png")
    content, work = (tmp_path / "picture.png").read_bytes(), tmp_path / "deep" / "work"
    with zipfile.ZipFile(tmp_path / "pictures.zip", "w") as archive:
        for name in ("../../out.png", "../../../more/out.png", f"{tmp_path}/absolute.png", "out.png"):
            archive.writestr(name, content)
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    assert run("predict", net, tmp_path / "pictures.zip", "--out-dir", work) == 0
    made = {path for path in tmp_path.rglob("*") if path.is_file()} - before
    assert all(path.is_relative_to(work) for path in made), made
    assert len(list((work / "masks").rglob("*.png"))) == 4, "two of one name are two files"


def test_names_in_a_zip_that_lead_out_of_it_lead_nowhere(tmp_path: Path) -> None:
    net = write_labeller(tmp_path, Brightness(), task="segmentation", names=NAMES)
    away = tmp_path / "away" / "two.png"
    content = io.BytesIO()
    _halves(32, 32).save(content, "PNG")
    with zipfile.ZipFile(tmp_path / "pictures.zip", "w") as packed:
        for name in ("../../../one.png", str(away), "in/three.png"):
            packed.writestr(name, content.getvalue())
    before = set(tmp_path.rglob("*"))
    assert run("predict", net, tmp_path / "pictures.zip", "--out-dir", tmp_path / "out") == 0
    assert len(list((tmp_path / "out" / "masks").rglob("*.png"))) == 3
    assert len(list((tmp_path / "out" / "overlays").rglob("*.png"))) == 3
    made = set(tmp_path.rglob("*")) - before
    assert all(path.is_relative_to(tmp_path / "out") for path in made)
    assert not away.exists()


def test_a_class_that_is_called_image_takes_no_pictures_place(tmp_path: Path) -> None:
    net = write_labeller(tmp_path, Brightness(), task="segmentation", names=["text", "image"])
    _halves(32, 32).save(tmp_path / "page.png")
    assert run("predict", net, tmp_path / "page.png", "--out-dir", tmp_path / "out") == 0
    with (tmp_path / "out" / "labels.csv").open(newline="", encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert row["image_id"] == "page.png"
    assert float(row["image"]) == pytest.approx(0.5, abs=0.05)


def test_masks_have_the_colours_of_the_classes_names(tmp_path: Path) -> None:
    net = write_labeller(tmp_path, Brightness(), task="segmentation", names=["background", "clothes"])
    _halves(32, 32).save(tmp_path / "page.png")
    assert run("predict", net, tmp_path / "page.png", "--out-dir", tmp_path / "out") == 0
    with Image.open(tmp_path / "out" / "masks" / "page.png") as mask:
        assert tuple(mask.getpalette()[3:6]) == CLASS_COLOURS["clothes"]  # type: ignore[index]
