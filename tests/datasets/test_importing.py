"""A folder or zip of somebody's own images becomes a data set; every file that does not is named."""

import io
import json
import os
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from stylealign.config import DatasetSettings
from stylealign.datasets.drawing import draw_dataset
from stylealign.datasets.images import ImageZip
from stylealign.datasets.importing import Archive, import_dataset
from stylealign.datasets.sources import image_sources
from stylealign.errors import StyleAlignError
from stylealign.experiment.content import count_files
from stylealign.files import sha256_of_path


def settings(path: Path, train: int = 6, test: int = 2, **more: Any) -> DatasetSettings:
    return DatasetSettings(path=str(path), resolution_px=8, train_images=train, test_images=test, **more)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Eight good pictures of several kinds in two folders, a duplicate, and three files that are none."""
    folder = tmp_path / "photos"
    (folder / "holiday").mkdir(parents=True)
    rng = np.random.default_rng(0)
    modes = ("RGB", "RGB", "RGB", "L", "CMYK", "RGBA", "RGB", "RGB")
    for index, mode in enumerate(modes):
        pixels = Image.fromarray(rng.integers(0, 256, (12, 10, 3), dtype=np.uint8)).convert(mode)
        pixels.save(folder / ("holiday" if index % 2 else "") / f"{index}.{'tif' if mode == 'CMYK' else 'png'}")
    (folder / "copy.png").write_bytes((folder / "0.png").read_bytes())
    (folder / "cut.png").write_bytes((folder / "2.png").read_bytes()[:150])
    (folder / "empty.jpg").touch()
    (folder / "notes.txt").write_text("the sea was warm")
    return folder


def test_a_folder_becomes_a_data_set(photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    summary = import_dataset(settings(photos), out)
    assert sorted(file.name for file in out.iterdir()) == ["config.json", "preview.png", "test.zip", "train.zip"]
    assert (summary["train"], summary["test"], summary["files"], summary["skipped"]) == (6, 2, 12, 4)
    assert summary["unused"] == 0
    assert summary["converted"] == {
        "cropped to a square": 8,
        "grey to RGB": 1,
        "CMYK to RGB": 1,
        "transparency to white": 1,
    }
    assert summary["skipped_by_reason"] == {"duplicate": 1, "truncated": 1, "empty file": 1, "not an image": 1}
    messages = capsys.readouterr().err
    for line in (
        "copy.png: duplicate (the same picture as 0.png)",
        "cut.png: truncated",
        "empty.jpg: empty file",
        "notes.txt: not an image",
    ):
        assert f"data: skipped {line}" in messages
    train, test = ImageZip(out / "train.zip").read(), ImageZip(out / "test.zip").read()
    assert (train.shape, test.shape) == ((6, 3, 8, 8), (2, 3, 8, 8))
    assert len({image.tobytes() for image in (*train, *test)}) == 8


def test_a_zip_gives_the_same_set_as_its_folder(photos: Path, tmp_path: Path) -> None:
    packed = tmp_path / "photos.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for file in photos.rglob("*"):
            archive.write(file, file.relative_to(photos))
    import_dataset(settings(photos), tmp_path / "a")
    import_dataset(settings(packed), tmp_path / "b")
    for split in ("train", "test"):
        ours, theirs = (ImageZip(tmp_path / name / f"{split}.zip").read() for name in "ab")
        np.testing.assert_array_equal(ours, theirs)


def test_the_seed_chooses_the_split(photos: Path, tmp_path: Path) -> None:
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        import_dataset(settings(photos, train=4, test=2, seed=seed), tmp_path / name)
    a, b, c = ((tmp_path / name / "train.zip").read_bytes() for name in "abc")
    assert a == b
    assert a != c


def test_too_few_images_leave_nothing_behind(photos: Path, tmp_path: Path) -> None:
    with pytest.raises(StyleAlignError, match=r"8 usable images \(4 files skipped\), fewer than train_images"):
        import_dataset(settings(photos, train=7, test=2), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_missing_or_damaged_source_is_named(tmp_path: Path) -> None:
    with pytest.raises(StyleAlignError, match="nowhere: no such folder or zip"):
        import_dataset(settings(tmp_path / "nowhere"), tmp_path / "out")
    broken = tmp_path / "broken.zip"
    broken.write_bytes(b"PK\x03\x04 and then nothing")
    with pytest.raises(StyleAlignError, match=r"broken\.zip: not a readable zip"):
        import_dataset(settings(broken), tmp_path / "out")


def test_a_damaged_entry_of_a_zip_is_skipped_and_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    packed = tmp_path / "photos.zip"
    rng = np.random.default_rng(1)
    with zipfile.ZipFile(packed, "w") as archive:
        for index in range(4):
            buffer = io.BytesIO()
            Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(buffer, "PNG")
            archive.writestr(f"{index}.png", buffer.getvalue())
    content = bytearray(packed.read_bytes())
    content[content.index(b"2.png") + 60] ^= 0xFF
    packed.write_bytes(bytes(content))
    summary = import_dataset(settings(packed, train=2, test=1), tmp_path / "out")
    assert (summary["files"], summary["skipped"]) == (4, 1)
    assert "data: skipped 2.png: not readable" in capsys.readouterr().err


def test_numbers_left_out_hold_out_a_tenth_and_say_so(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = DatasetSettings(path=str(photos), resolution_px=8)
    summary = import_dataset(own, tmp_path / "out")
    assert (summary["train"], summary["test"]) == (7, 1)
    assert (
        "data: 7 images for training, 1 held out for testing; train_images and test_images" in capsys.readouterr().err
    )
    made = json.loads((tmp_path / "out" / "config.json").read_text())
    assert (made["train_images"], made["test_images"]) == (7, 1)


@pytest.mark.parametrize(
    ("given", "usable", "expected"),
    [
        ({}, 120, (108, 12)),
        ({}, 60_000, (59_000, 1000)),
        ({}, 2, (1, 1)),
        ({}, 1, None),
        ({"train_images": 115}, 120, (115, 5)),
        ({"train_images": 50}, 120, (50, 12)),
        ({"train_images": 120}, 120, None),
        ({"test_images": 20}, 120, (100, 20)),
        ({"test_images": 120}, 120, None),
        ({"train_images": 100, "test_images": 21}, 120, None),
    ],
)
def test_a_share_of_ones_own_pictures(given: dict[str, int], usable: int, expected: tuple[int, int] | None) -> None:
    assert DatasetSettings(path="photos", **given).split(usable) == expected
    assert DatasetSettings(draw="human", **given).splits == (
        given.get("train_images", 4000),
        given.get("test_images", 1000),
    )


def test_too_few_for_one_number_are_refused(photos: Path, tmp_path: Path) -> None:
    own = DatasetSettings(path=str(photos), resolution_px=8, train_images=8)
    with pytest.raises(StyleAlignError, match=r"fewer than train_images = 8 and one for the other split; lower"):
        import_dataset(own, tmp_path / "out")


def test_what_the_system_left_and_earlier_previews_are_left_out(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder with the data set of an earlier import in it, with thumbnails, and packed on a Mac."""
    import_dataset(settings(photos), photos / "set")
    (photos / "alone").mkdir()
    (photos / "alone" / "sheet.png").write_bytes((photos / "set" / "preview.png").read_bytes())
    Image.new("RGB", (9, 9), "red").save(photos / "set" / "preview.png")  # of an older version: it has no mark
    for name in (".thumbnails/0.png", "@eaDir/0.png", "__MACOSX/0.png", "._0.png"):
        (photos / name).parent.mkdir(exist_ok=True)
        Image.new("RGB", (9, 9), (7, 8, len(name))).save(photos / name)
    (photos / "Thumbs.db").write_bytes(b"\xd0\xcf\x11\xe0")
    capsys.readouterr()
    summary = import_dataset(settings(photos), tmp_path / "out")
    reasons: Any = summary["skipped_by_reason"]
    assert reasons["hidden or left by the operating system"] == 5
    assert reasons["preview of a data set"] == 2
    messages = capsys.readouterr().err
    assert "data: skipped set/preview.png: preview of a data set" in messages
    assert "Thumbs" not in messages
    before, after = (ImageZip(folder / "train.zip").read() for folder in (photos / "set", tmp_path / "out"))
    np.testing.assert_array_equal(before, after)


