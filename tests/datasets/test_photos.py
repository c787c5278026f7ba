"""Pictures of any shape as square images: what is read, how it is fitted, and the geometry of face crops."""

import json
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stylealign.datasets.faces import POINTS, align_face, crop_rectangle
from stylealign.datasets.photos import read_landmarks, read_photos
from stylealign.errors import StyleAlignError

FACE = np.array([[40.0, 50], [60, 50], [50, 62], [43, 70], [57, 70]])
"""Eyes 20 px apart, the mouth 20 px under them."""


def picture(width: int = 20, height: int = 10, colour: tuple[int, int, int] = (255, 0, 0)) -> Image.Image:
    return Image.new("RGB", (width, height), colour)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two pictures, a text file and a folder with another picture."""
    photos = tmp_path / "photos"
    (photos / "more").mkdir(parents=True)
    picture().save(photos / "b.png")
    picture(8, 8, (0, 0, 255)).save(photos / "a.jpg")
    picture(8, 16).save(photos / "more" / "c.png")
    (photos / "notes.txt").write_text("no picture")
    return photos


def test_a_folder_is_read_in_the_order_of_its_names(folder: Path) -> None:
    photos = read_photos(folder, 8, "crop")
    assert photos.names == ["a.jpg", "b.png", "more/c.png"]
    assert photos.images.shape == (3, 3, 8, 8)
    assert photos.changes == [[], ["cropped to a square"], ["cropped to a square"]]
    assert photos.skipped == [("notes.txt", "not an image")]
    assert read_photos(folder, 8, "crop", limit=2).names == ["a.jpg", "b.png"]


def test_a_zip_and_a_single_picture_are_read_alike(folder: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        for name in ("a.jpg", "b.png"):
            archive.write(folder / name, name)
    both = read_photos(tmp_path / "photos.zip", 8, "crop")
    single = read_photos(folder / "b.png", 8, "crop")
    np.testing.assert_array_equal(both.images[1:], single.images)
    assert single.names == ["b.png"]


def test_a_letterbox_keeps_the_whole_picture(folder: Path) -> None:
    photos = read_photos(folder / "b.png", 20, "letterbox")
    assert photos.changes == [["letterboxed"]]
    assert (photos.images[0, 0, 5:15] == 255).all()
    assert (photos.images[0][:, [0, 4, 15, 19]] == 0).all()


def test_what_holds_no_picture_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(StyleAlignError, match=r"^[^;]*notes\.txt: holds no picture that can be read: not an"):
        read_photos(folder / "notes.txt", 8, "crop")
    with pytest.raises(StyleAlignError, match="nowhere: no such file; give a picture"):
        read_photos(tmp_path / "nowhere", 8, "crop")
    (tmp_path / "broken.zip").write_bytes(b"PK")
    with pytest.raises(StyleAlignError, match=r"broken\.zip: not a readable zip"):
        read_photos(tmp_path / "broken.zip", 8, "crop")


def test_the_crop_of_an_upright_face() -> None:
    """By hand: x' = (20, 0), y' = (0, -20), centre (50, 50) - 0.1 y' = (50, 52), side max(80, 72)."""
    np.testing.assert_allclose(crop_rectangle(FACE), [[10, 12], [10, 92], [90, 92], [90, 12]], atol=1e-9)
    longer = FACE.copy()
    longer[3:, 1] += 10
    side = crop_rectangle(longer)[2] - crop_rectangle(longer)[0]
    np.testing.assert_allclose(side, [3.6 * 30] * 2, atol=1e-9)


@pytest.mark.parametrize("degrees", [0, 30, -75, 160])
def test_the_crop_turns_and_scales_with_the_face(degrees: float) -> None:
    angle = np.radians(degrees)
    turn = 1.7 * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    np.testing.assert_allclose(crop_rectangle(FACE @ turn.T + 7), crop_rectangle(FACE) @ turn.T + 7, atol=1e-9)


def test_an_aligned_face_has_its_points_where_the_geometry_says() -> None:
    """A disc at each eye of a turned face comes out at the same place as in an upright one."""
    angle = np.radians(25)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = (FACE - 50) @ turn.T + 100
    rows, columns = np.mgrid[:200, :200] + 0.5
    pixels = np.zeros((200, 200, 3), np.uint8)
    for channel, eye in enumerate(points[:2]):
        pixels[..., channel] = 255 * (np.hypot(columns - eye[0], rows - eye[1]) < 3)
    aligned = np.asarray(align_face(Image.fromarray(pixels), points, 80)).astype(float)
    for channel, expected in ((0, (30, 38)), (1, (50, 38))):  # (40, 50) and (60, 50) from the corner (10, 12)
        weight = aligned[..., channel]
        rows, columns = np.mgrid[:80, :80] + 0.5
        found = (weight * columns).sum() / weight.sum(), (weight * rows).sum() / weight.sum()
        np.testing.assert_allclose(found, expected, atol=0.3)


