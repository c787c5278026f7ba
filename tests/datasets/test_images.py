"""Image zips: layout, round trip, and what a damaged one gets."""

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stylealign.datasets.images import ImageZip, write_image_zip
from stylealign.errors import StyleAlignError


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
