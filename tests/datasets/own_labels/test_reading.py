"""Files of labels as people have them, and what each mistake in them is called."""

import csv
import io
import json
import unicodedata
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from stylealign.config import DatasetSettings
from stylealign.datasets import large_arrays
from stylealign.datasets.annotations import Annotations
from stylealign.datasets.conversion import EXIF_ORIENTATION
from stylealign.datasets.images import ImageZip
from stylealign.datasets.importing import import_dataset
from stylealign.datasets.own_labels.files import REJECTED_LABELS
from stylealign.errors import StyleAlignError

SIZE = 8
COUNT = 6


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Six pictures `p0.jpg`, ..., all different."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for index in range(COUNT):
        Image.new("RGB", (SIZE, SIZE), (40 * index, 0, 0)).save(folder / f"p{index}.jpg", quality=95)
    return folder


def imported(pictures: Path, **labels: Any) -> tuple[dict[str, Any], Annotations]:
    """Import the pictures with labels; return the summary and the labels of all, in the order of the names."""
    settings = DatasetSettings(
        path=str(pictures),
        resolution_px=SIZE,
        train_images=COUNT - 1,
        test_images=1,
        annotations={key: str(value) if isinstance(value, Path) else value for key, value in labels.items()},
    )
    out = pictures.parent / "set"
    summary = import_dataset(settings, out)
    order = np.random.default_rng(0).permutation(COUNT)
    parts = [Annotations.load(out / f"{split}.annotations.npz") for split in ("train", "test")]
    whole = Annotations(
        *(
            None if getattr(parts[0], name) is None else np.concatenate([getattr(part, name) for part in parts])
            for name in ("segmentation", "keypoints", "visible", "pose")
        ),
        {name: np.concatenate([part.attributes[name] for part in parts]) for name in parts[0].attributes},
        parts[0].names,
    )
    return summary, whole.rows(np.argsort(order))


def rejected(pictures: Path) -> list[tuple[str, ...]]:
    with (pictures.parent / "set" / REJECTED_LABELS).open(newline="") as file:
        return [tuple(row) for row in csv.reader(file)][1:]


def palette_mask(ids: np.ndarray) -> Image.Image:
    mask = Image.fromarray(ids.astype(np.uint8)).convert("P")
    mask.putdata(ids.ravel().tolist())
    mask.putpalette([value for index in range(256) for value in (index, 255 - index, 0)])
    return mask


