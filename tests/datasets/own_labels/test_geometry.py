"""Labels move as the pixels do: a red ellipse, its mask and its middle, through every step of an import."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from PIL import Image, ImageDraw

from stylealign.config import DatasetSettings
from stylealign.datasets import importing
from stylealign.datasets.annotations import Annotations
from stylealign.datasets.conversion import EXIF_ORIENTATION, TURNS
from stylealign.datasets.face_finding import NAMES, find_faces
from stylealign.datasets.images import ImageZip
from stylealign.datasets.importing import import_dataset
from stylealign.datasets.squares import squares_of

WIDTH, HEIGHT = 90, 60
MIDDLES = [(40, 25), (52, 36), (45, 30), (36, 22)]


def write_pictures(folder: Path, orientation: int = 1, kind: str = "png") -> None:
    """Write pictures with a red ellipse each, and their labels in the stored pixels."""
    (folder / "pictures").mkdir(parents=True)
    (folder / "masks").mkdir()
    rows = []
    for index, (x, y) in enumerate(MIDDLES):
        picture, mask = Image.new("RGB", (WIDTH, HEIGHT), (0, 0, 30 * index)), Image.new("L", (WIDTH, HEIGHT), 3)
        box = (x - 14, y - 9, x + 13, y + 8)  # pixels of both ends: its middle lies at (x, y)
        ImageDraw.Draw(picture).ellipse(box, fill=(255, 0, 0))
        ImageDraw.Draw(mask).ellipse(box, fill=7)
        exif = Image.Exif()
        exif[EXIF_ORIENTATION] = orientation
        picture.save(folder / "pictures" / f"{index}.{kind}", exif=exif)
        mask.save(folder / "masks" / f"{index}.png")
        rows.append((f"{index}.{kind}", x, y, x - 14, y))
    with (folder / "points.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("image", "middle_x", "middle_y", "left_end_x", "left_end_y"), *rows])
    (folder / "classes.yaml").write_text("{3: ground, 7: ball}")


def imported(folder: Path, **more: object) -> tuple[np.ndarray, Annotations]:
    files = {"masks": "masks", "keypoints": "points.csv", "classes": "classes.yaml"}
    labels = {key: str(folder / name) for key, name in files.items()}
    labels |= more.pop("labels", {})
    settings = DatasetSettings(
        path=str(folder / "pictures"),
        train_images=3,
        test_images=1,
        annotations=labels,
        **{"resolution_px": 64, **more},
    )
    import_dataset(settings, folder / "set")
    return ImageZip(folder / "set" / "train.zip").read(), Annotations.load(folder / "set" / "train.annotations.npz")


@pytest.mark.parametrize("fit", ["crop", "letterbox"])
@pytest.mark.parametrize(
    ("orientation", "kind"), [*((number, "png") for number in range(1, 9)), (2, "tif"), (3, "tif"), (8, "tif")]
)
def test_masks_and_points_follow_the_pixels(tmp_path: Path, fit: str, orientation: int, kind: str) -> None:
    write_pictures(tmp_path, orientation, kind)
    images, labels = imported(tmp_path, fit=fit)
    assert labels.names.classes == ("ground", "ball")
    red = (images[:, 0] > 127) & (images[:, 1] < 90)
    ball = labels.segmentation == 1
    for index in range(len(images)):
        both, either = (red & ball)[index].sum(), (red | ball)[index].sum()
        assert both / either > 0.93
        rows, columns = np.nonzero(red[index])
        centre = np.array([columns.mean() + 0.5, rows.mean() + 0.5])
        np.testing.assert_allclose(labels.keypoints[index, 0], centre, atol=0.6)
        end = labels.keypoints[index, 1]
        assert red[index, int(end[1]), min(63, int(end[0] + np.sign(centre - end)[0] * 1.5))] or orientation in (
            5,
            6,
            7,
            8,
        )
    bars = labels.segmentation == 255
    assert bars.any() == (fit == "letterbox")
    assert (images.max(axis=1)[bars] == 0).all()


def test_labels_of_the_picture_as_shown_stay(tmp_path: Path) -> None:
    write_pictures(tmp_path, orientation=3)
    images, labels = imported(tmp_path, labels={"upright": True})
    red = (images[:, 0] > 127) & (images[:, 1] < 90)
    ball = labels.segmentation == 1
    turned = ball[:, ::-1, ::-1]
    assert (red & turned).sum() / (red | turned).sum() > 0.93


def test_the_size_of_a_mask_tells_that_it_is_of_the_picture_as_shown(tmp_path: Path) -> None:
    write_pictures(tmp_path, orientation=6)
    for path in (tmp_path / "masks").iterdir():
        with Image.open(path) as mask:
            mask.transpose(Image.Transpose.ROTATE_270).save(path)
    images, labels = imported(tmp_path)
    red, ball = (images[:, 0] > 127) & (images[:, 1] < 90), labels.segmentation == 1
    assert (red & ball).sum() / (red | ball).sum() > 0.93


def test_a_camera_that_mirrors_exchanges_left_and_right(tmp_path: Path) -> None:
    write_pictures(tmp_path, orientation=2)
    text = (tmp_path / "points.csv").read_text()
    (tmp_path / "points.csv").write_text(text.replace("middle_", "right_end_"))
    (tmp_path / "classes.yaml").write_text("{3: left ground, 7: right ground}")
    images, labels = imported(tmp_path)
    red = (images[:, 0] > 127) & (images[:, 1] < 90)
    assert labels.names.classes[0] == "left ground"
    ball = labels.segmentation == 0  # what was the right one is the left one now
    assert (red & ball).sum() / (red | ball).sum() > 0.93
    rows, columns = np.nonzero(red[0])
    left_end = labels.keypoints[0, labels.names.keypoints.index("left_end")]
    np.testing.assert_allclose(left_end, (columns.mean() + 0.5, rows.mean() + 0.5), atol=0.6)


@pytest.mark.parametrize("upright", [False, True])
@pytest.mark.parametrize("orientation", [1, 2, 3, 4, 5, 6, 7, 8])
def test_left_and_right_of_labels_of_the_picture_as_shown_stay(tmp_path: Path, orientation: int, upright: bool) -> None:
    """The left half is red. Told by the size for turns by 90 degrees (5 to 8), by `upright` for all."""
    (tmp_path / "pictures").mkdir()
    (tmp_path / "masks").mkdir()
    images = []
    for index in range(4):
        shown, mask = Image.new("RGB", (90, 60), (0, 0, 30 * index)), Image.new("L", (90, 60), 7)
        shown.paste((255, 0, 0), (0, 0, 45, 60))
        mask.paste(3, (0, 0, 45, 60))
        turn = {**TURNS, 6: TURNS[8], 8: TURNS[6]}.get(orientation)
        exif = Image.Exif()
        exif[EXIF_ORIENTATION] = orientation
        stored = shown if turn is None else shown.transpose(turn)
        stored.save(tmp_path / "pictures" / f"{index}.png", exif=exif)
        if orientation in (1, 2, 3, 4) and not upright:
            mask = mask if turn is None else mask.transpose(turn)
        mask.save(tmp_path / "masks" / f"{index}.png")
        images.append({"id": index, "file_name": f"{index}.png", "width": 90, "height": 60})
    points = [10, 30, 2, 80, 30, 2]
    if not upright:
        points = {2: [80, 30, 2, 10, 30, 2], 3: [80, 30, 2, 10, 30, 2]}.get(orientation, points)
    is_exchanged = orientation in (2, 4) and not upright  # names that were given to the mirrored picture
    annotations = [{"image_id": index, "category_id": 1, "keypoints": points} for index in range(4)]
    categories = [{"id": 1, "keypoints": ["left_end", "right_end"]}]
    coco = {"images": images, "annotations": annotations, "categories": categories}
    (tmp_path / "points.json").write_text(json.dumps(coco))
    (tmp_path / "classes.yaml").write_text("{3: left half, 7: right half}")
    labels = {"upright": upright, "keypoints": str(tmp_path / "points.json")}
    pixels, found = imported(tmp_path, fit="letterbox", labels=labels)
    red = pixels[:, 0] > 127
    left = found.segmentation == (1 if is_exchanged else 0)
    assert (red & left).sum() / (red | left).sum() > 0.93
    x_of = dict(zip(found.names.keypoints, found.keypoints[0, :, 0], strict=True))
    assert (x_of["left_end"] < x_of["right_end"]) != is_exchanged


def test_a_mask_with_a_note_of_its_own_is_turned_once(tmp_path: Path) -> None:
    write_pictures(tmp_path, orientation=3)
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = 3
    for path in (tmp_path / "masks").iterdir():
        with Image.open(path) as mask:
            mask.save(path, exif=exif)
    images, labels = imported(tmp_path)
    red, ball = (images[:, 0] > 127) & (images[:, 1] < 90), labels.segmentation == 1
    assert (red & ball).sum() / (red | ball).sum() > 0.93


def astronaut(folder: Path, size: tuple[int, int] = (512, 512)) -> Image.Image:
    folder.mkdir(parents=True, exist_ok=True)
    return Image.fromarray(skimage.data.astronaut()).resize(size)


@pytest.fixture
def people(tmp_path: Path) -> Path:
    """One face in two sizes, a picture without one, and one with two; masks of half of the brightness."""
    pictures = tmp_path / "pictures"
    whole = astronaut(pictures)
    whole.save(pictures / "a.png")
    astronaut(pictures, (600, 600)).save(pictures / "b.png")
    Image.new("RGB", (200, 200), (9, 99, 9)).save(pictures / "none.png")
    two = Image.new("RGB", (1024, 512))
    two.paste(whole, (0, 0))
    two.paste(whole, (512, 0))
    two.save(pictures / "two.png")
    (tmp_path / "masks").mkdir()
    for name in ("a", "b", "two"):
        with Image.open(pictures / f"{name}.png") as picture:
            picture.convert("L").point(lambda value: int(value > 128)).save(tmp_path / "masks" / f"{name}.png")
    return tmp_path


def test_faces_are_found_cropped_and_labelled(people: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = DatasetSettings(
        path=str(people / "pictures"),
        fit="face",
        train_images=1,
        test_images=1,
        resolution_px=128,
        annotations={"masks": str(people / "masks"), "keypoints": "faces"},
    )
    summary = import_dataset(settings, people / "set")
    told = capsys.readouterr().err
    assert "data: skipped none.png: no face" in told
    assert "data: skipped two.png: several faces (2; --faces largest or all takes them)" in told
    assert summary["labelled"]["train"] == {"segmentation": 1, "keypoints": 1}
    labels = Annotations.load(people / "set" / "train.annotations.npz")
    assert labels.names.keypoints == NAMES
    assert labels.names.swapped[0] == ("left_eye_outer", "right_eye_outer")
    places = dict(zip(NAMES, labels.keypoints[0], strict=True))
    eyes = (places["left_eye_outer"] + places["right_eye_outer"]) / 2
    assert abs(eyes[0] - 64) < 6, "the crop's middle lies between the eyes"
    assert 50 < eyes[1] < 70
    assert places["left_mouth"][0] < places["lip_low"][0] < places["right_mouth"][0]
    assert labels.visible.all()
    image = ImageZip(people / "set" / "train.zip").read()[0]
    bright = image.mean(axis=0) > 128
    assert (bright == labels.segmentation[0]).mean() > 0.9
    again = find_faces(Image.fromarray(image.transpose(1, 2, 0)))
    np.testing.assert_allclose(again[0], labels.keypoints[0], atol=8)


def test_no_face_and_several_are_told_apart(people: Path, capsys: pytest.CaptureFixture[str]) -> None:
    annotations = {"keypoints": "faces"}
    settings = DatasetSettings(path=str(people / "pictures"), resolution_px=64, annotations=annotations)
    import_dataset(settings, people / "set")
    told = capsys.readouterr().err
    assert "data: faces: none.png: no face\n" in told
    assert "data: faces: two.png: several faces (2; " in told


def test_a_picture_of_which_one_face_is_new_is_no_duplicate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_pictures(tmp_path)
    monkeypatch.setattr(importing, "squares_of", lambda *given: squares_of(*given) * 2)  # each has its face twice
    summary = import_dataset(DatasetSettings(path=str(tmp_path / "pictures"), resolution_px=64), tmp_path / "set")
    assert (summary["train"] + summary["test"], summary["skipped"]) == (4, 0)
    told = capsys.readouterr().err
    assert "data: 0.png: 1 of 2 faces left out (the same as one of 0.png)" in told
    assert "duplicate" not in told


@pytest.mark.parametrize(("faces", "images"), [("largest", 3), ("all", 4)])
def test_of_several_faces_the_largest_or_all(people: Path, faces: str, images: int) -> None:
    settings = DatasetSettings(path=str(people / "pictures"), fit="face", faces=faces, resolution_px=64)
    with Image.open(people / "pictures" / "two.png") as two:
        larger = two.crop((0, 0, 512, 512)).resize((700, 700))
        canvas = Image.new("RGB", (1300, 700))
        canvas.paste(two.crop((512, 0, 1024, 512)), (0, 0))
        canvas.paste(larger, (600, 0))
    canvas.save(people / "pictures" / "two.png")
    summary = import_dataset(settings, people / "set")
    assert summary["train"] + summary["test"] == images
    assert json.loads((people / "set" / "config.json").read_text())["faces"] == faces


def test_faces_found_in_a_mirrored_picture_keep_their_sides(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = 2
    face = astronaut(tmp_path / "pictures").crop((100, 0, 400, 300))
    for index in range(2):
        face.point(lambda value, index=index: value // (index + 1)).save(
            tmp_path / "pictures" / f"{index}.png", exif=exif
        )
    annotations = {"keypoints": "faces"}
    settings = DatasetSettings(path=str(tmp_path / "pictures"), resolution_px=64, annotations=annotations)
    import_dataset(settings, tmp_path / "set")
    labels = Annotations.load(tmp_path / "set" / "train.annotations.npz")
    places = dict(zip(NAMES, labels.keypoints[0], strict=True))
    assert places["left_eye_outer"][0] < places["right_eye_outer"][0]
