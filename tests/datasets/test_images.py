"""Image zips: layout, round trip, and what a damaged one gets."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from stylealign.datasets.images import ImageZip, is_image_zip, write_image_zip
from stylealign.errors import StyleAlignError
from stylealign.metrics.generators import read_images
from tests.datasets.test_conversion import P3, convert_image, icc_profile


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, size=(5, 3, 8, 8), dtype=np.uint8)


def test_layout_and_round_trip(tmp_path: Path, images: np.ndarray) -> None:
    path = tmp_path / "set.zip"
    assert write_image_zip(path, images, labels=[0, 1, 0, 2, 1]) == 5
    with zipfile.ZipFile(path) as archive:
        assert all(entry.compress_type == zipfile.ZIP_STORED for entry in archive.infolist())
        assert archive.namelist()[0] == "00000/img00000000.png"
        assert json.loads(archive.read("dataset.json"))["labels"][3] == ["00000/img00000003.png", 2]
        assert Image.open(io.BytesIO(archive.read("00000/img00000002.png"))).mode == "RGB"
    archive = ImageZip(path)
    assert (len(archive), archive.resolution_px, archive.labels) == (5, 8, [0, 1, 0, 2, 1])
    np.testing.assert_array_equal(archive.read(), images)
    np.testing.assert_array_equal(archive.read([4, 1]), images[[4, 1]])
    np.testing.assert_array_equal(archive.read(slice(1, 3)), images[1:3])


def test_equal_images_make_equal_bytes(tmp_path: Path, images: np.ndarray) -> None:
    write_image_zip(tmp_path / "a.zip", images)
    write_image_zip(tmp_path / "b.zip", iter(images))
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    assert ImageZip(tmp_path / "a.zip").labels is None


def test_thousandth_image_starts_a_new_folder(tmp_path: Path) -> None:
    write_image_zip(tmp_path / "set.zip", (np.zeros((3, 1, 1), np.uint8) for _ in range(1001)))
    assert ImageZip(tmp_path / "set.zip").names[-1] == "00001/img00001000.png"


def test_missing_truncated_and_foreign_files_are_named(tmp_path: Path, images: np.ndarray) -> None:
    path = tmp_path / "set.zip"
    with pytest.raises(StyleAlignError, match=r"set\.zip: no such file"):
        ImageZip(path)
    with pytest.raises(StyleAlignError, match=r"a folder; make a zip of it with `stylealign data import`"):
        ImageZip(tmp_path)
    write_image_zip(path, images)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(StyleAlignError, match=r"set\.zip: not a readable zip"):
        ImageZip(path)
    path.write_text("not a zip")
    with pytest.raises(StyleAlignError, match=r"set\.zip: not a readable zip"):
        ImageZip(path)


def test_a_damaged_image_is_named(tmp_path: Path, images: np.ndarray) -> None:
    path = tmp_path / "set.zip"
    write_image_zip(path, images)
    content = bytearray(path.read_bytes())
    start = content.index(b"00000/img00000003.png")
    content[start + 80] ^= 0xFF
    path.write_bytes(bytes(content))
    with pytest.raises(StyleAlignError, match=r"set\.zip: 00000/img00000003\.png cannot be read"):
        ImageZip(path).read()


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({}, "holds no PNG images"),
        ({"a.png": (8, 6)}, r"a\.png is not square"),
        ({"a.png": (8, 8), "b.png": (4, 4)}, r"b\.png is 4x4"),
    ],
)
def test_unfit_zips(tmp_path: Path, entries: dict[str, tuple[int, int]], message: str) -> None:
    path = tmp_path / "set.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, size in entries.items():
            buffer = io.BytesIO()
            Image.new("RGB", size).save(buffer, "PNG")
            archive.writestr(name, buffer.getvalue())
    with pytest.raises(StyleAlignError, match=message):
        ImageZip(path).read()


def test_a_failed_write_leaves_the_old_zip(tmp_path: Path, images: np.ndarray) -> None:
    path = tmp_path / "set.zip"
    write_image_zip(path, images)
    before = path.read_bytes()

    def broken():  # type: ignore[no-untyped-def]
        yield images[0]
        raise OSError(28, "No space left on device")

    with pytest.raises(StyleAlignError, match="No space left"):
        write_image_zip(path, broken())
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["set.zip"]


def packed(path: Path, entries: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return path


def png(image: Image.Image, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", **options)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (None, None),
        ([], None),
        ([["a.png", 1], ["b.png", 0]], [1, 0]),
        ({"a.png": 1, "b.png": 2.0}, [1, 2]),
        ([["a.png", 1]], None),
        ([["a.png", None], ["b.png", 1]], None),
    ],
)
def test_labels(tmp_path: Path, labels: Any, classes: list[int] | None) -> None:
    picture = png(Image.new("RGB", (4, 4)))
    content = json.dumps({"labels": labels}).encode()
    path = packed(tmp_path / "set.zip", {"a.png": picture, "b.png": picture, "dataset.json": content})
    assert ImageZip(path).labels == classes


@pytest.mark.parametrize(
    "content",
    [
        b'{"labels": [["a.png", [0.1, 0.9]]]}',
        b'{"labels": [["a.png", "cat"]]}',
        b'{"labels": [{"name": "a.png", "label": 3}]}',
        b'{"labels": {"a.png": -1}}',
        b'{"labels": 7}',
        b'{"names": 3}',
        b'{"outputs": "many"}',
        b"{'labels': null, }",
    ],
)
def test_a_dataset_json_that_is_not_needed_is_not_minded(tmp_path: Path, content: bytes) -> None:
    path = packed(tmp_path / "set.zip", {"a.png": png(Image.new("RGB", (4, 4), "red")), "dataset.json": content})
    assert ImageZip(path).read()[0, :, 0, 0].tolist() == [255, 0, 0]
    with pytest.raises(StyleAlignError, match=r"set\.zip: .*dataset\.json"):
        _ = ImageZip(path).labels


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "I;16", "profile"])
def test_pixels_of_any_kind_are_those_of_an_import(
    tmp_path: Path, mode: str, capsys: pytest.CaptureFixture[str]
) -> None:
    values = np.random.default_rng(1).integers(0, 256, (8, 8, 4), dtype=np.uint8)
    options: dict[str, Any] = {}
    if mode == "I;16":
        image = Image.fromarray(values[..., 0].astype(np.uint16) * 257)
    elif mode == "P":
        image, options = Image.fromarray(values[..., :3]).quantize(16), {"transparency": 3}
    elif mode == "profile":
        image, options = Image.fromarray(values[..., :3]), {"icc_profile": icc_profile(P3)}
    else:
        image = Image.fromarray(values).convert(mode)
    content = png(image, **options)
    path = packed(tmp_path / "set.zip", {"a.png": content, "b.png": content})
    imported, changes = convert_image(content, 8)
    archive = ImageZip(path)
    np.testing.assert_array_equal(archive.read(), [imported, imported])
    archive.read()
    assert sorted(capsys.readouterr().err.splitlines()) == sorted(f"{path}: 2 images or more: {c}" for c in changes)


def test_a_set_packed_again_on_a_mac(tmp_path: Path, images: np.ndarray) -> None:
    write_image_zip(tmp_path / "set.zip", images, labels=[0, 1, 0, 2, 1])
    with zipfile.ZipFile(tmp_path / "set.zip") as archive:
        entries = {f"train/{name}": archive.read(name) for name in archive.namelist()}
    system = {f"__MACOSX/{Path(name).parent}/._{Path(name).name}": b"\0\5\x16\7\0" for name in entries}
    again = packed(tmp_path / "again.zip", system | entries | {"train/.DS_Store": b"\0\0\0\1Bud1"})
    assert is_image_zip(again)
    np.testing.assert_array_equal(ImageZip(again).read(), images)
    assert ImageZip(again).labels == [0, 1, 0, 2, 1]


def test_an_encrypted_image_is_named(tmp_path: Path, images: np.ndarray) -> None:
    path = tmp_path / "set.zip"
    write_image_zip(path, images)
    content = bytearray(path.read_bytes())
    for mark, flags in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        content[content.index(mark) + flags] |= 1
    path.write_bytes(bytes(content))
    with pytest.raises(StyleAlignError, match=r"img00000000\.png cannot be read \(not readable .*password"):
        ImageZip(path)


def test_images_of_any_size_are_read_in_parts_that_fit_memory(tmp_path: Path) -> None:
    """The parts are of 1024 images or of fewer, in whole batches of 64, so that networks see the same batches."""
    write_image_zip(tmp_path / "x.zip", (np.full((3, 2, 2), index % 251, np.uint8) for index in range(1100)))
    data = ImageZip(tmp_path / "x.zip")
    assert [len(part) for part in read_images(data)] == [1024, 76]
    np.testing.assert_array_equal(np.concatenate([*read_images(data)]), data.read())
    data.read = lambda part: np.zeros(len(data.names[part]))  # type: ignore[method-assign, assignment, return-value]
    for resolution_px, chunk in ((256, 256), (512, 64), (1024, 64)):
        data.resolution_px = resolution_px
        assert len(next(read_images(data))) == chunk