def test_a_crop_over_the_border_mirrors_the_picture() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (100, 100, 3), dtype=np.uint8)
    shifted = FACE - [35, 0]  # the crop starts at x = -25
    aligned = np.asarray(align_face(Image.fromarray(pixels), shifted, 80)).astype(int)
    assert aligned[:, :25].std() > 10
    np.testing.assert_allclose(aligned[:, 3:25], aligned[:, 25:47][:, ::-1], atol=1)


def test_landmarks_come_as_json_or_csv(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "points.json").write_text(json.dumps({"b.png": FACE.tolist()}))
    head = ",".join(["image", *(f"{name}_{axis}" for name in POINTS for axis in "xy")])
    (tmp_path / "points.csv").write_text(head + "\nb.png," + ",".join(map(str, FACE.ravel())) + "\n")
    for name in ("points.json", "points.csv"):
        np.testing.assert_array_equal(read_landmarks(tmp_path / name)["b.png"], FACE)
    picture(100, 100).save(folder / "b.png")
    photos = read_photos(folder / "b.png", 8, "face", landmarks=read_landmarks(tmp_path / "points.json"))
    assert photos.changes == [["aligned by landmarks"]]
    with pytest.raises(StyleAlignError, match=r"a\.jpg: has no landmarks"):
        read_photos(folder, 8, "face", landmarks=read_landmarks(tmp_path / "points.json"))


@pytest.mark.parametrize(
    ("text", "message"),
    [("{", "not landmarks"), ('{"a": [[1, 2]]}', "a: needs five points"), ("[]", "not landmarks")],
)
def test_damaged_landmarks_are_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "p.json").write_text(text)
    with pytest.raises(StyleAlignError, match=message):
        read_landmarks(tmp_path / "p.json")


HEAD = ["image", *(f"{name}_{axis}" for name in POINTS for axis in "xy")]


@pytest.mark.parametrize(
    ("separator", "decimal", "encoding", "before"),
    [
        (",", ".", "utf-8", ""),
        (",", ".", "utf-8-sig", ""),
        (";", ",", "utf-8-sig", ""),
        (";", ".", "cp1252", "sep=;\r\n"),
        ("\t", ",", "utf-16", ""),
    ],
)
def test_landmarks_of_a_spreadsheet(tmp_path: Path, separator: str, decimal: str, encoding: str, before: str) -> None:
    values = [str(value + 0.5).replace(".", decimal) for value in FACE.ravel()]
    lines = [separator.join(HEAD), separator.join(["caf\u00e9.png", *values]), separator * 10, ""]
    (tmp_path / "points.csv").write_bytes((before + "\r\n".join(lines)).encode(encoding))
    points = read_landmarks(tmp_path / "points.csv")
    assert list(points) == ["caf\u00e9.png"]
    np.testing.assert_allclose(points["caf\u00e9.png"], FACE + 0.5)


def test_landmarks_as_json_with_a_mark(tmp_path: Path) -> None:
    (tmp_path / "points.json").write_text(json.dumps({"b.png": FACE.tolist()}), encoding="utf-8-sig")
    np.testing.assert_array_equal(read_landmarks(tmp_path / "points.json")["b.png"], FACE)


@pytest.mark.parametrize("name", ["cafe\u0301.png", "caf\u00e9.png", os.fsdecode(b"caf\xe9.png")])
def test_landmarks_of_a_name_however_it_is_written(tmp_path: Path, name: str) -> None:
    picture(100, 100).save(tmp_path / "a.png")
    (tmp_path / "a.png").rename(tmp_path / name)
    (tmp_path / "points.csv").write_bytes(
        "\n".join([",".join(HEAD), ",".join(["caf\u00e9.png", *map(str, FACE.ravel())])]).encode("cp1252")
    )
    photos = read_photos(tmp_path / name, 8, "face", landmarks=read_landmarks(tmp_path / "points.csv"))
    assert photos.names == [name]


def test_what_the_system_left_is_no_picture(folder: Path) -> None:
    (folder / "Thumbs.db").write_bytes(b"1234")
    (folder / "._a.jpg").write_bytes(b"\0\5\x16\7")
    assert read_photos(folder, 8, "crop").skipped == [("notes.txt", "not an image")]


def test_a_file_of_landmarks_may_lie_beside_the_pictures(folder: Path) -> None:
    points = dict.fromkeys(("a.jpg", "b.png", "c.png"), FACE / 10)
    (folder / "points.json").write_text(json.dumps({name: values.tolist() for name, values in points.items()}))
    photos = read_photos(folder, 8, "face", landmarks=read_landmarks(folder / "points.json"))
    assert photos.names == ["a.jpg", "b.png", "more/c.png"]
    assert [name for name, _ in photos.skipped] == ["notes.txt", "points.json"]


@pytest.mark.parametrize("factor", [0.01, 1000, -1])
def test_landmarks_that_are_no_pixels_of_the_picture(tmp_path: Path, factor: float) -> None:
    """Shares of the frame, or pixels of another picture: a crop of nothing, or of more than memory holds."""
    picture(100, 100).save(tmp_path / "a.png")
    with pytest.raises(StyleAlignError, match=r"a\.png: its landmarks are no points of a picture of 100x100 px"):
        read_photos(tmp_path / "a.png", 8, "face", landmarks={"a.png": FACE * factor - 40 * (factor < 0)})