def test_links_to_folders_are_followed_once(photos: Path, tmp_path: Path) -> None:
    linked = tmp_path / "linked"
    (linked / "deep").mkdir(parents=True)
    (linked / "here").symlink_to(photos)
    (linked / "deep" / "again").symlink_to(photos / "holiday")
    (photos / "holiday" / "back").symlink_to(linked)
    (linked / "lost.png").symlink_to(tmp_path / "nowhere.png")
    summary = import_dataset(settings(linked), tmp_path / "out")
    reasons: Any = summary["skipped_by_reason"]
    assert (summary["train"], summary["test"], summary["files"]) == (6, 2, 13)
    assert reasons["not readable"] == 1
    assert sha256_of_path(linked) != sha256_of_path(linked / "deep")


def test_a_zip_has_the_order_of_its_folder(tmp_path: Path) -> None:
    """By parts of the path: `a/` comes before `a.png`, though `.` comes before `/`."""
    folder = tmp_path / "folder"
    with zipfile.ZipFile(tmp_path / "folder.zip", "w") as archive:
        for name in ("a.png", "a/z.png", "a-b/c.png"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).touch()
            archive.write(folder / name, name)
    names = [[name for name, _ in image_sources(path)] for path in (folder, tmp_path / "folder.zip")]
    assert names[0] == names[1] == ["a/z.png", "a-b/c.png", "a.png"]


