"""Arrays that are larger than memory: the same numbers as in memory, and no second copy on the way."""

import dataclasses
import os
import shutil
import tempfile
import tracemalloc
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from stylealign.datasets import large_arrays
from stylealign.datasets.annotations import UNKNOWN_CLASS, Annotations, renumbered
from stylealign.datasets.label_names import LabelNames
from stylealign.errors import StyleAlignError
from stylealign.files import tmpdir_named

NAMES = LabelNames(("ground", "roof", "wall"))


def is_in_file(array: Any) -> bool:
    """Return whether an array is a view of a mapped file."""
    while isinstance(array, np.ndarray):
        if isinstance(array, np.memmap):
            return True
        array = array.base
    return False


def masks(count: int, px: int) -> Annotations:
    maps = np.random.default_rng(0).integers(0, 3, (count, px, px), dtype=np.uint8)
    maps[1], maps[2, 0] = UNKNOWN_CLASS, UNKNOWN_CLASS
    return Annotations(segmentation=maps, names=NAMES)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take every array for a large one, and a few rows at once."""
    monkeypatch.setattr(large_arrays, "LARGE_BYTES", 1)
    monkeypatch.setattr(large_arrays, "PART_BYTES", 200)


def test_a_small_array_is_in_memory() -> None:
    assert not is_in_file(large_arrays.empty((3, 4), np.uint8))


@pytest.mark.usefixtures("small")
def test_a_large_array_is_in_a_file_that_goes_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    found = large_arrays.empty((3, 4), np.float32)
    assert (found.shape, found.dtype, type(found)) == ((3, 4), np.float32, np.ndarray)
    assert is_in_file(found)
    found[:] = 5
    assert found.sum() == 60
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("small")
def test_where_no_disk_has_room_memory_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(file: int, size: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(large_arrays, "_reserve", full)
    assert not is_in_file(large_arrays.empty((3, 4), np.uint8))


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("free", [11, 12])
def test_room_is_asked_for_where_a_system_reserves_none(monkeypatch: pytest.MonkeyPatch, free: int) -> None:
    """A file without room ends the program as soon as it is filled."""
    monkeypatch.delattr(os, "posix_fallocate", raising=False)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=free))
    assert is_in_file(large_arrays.empty((3, 4), np.uint8)) == (free == 12)


def test_parts_are_all_rows_once() -> None:
    assert list(large_arrays.parts(5, large_arrays.PART_BYTES // 2)) == [slice(0, 2), slice(2, 4), slice(4, 5)]
    assert list(large_arrays.parts(2, 10 * large_arrays.PART_BYTES)) == [slice(0, 1), slice(1, 2)]
    assert list(large_arrays.parts_of(np.empty((0, 4)))) == []


@pytest.mark.usefixtures("small")
def test_masks_in_a_file_are_those_in_memory(tmp_path: Path) -> None:
    own = masks(7, 8)
    own.save(tmp_path / "a.npz")
    loaded = Annotations.load(tmp_path / "a.npz")
    assert is_in_file(loaded.segmentation)
    np.testing.assert_array_equal(loaded.segmentation, own.segmentation)
    assert loaded.known().tolist() == [True, False] + 5 * [True]
    chosen = np.array([6, 2, 2, 0])
    np.testing.assert_array_equal(loaded.rows(chosen).segmentation, own.segmentation[chosen])
    other = renumbered(loaded.segmentation, NAMES.classes, NAMES.classes[::-1])
    np.testing.assert_array_equal(other, np.where(own.segmentation < 3, 2 - own.segmentation, UNKNOWN_CLASS))


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("cut", [1, 200])
def test_masks_that_break_off_are_named(tmp_path: Path, cut: int) -> None:
    masks(7, 8).save(tmp_path / "a.npz")
    with (
        zipfile.ZipFile(tmp_path / "a.npz") as whole,
        zipfile.ZipFile(tmp_path / "b.npz", "w", zipfile.ZIP_DEFLATED) as part,
    ):
        for name in whole.namelist():
            part.writestr(name, whole.read(name)[: -cut if name == "segmentation.npy" else None])
    with pytest.raises(StyleAlignError, match=r"b\.npz: not readable annotations \(segmentation is not as long"):
        Annotations.load(tmp_path / "b.npz")


@pytest.mark.usefixtures("small")
def test_masks_of_no_class_are_refused_wherever_they_lie(tmp_path: Path) -> None:
    own = masks(7, 8)
    own.segmentation[6, 7, 7] = 3
    dataclasses.replace(own).save(tmp_path / "a.npz")
    with pytest.raises(StyleAlignError, match="its segmentation and their names do not belong together"):
        Annotations.load(tmp_path / "a.npz")


@pytest.mark.parametrize("is_large", [False, True])
def test_reading_masks_takes_no_second_copy_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_large: bool
) -> None:
    """Their check made up to three, and so did the question which images have any."""
    own = masks(64, 256)
    size = own.segmentation.nbytes
    own.save(tmp_path / "a.npz")
    monkeypatch.setattr(large_arrays, "PART_BYTES", size // 32)
    monkeypatch.setattr(large_arrays, "LARGE_BYTES", size + (not is_large))
    tracemalloc.start()
    try:
        known = Annotations.load(tmp_path / "a.npz").known()
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert known.sum() == 63
    assert most < (0.5 if is_large else 1.5) * size


@pytest.mark.parametrize("least", [1, 1000])
def test_rows_that_come_one_by_one(monkeypatch: pytest.MonkeyPatch, least: int) -> None:
    monkeypatch.setattr(large_arrays, "LARGE_BYTES", least)
    rows = np.arange(30, dtype=np.int16).reshape(5, 3, 2)
    with large_arrays.spool() as file:
        assert large_arrays.spooled(file, (3, 2), np.int16) is None
        for row in rows:
            file.write(row.tobytes())
        found = large_arrays.spooled(file, (3, 2), np.int16)
    assert found is not None
    assert is_in_file(found) == (least == 1)
    np.testing.assert_array_equal(found, rows)
    found[2] = 7
    assert (found[2] == 7).all()


@pytest.mark.usefixtures("small")
def test_a_full_folder_is_named_where_rows_come_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Closing the file tries once more to write, and fails once more."""
    monkeypatch.setattr(tempfile, "tempdir", "/scratch/full")
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: open("/dev/full", "w+b"))  # noqa: SIM115 - as the original
    message = r"^TMPDIR: /scratch/full: No space left on device; rows wait there"
    with pytest.raises(StyleAlignError, match=message), large_arrays.spool() as file, tmpdir_named("rows wait"):
        file.write(b"row")