def test_palette_grey_and_colour_masks(pictures: Path, tmp_path: Path) -> None:
    masks = tmp_path / "masks"
    masks.mkdir()
    ids = np.zeros((SIZE, SIZE), np.uint8)
    ids[:4], ids[0, 0] = 2, 255
    palette_mask(ids).save(masks / "p0.png")
    Image.fromarray(ids).save(masks / "p1.png")
    Image.fromarray(np.repeat(ids[..., None], 3, axis=2)).save(masks / "p2.png")
    Image.fromarray(ids.astype(np.uint16)).save(masks / "p3.png")
    _, labels = imported(pictures, masks=masks, classes={0: "ground", 2: "sky", 255: "ignore"})
    expected = np.where(ids == 255, 255, ids // 2)
    for index in range(4):
        np.testing.assert_array_equal(labels.segmentation[index], expected)
    assert labels.names.classes == ("ground", "sky")
    assert (labels.segmentation[4:] == 255).all(), "a picture may lack its mask"
    assert labels.known().tolist() == [True] * 4 + [False] * 2


def test_masks_that_lie_in_a_file_are_those_in_memory(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ids without names, the later ones lower, of a picture that is mirrored, and none of the last picture."""
    masks = tmp_path / "masks"
    masks.mkdir()
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = 2
    Image.new("RGB", (SIZE, SIZE), (240, 0, 0)).save(pictures / "p1.jpg", exif=exif)
    for index in range(COUNT - 1):
        Image.fromarray(np.full((SIZE, SIZE), 9 - index, np.uint8)).save(masks / f"p{index}.png")
    given = {"masks": masks, "swapped": [("8", "9")]}
    expected = [[4], [4], [2], [1], [0], [255]]
    for least in (large_arrays.LARGE_BYTES, 2):
        monkeypatch.setattr(large_arrays, "LARGE_BYTES", least)
        monkeypatch.setattr(large_arrays, "PART_BYTES", least)
        _, labels = imported(pictures, **given)
        assert labels.names.classes == ("5", "6", "7", "8", "9")
        assert [np.unique(own).tolist() for own in labels.segmentation] == expected


def test_colours_and_merged_classes(pictures: Path, tmp_path: Path) -> None:
    masks = tmp_path / "masks"
    masks.mkdir()
    colours = np.zeros((SIZE, SIZE, 3), np.uint8)
    colours[:2], colours[2:4] = (255, 0, 0), (0, 0, 255)
    for index in range(COUNT):
        Image.fromarray(colours).save(masks / f"p{index}.png")
    (tmp_path / "classes.yaml").write_text('"#000000": ground\n"255,0,0": hair\n"#0000FF": hair\n')
    _, labels = imported(pictures, masks=masks, classes=tmp_path / "classes.yaml")
    assert labels.names.classes == ("ground", "hair")
    assert labels.segmentation[0, :, 0].tolist() == [1] * 4 + [0] * 4


def test_ids_without_names_are_classes_of_their_own(pictures: Path, tmp_path: Path) -> None:
    masks = tmp_path / "masks"
    masks.mkdir()
    for index in range(COUNT):
        Image.new("L", (SIZE, SIZE), (12, 3)[index % 2]).save(masks / f"p{index}.png")
    _, labels = imported(pictures, masks=masks)
    assert labels.names.classes == ("3", "12")
    assert labels.segmentation[:, 0, 0].tolist() == [1, 0, 1, 0, 1, 0]


def test_every_reject_of_masks_is_named(pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    masks = tmp_path / "masks"
    masks.mkdir()
    Image.new("L", (SIZE, SIZE), 0).save(masks / "p0.png")
    Image.new("L", (SIZE, SIZE + 1), 0).save(masks / "p1.png")
    Image.new("L", (SIZE, SIZE), 9).save(masks / "p2.png")
    (masks / "p3.png").write_bytes(b"no picture")
    Image.new("RGB", (SIZE, SIZE), (1, 2, 3)).save(masks / "p4.png")
    Image.new("L", (SIZE, SIZE), 0).save(masks / "other.png")
    summary, labels = imported(pictures, masks=masks, classes={0: "ground"})
    assert sorted(rejected(pictures)) == [
        ("masks", "other.png", "a label without a picture"),
        ("masks", "p1.jpg", "a mask of another size (8x9, the picture has 8x8)"),
        ("masks", "p2.jpg", "unknown id 9"),
        ("masks", "p3.jpg", "not a readable mask (p3.png)"),
        ("masks", "p4.jpg", "a mask of colours (name its colours in `classes`)"),
        ("masks", "p5.jpg", "a picture without a mask"),
    ]
    assert labels.known().tolist() == [True] + [False] * 5
    assert summary["labels_rejected"]["masks: unknown id 9"] == 1
    assert "data: masks: p2.jpg: unknown id 9" in capsys.readouterr().err


def test_the_layout_of_celebamask_hq(pictures: Path, tmp_path: Path) -> None:
    for index in range(COUNT):
        (pictures / f"p{index}.jpg").rename(pictures / f"{index}.jpg")
    folder = tmp_path / "mask-anno" / "0"
    folder.mkdir(parents=True)
    half = np.zeros((SIZE // 2, SIZE // 2, 3), np.uint8)
    half[:2] = 255
    for part, pixels in (("skin", np.full_like(half, 255)), ("l_eye", half), ("hair", half[:, ::-1] * (half > 9))):
        Image.fromarray(pixels).save(folder / f"00003_{part}.png")
    _, labels = imported(pictures, masks=tmp_path / "mask-anno")
    assert labels.names.classes[:3] == ("background", "skin", "nose")
    assert labels.known().tolist() == [False] * 3 + [True] + [False] * 2
    found = [labels.names.classes[place] for place in labels.segmentation[3, :, 0]]
    assert found == ["hair"] * 4 + ["skin"] * 4, "the later part lies over the earlier one; masks of half the size"
    assert ("l_eye", "r_eye") in labels.names.swapped
    assert not any("l_lip" in pair for pair in labels.names.swapped)
    with pytest.raises(StyleAlignError, match="mask-anno: masks of parts, which name their classes; leave annotations"):
        imported(pictures, masks=tmp_path / "mask-anno", classes={"0": "ground", "1": "face"})


COCO = {
    "images": [
        {"id": 1, "file_name": "p0.jpg", "width": SIZE, "height": SIZE},
        {"id": 2, "file_name": "deep/p1.jpg", "width": SIZE, "height": SIZE},
        {"id": 3, "file_name": "p2.jpg", "width": SIZE + 2, "height": SIZE},
        {"id": 4, "file_name": "p4.jpg", "width": 10**9, "height": 10**9},
    ],
    "categories": [{"id": 5, "name": "cat", "keypoints": ["left_ear", "right_ear", "tail"]}, {"id": 6, "name": "box"}],
    "annotations": [
        {
            "id": 1,
            "image_id": 1,
            "category_id": 5,
            "segmentation": [[0, 0, 8, 0, 8, 3.4, 0, 3.4]],
            "keypoints": [1, 2, 2, 6, 2, 1, 0, 0, 0],
        },
        {"id": 2, "image_id": 1, "category_id": 6, "segmentation": {"size": [8, 8], "counts": [0, 2, 62]}},
        {"id": 3, "image_id": 2, "category_id": 5, "keypoints": [1, 2, 2, 60, 2, 2, 4, 4, 2]},
        {"id": 4, "image_id": 3, "category_id": 5, "keypoints": [1, 2, 2, 6, 2, 2, 4, 4, 2]},
    ],
}


def test_polygons_and_key_points_of_coco(pictures: Path, tmp_path: Path) -> None:
    (tmp_path / "coco.json").write_text(json.dumps(COCO))
    _, labels = imported(pictures, masks=tmp_path / "coco.json", keypoints=tmp_path / "coco.json")
    assert labels.names.classes == ("background", "cat", "box")
    assert labels.segmentation[0, :, 0].tolist() == [2, 2, 1, 0, 0, 0, 0, 0], "the middle of row 3 is below 3.4"
    assert labels.names.keypoints == ("left_ear", "right_ear", "tail")
    np.testing.assert_array_equal(labels.keypoints[0], [(1, 2), (6, 2), (np.nan, np.nan)])
    assert labels.visible[0].tolist() == [True, False, False]
    np.testing.assert_array_equal(labels.keypoints[1, 1], [np.nan, np.nan])
    said = {(name, reason) for _, name, reason in rejected(pictures)}
    assert ("p1.jpg", "a key point outside of the picture (right_ear at 60, 2)") in said
    assert ("p2.jpg", "key points of a picture of another size (10x8, the picture has 8x8)") in said
    assert ("p3.jpg", "a picture without key points") in said
    assert ("p4.jpg", "a mask of another size (1000000000x1000000000, the picture has 8x8)") in said


def test_tables_of_spreadsheets(pictures: Path, tmp_path: Path) -> None:
    rows = "image;age;tilt\np0.jpg;1,5;-3\np1;2,5;\np9.jpg;1;1\np2.jpg;old;4\n"
    (tmp_path / "values.csv").write_bytes(b"\xef\xbb\xbf" + rows.encode())
    points = "sep=,\nimage,nose_x,nose_y,nose_visible\np0.jpg,1.5,2,1\np1.jpg,3,4,0\np2.jpg,,,\n"
    (tmp_path / "points.csv").write_bytes(points.encode("utf-16"))
    attributes = "image_id,Smiling,Hat\np0.jpg,1,red\np1.jpg,-1,\np2.jpg,-1,blue\np2.jpg,1,red\n"
    (tmp_path / "attributes.csv").write_text(attributes)
    files = {key: tmp_path / f"{key}.csv" for key in ("values", "attributes")}
    _, labels = imported(pictures, **files, keypoints=tmp_path / "points.csv", negated=["tilt"])
    np.testing.assert_array_equal(labels.pose[:3], [(1.5, -3), (2.5, np.nan), (np.nan, 4)])
    assert labels.names.values == ("age", "tilt")
    assert labels.names.negated == ("tilt",)
    np.testing.assert_array_equal(labels.keypoints[:3, 0], [(1.5, 2), (3, 4), (np.nan, np.nan)])
    assert labels.visible[:3, 0].tolist() == [True, False, False]
    assert labels.attribute_values == {"Smiling": ["no", "yes"], "Hat": ["blue", "red"]}
    assert labels.attributes["Smiling"][:4].tolist() == [1, 0, 0, -1]
    assert labels.attributes["Hat"][:4].tolist() == [1, -1, 0, -1]
    said = rejected(pictures)
    assert ("values.csv", "p9.jpg", "a label without a picture") in said
    assert ("values.csv", "p2.jpg", "age is no number (old)") in said
    assert ("attributes.csv", "p2.jpg", "a second label of one picture (p2.jpg)") in said
    assert ("values.csv", "p5.jpg", "a picture without a row") in said


def test_names_in_zips_of_a_mac(pictures: Path, tmp_path: Path) -> None:
    """Its own program writes decomposed UTF-8 and does not say that it is UTF-8."""
    lines, content = ["image,shade"], io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for index, name in enumerate(("Äpfel", "Öl", "über uns", "naïve", "plain")):
            file = io.BytesIO()
            Image.new("RGB", (8, 8), (40 * index,) * 3).save(file, "PNG")
            archive.writestr(unicodedata.normalize("NFD", f"{name}.png"), file.getvalue())
            lines.append(f"{name}.png,{40 * index}")
    raw = bytearray(content.getvalue())
    for signature, place in ((b"PK\x03\x04", 7), (b"PK\x01\x02", 9)):
        for start in range(len(raw)):
            if raw.startswith(signature, start):
                raw[start + place] &= ~8
    (tmp_path / "mac.zip").write_bytes(raw)
    (tmp_path / "shades.csv").write_text("\n".join(lines), encoding="utf-8")
    settings = DatasetSettings(
        path=str(tmp_path / "mac.zip"), resolution_px=8, annotations={"values": str(tmp_path / "shades.csv")}
    )
    import_dataset(settings, tmp_path / "mac")
    found = Annotations.load(tmp_path / "mac" / "train.annotations.npz").pose
    assert found is not None
    np.testing.assert_array_equal(found[:, 0], ImageZip(tmp_path / "mac" / "train.zip").read()[:, 0, 0, 0])


def test_the_list_attr_format(pictures: Path, tmp_path: Path) -> None:
    (tmp_path / "list_attr.txt").write_text("2\nMale Young\np0.jpg  1 -1\np1.jpg -1  1\n")
    _, labels = imported(pictures, attributes=tmp_path / "list_attr.txt")
    assert labels.attribute_values == {"Male": ["no", "yes"], "Young": ["no", "yes"]}
    assert labels.attributes["Male"].tolist() == [1, 0, -1, -1, -1, -1]


def test_names_in_folders_and_twice(pictures: Path, tmp_path: Path) -> None:
    (pictures / "more").mkdir()
    (pictures / "p5.jpg").rename(pictures / "more" / "p0.jpg")
    (tmp_path / "values.csv").write_text("image,a\nmore/p0.jpg,1\np0.jpg,2\np1,3\nPHOTOS/p2.jpg,4\n")
    _, labels = imported(pictures, values=tmp_path / "values.csv")
    # in the order of the names: more/p0, p0, p1, ...
    np.testing.assert_array_equal(labels.pose[:, 0], [1, 2, 3, 4, np.nan, np.nan])


@pytest.mark.parametrize(
    ("name", "content", "key", "message"),
    [
        ("a.csv", "image\np0.jpg\n", "values", "has no column of numbers"),
        ("a.csv", "", "values", r"a\.csv: not a table \(it is empty\)"),
        ("a.csv", "image,a,a\n", "values", "two columns are named a"),
        ("a.csv", "image,a\np0.jpg,1\n", "keypoints", "has no columns NAME_x and NAME_y"),
        ("a.csv", "image,a_x,a_y\np0,0.1,0.2\np1,0.5,0.9\n", "keypoints", "shares of the frame; give pixels"),
        ("a.json", "{}", "keypoints", r"not COCO annotations \(images: Field required\)"),
        ("a.json", "[", "masks", "not COCO annotations"),
        (
            "a.json",
            '{"images": [], "annotations": [], "categories": [{"id": 1, "name": "cat"}]}',
            "keypoints",
            "no category names key points",
        ),
    ],
)
def test_files_that_are_no_labels(
    pictures: Path, tmp_path: Path, name: str, content: str, key: str, message: str
) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(StyleAlignError, match=message):
        imported(pictures, **{key: tmp_path / name})
    assert not (tmp_path / "set").exists()


@pytest.mark.parametrize("key", ["masks", "keypoints", "values", "attributes"])
def test_missing_files_are_named(pictures: Path, tmp_path: Path, key: str) -> None:
    with pytest.raises(StyleAlignError, match="gone: "):
        imported(pictures, **{key: tmp_path / "gone"})


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        ({"x": "ground"}, "'x' is no id and no colour"),
        ({"0": "ground", "#ff0000": "sky"}, "ids stand beside colours"),
        ("gone.yaml", r"gone\.yaml: No such file"),
    ],
)
def test_classes_that_are_none(pictures: Path, tmp_path: Path, classes: Any, message: str) -> None:
    (tmp_path / "masks").mkdir()
    with pytest.raises(StyleAlignError, match=message):
        imported(pictures, masks=tmp_path / "masks", classes=classes)


def test_labels_of_which_none_can_be_used_are_refused(pictures: Path, tmp_path: Path) -> None:
    (tmp_path / "masks").mkdir()
    for index in range(COUNT):
        Image.new("L", (SIZE, SIZE), 7).save(tmp_path / "masks" / f"p{index}.png")
    with pytest.raises(
        StyleAlignError, match=r"annotations\.masks: .*masks: no label of it can be used \(unknown id 7: 6\)"
    ):
        imported(pictures, masks=tmp_path / "masks", classes={0: "ground"})
    with pytest.raises(StyleAlignError, match=r"keypoints: faces: no label of it can be used \(no face: 6\)"):
        imported(pictures, keypoints="faces")
    (tmp_path / "values.csv").write_text("image,a\nother,1\n")
    with pytest.raises(StyleAlignError, match=r"can be used \(a picture without a row: 6\)"):
        imported(pictures, values=tmp_path / "values.csv")


def test_the_reason_is_of_labels_that_have_a_picture(pictures: Path, tmp_path: Path) -> None:
    (tmp_path / "masks").mkdir()
    for index in range(2, 20):
        Image.new("RGB", (SIZE, SIZE), (0, 0, 0)).save(tmp_path / "masks" / f"p{index}.png")
    for gone in range(3, COUNT):
        (tmp_path / "masks" / f"p{gone}.png").unlink()
    with pytest.raises(StyleAlignError, match=r"can be used \(unknown colour #000000: 1\); mend the labels"):
        imported(pictures, masks=tmp_path / "masks", classes={"#ff0000": "roof"})


def test_a_class_that_no_image_has_is_named(pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "masks").mkdir()
    for index in range(COUNT):
        Image.new("L", (SIZE, SIZE), index % 2).save(tmp_path / "masks" / f"p{index}.png")
    imported(pictures, masks=tmp_path / "masks", classes={0: "sky", 1: "wall"})
    assert "no image has" not in capsys.readouterr().err
    imported(pictures, masks=tmp_path / "masks", classes={0: "sky", 1: "wall", 7: "moon"})
    assert "data: masks: no image has a pixel of the class moon\n" in capsys.readouterr().err
    imported(pictures, masks=tmp_path / "masks", classes=dict(enumerate("abcdef")))
    assert "data: masks: no image has a pixel of the class c, d, e and 1 more\n" in capsys.readouterr().err


def test_masks_of_other_pictures_are_refused(pictures: Path, tmp_path: Path) -> None:
    (tmp_path / "masks").mkdir()
    Image.new("L", (SIZE, SIZE), 0).save(tmp_path / "masks" / "other.png")
    with pytest.raises(StyleAlignError, match="no mask is of a picture"):
        imported(pictures, masks=tmp_path / "masks")


def test_declared_pairs_must_be_names(pictures: Path, tmp_path: Path) -> None:
    (tmp_path / "values.csv").write_text("image,a,b\np0.jpg,1,2\n")
    with pytest.raises(StyleAlignError, match=r"annotations\.swapped: no 'c' among a, b"):
        imported(pictures, values=tmp_path / "values.csv", swapped=[("a", "c")])
    _, labels = imported(pictures, values=tmp_path / "values.csv", swapped=[("a", "b")])
    assert labels.names.swapped == (("a", "b"),)
    (tmp_path / "attributes.csv").write_text("image,old\np0.jpg,no\np1.jpg,yes\n")
    both = {"values": tmp_path / "values.csv", "attributes": tmp_path / "attributes.csv"}
    with pytest.raises(StyleAlignError, match=r"annotations\.swapped: 'a' and 'old' are labels of two kinds"):
        imported(pictures, **both, swapped=[("a", "old")])


def test_labels_go_when_the_set_is_made_again_without_them(pictures: Path, tmp_path: Path) -> None:
    (tmp_path / "values.csv").write_text("image,a\np0.jpg,1\n")
    imported(pictures, values=tmp_path / "values.csv")
    settings = DatasetSettings(path=str(pictures), resolution_px=SIZE, train_images=5, test_images=1)
    import_dataset(settings, tmp_path / "set")
    left = sorted(path.name for path in (tmp_path / "set").iterdir())
    assert left == ["config.json", "preview.png", "test.zip", "train.zip"]


def test_labels_that_all_lie_in_the_test_split_are_told(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    held_out = np.random.default_rng(0).permutation(COUNT)[-1]
    (tmp_path / "values.csv").write_text(f"image,a\np{held_out}.jpg,1\n")
    imported(pictures, values=tmp_path / "values.csv")
    assert "data: pose: all 1 labelled images lie in the test split, and none is left" in capsys.readouterr().err