def test_a_full_folder_for_temporary_files_is_named(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/scratch/full")
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda: open("/dev/full", "w+b"))  # noqa: SIM115 - as the original
    with pytest.raises(StyleAlignError, match=r"^TMPDIR: /scratch/full: No space left on device; .* set TMPDIR"):
        import_dataset(settings(photos), tmp_path / "out")
    monkeypatch.undo()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    with pytest.raises(StyleAlignError, match=r"missing: No such file or directory; .* set TMPDIR"):
        import_dataset(settings(photos), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_names_that_are_not_utf8(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = os.fsencode(tmp_path / "photos")
    os.makedirs(folder)
    for index, name in enumerate((b"caf\xe9.png", b"\xff.png", b"good.png")):
        with open(os.path.join(folder, name), "wb") as file:
            Image.new("RGB", (8, 8), (index, 0, 0)).save(file, "PNG")
    with open(os.path.join(folder, b"not\xe9\n.txt"), "wb"):
        pass
    summary = import_dataset(settings(tmp_path / "photos", train=2, test=1), tmp_path / "out")
    assert (summary["train"], summary["test"], summary["skipped"]) == (2, 1, 1)
    assert capsys.readouterr().err == "data: skipped not\\udce9\\n.txt: empty file\n"


def test_an_import_that_fails_late_leaves_the_older_set(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """New training images beside old test images would be a set with pictures in both splits."""
    out = tmp_path / "out"
    import_dataset(settings(photos), out)
    before = {path.name: path.read_bytes() for path in out.iterdir()}

    def full(*arguments: Any) -> None:
        raise StyleAlignError("No space left on device")

    monkeypatch.setattr("stylealign.datasets.importing.write_preview", full)
    with pytest.raises(StyleAlignError, match="No space left"):
        import_dataset(settings(photos, seed=1), out)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_annotations_of_an_older_set_do_not_stay(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    drawn = DatasetSettings(draw="human", resolution_px=16, train_images=6, test_images=2, val_images=1)
    draw_dataset(drawn, out)
    assert (out / "train.annotations.npz").exists()
    import_dataset(settings(photos), out)
    assert sorted(file.name for file in out.iterdir()) == ["config.json", "preview.png", "test.zip", "train.zip"]


def test_an_archive_of_another_kind_is_named(tmp_path: Path) -> None:
    (tmp_path / "photos.tar.gz").write_bytes(b"\x1f\x8b\x08\0")
    with pytest.raises(StyleAlignError, match=r"photos\.tar\.gz: neither a folder nor a zip; .* unpack"):
        import_dataset(settings(tmp_path / "photos.tar.gz"), tmp_path / "out")


@pytest.mark.parametrize("damage", ["of a later version", "a name that is not UTF-8", "no list"])
def test_a_zip_whose_list_of_files_is_damaged_is_named(tmp_path: Path, damage: str) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("a.png", b"pixels")
    raw = bytearray(content.getvalue())
    entry = raw.index(b"PK\x01\x02")
    if damage == "of a later version":
        raw[entry + 6] = 99
    elif damage == "no list":
        raw[entry] = 0
    else:
        raw[entry + 9] |= 8  # names are UTF-8
        raw[entry + 46] = 0xFF
    (tmp_path / "photos.zip").write_bytes(raw)
    with pytest.raises(StyleAlignError, match=r"photos.zip: not a readable zip \(.*\); download or pack it again"):
        import_dataset(settings(tmp_path / "photos.zip"), tmp_path / "out")
    with pytest.raises(StyleAlignError, match=r"photos\.zip: not a readable zip"):
        ImageZip(tmp_path / "photos.zip")
    assert count_files(tmp_path / "photos.zip") == 0


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_damaged_entry_is_skipped_however_it_is_packed(
    tmp_path: Path, method: int, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (9, 8, 8, 3), dtype=np.uint8)
    with zipfile.ZipFile(tmp_path / "photos.zip", "w", method) as archive:
        for index, pixels in enumerate(picture):
            file = io.BytesIO()
            Image.fromarray(pixels).save(file, "BMP")
            archive.writestr(f"{index}.bmp", file.getvalue())
    raw = bytearray((tmp_path / "photos.zip").read_bytes())
    raw[60:64] = bytes(byte ^ 0xFF for byte in raw[60:64])
    (tmp_path / "photos.zip").write_bytes(raw)
    summary = import_dataset(settings(tmp_path / "photos.zip"), tmp_path / "out")
    assert (summary["train"], summary["skipped"]) == (6, 1)
    assert "data: skipped 0.bmp: not readable (" in capsys.readouterr().err


def test_published_test_images_inside_the_folder_of_the_others_are_not_for_training(tmp_path: Path) -> None:
    for index in range(12):
        file = tmp_path / "photos" / ("test" if index % 2 else "more") / f"{index}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (20 * index,) * 3).save(file)
    own = settings(tmp_path / "photos", train=6, test=6)
    import_dataset(own, tmp_path / "out", Archive(tmp_path / "photos", test="test"))
    shades = {split: ImageZip(tmp_path / "out" / f"{split}.zip").read()[:, 0, 0, 0] for split in ("train", "test")}
    assert sorted(shades["train"]) == [0, 40, 80, 120, 160, 200]
    assert sorted(shades["test"]) == [20, 60, 100, 140, 180, 220]
