"""Files: names of any bytes, what can be written, and what lies below a folder."""

import fcntl
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from stylealign.datasets.annotations import Annotations
from stylealign.errors import StyleAlignError
from stylealign.files import (
    atomic_files,
    atomic_path,
    files_below,
    printable,
    read_json,
    require_suffix,
    require_writable,
    utf8_path,
    write_json,
)
from stylealign.latents.codes import Codes
from stylealign.latents.directions import Directions
from stylealign.ledger.records import record_of
from stylealign.metrics.feature_files import load_features


def test_a_library_of_utf8_names_reads_and_writes_any(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"mod\xe8les")
    values = torch.arange(4.0)
    for name in ("plain", os.fsdecode(b"\xff")):
        with atomic_path(folder / name) as temporary, utf8_path(temporary) as writable:
            save_file({"a": values}, writable)
        with utf8_path(folder / name) as readable, safe_open(readable, framework="pt") as file:
            assert torch.equal(file.get_tensor("a"), values)
    with utf8_path(tmp_path / "plain") as path:
        assert path == tmp_path / "plain"


def test_a_name_may_be_as_long_as_the_system_takes(tmp_path: Path) -> None:
    path = tmp_path / ("\u732b" * 80 + ".json")
    write_json(path, 1)
    assert read_json(path) == 1


def test_names_are_printed_in_one_line() -> None:
    assert printable("caf\u00e9 \u732b.png") == "caf\u00e9 \u732b.png"
    assert printable(os.fsdecode(b"caf\xe9\n\x1b[2J")) == "caf\\udce9\\n\\x1b[2J"


def test_what_cannot_be_written_is_known_before(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "lost").symlink_to(tmp_path / "nowhere")
    require_writable(tmp_path / "new" / "deep" / "a.png")
    require_writable(tmp_path / "new" / "deep", folder=True)
    require_writable(tmp_path / "file")
    for path, folder, message in (
        (tmp_path, False, "a folder; name a file in it"),
        (tmp_path / "file" / "a.png", False, "file is no folder"),
        (tmp_path / "file", True, "file is no folder"),
        (tmp_path / "lost" / "a.png", False, "lost is no folder"),
        (Path("/proc/sys/a.png"), False, "is protected"),
    ):
        if "protected" in message and os.access("/proc/sys", os.W_OK):
            continue  # a superuser may try
        with pytest.raises(StyleAlignError, match=message):
            require_writable(path, folder)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "lost"]


def test_a_suffix_tells_the_format() -> None:
    require_suffix("A.PNG", (".png", ".jpg"), "a picture")
    with pytest.raises(StyleAlignError, match=r"a\.gif: a picture ends in \.png, \.jpg; name it so"):
        require_suffix("a.gif", (".png", ".jpg"), "a picture")


def test_files_below_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "one").touch()
    (tmp_path / "a" / "b" / "up").symlink_to(tmp_path)
    (tmp_path / "other").symlink_to(tmp_path / "a" / "b")
    (tmp_path / "lost").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "pipe")
    found = sorted(str(path.relative_to(tmp_path)) for path in files_below(tmp_path))
    assert found == ["a/b/one", "lost"]


def fill_the_disk(folder: Path) -> None:
    with atomic_files(folder, "config.json") as made:
        (made / "a.zip").write_text("broken")
        raise OSError(28, "No space left on device")


def test_files_move_together_or_not_at_all(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    for content in ("old", "new"):
        with atomic_files(folder, "config.json", ["a.labels", "b.labels"]) as made:
            for name in ("a.zip", "config.json", *(["a.labels"] if content == "old" else [])):
                (made / name).write_text(content)
    assert {path.name: path.read_text() for path in folder.iterdir()} == {"a.zip": "new", "config.json": "new"}
    for place in (folder, tmp_path / "fresh"):
        with pytest.raises(StyleAlignError, match="No space left"):
            fill_the_disk(place)
    assert {path.name: path.read_text() for path in folder.iterdir()} == {"a.zip": "new", "config.json": "new"}
    assert not (tmp_path / "fresh").exists()


def test_folders_take_the_place_of_older_ones(tmp_path: Path) -> None:
    for content in ("old", "new"):
        with atomic_files(tmp_path / "out", "last.json", ["masks"]) as folder:
            (folder / "masks").mkdir()
            (folder / "masks" / f"{content}.png").write_text(content)
            (folder / "last.json").write_text(content)
    assert [path.name for path in (tmp_path / "out" / "masks").iterdir()] == ["new.png"]
    with atomic_files(tmp_path / "out", "last.json", ["masks"]) as folder:
        (folder / "last.json").write_text("none")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["last.json"]


@pytest.mark.parametrize("place", [6, 10], ids=["of a later version", "of another method"])
def test_a_damaged_archive_of_arrays_is_refused_by_all_who_read_it(tmp_path: Path, place: int) -> None:
    path = tmp_path / "arrays.npz"
    np.savez(path, names=np.array("{}"), header=np.array("{}"), format=np.array("none"))
    parts = path.read_bytes().split(b"PK\x01\x02")
    lists = [part[: place - 4] + b"\x63" + part[place - 3 :] for part in parts[1:]]
    path.write_bytes(b"PK\x01\x02".join([parts[0], *lists]))
    for read in (Annotations.load, Directions.load, lambda file: load_features(file, "x"), Codes.load):
        with pytest.raises(StyleAlignError, match=r"arrays\.npz: "):
            read(path)
    assert record_of(path) is None


def test_what_a_killed_process_left_goes_and_what_another_works_in_stays(tmp_path: Path) -> None:
    for name in (".new-left0001", ".new-held0001", ".new-young001", ".new-project"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "train.zip").write_bytes(b"half")
        if name != ".new-young001":
            os.utime(tmp_path / name, (0, 0))
    held = os.open(tmp_path / ".new-held0001", os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    with atomic_files(tmp_path, "last") as made:
        (made / "last").write_text("whole")
        os.utime(made, (0, 0))
        with atomic_files(tmp_path, "other") as inner:  # another process at the same time
            (inner / "other").write_text("whole")
        assert (made / "last").exists()
    os.close(held)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        ".new-held0001",
        ".new-project",
        ".new-young001",
        "last",
        "other",
    ]
