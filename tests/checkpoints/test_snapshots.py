"""Snapshots come back in the order of their kimg; what is no such zip is refused."""

from pathlib import Path

import pytest
import torch

from stylealign.checkpoints import native
from stylealign.checkpoints.snapshots import read_snapshots, snapshot_name, write_snapshots
from stylealign.errors import StyleAlignError
from stylealign.networks.architecture import Architecture
from stylealign.networks.generator import Generator

SMALL = Architecture(resolution=8, z_dim=4, w_dim=4, mapping_layers=1, channel_base=32, channel_max=4)


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    paths = []
    for kimg in (16.0, 0.5, 2.0):
        torch.manual_seed(int(kimg))
        paths.append(tmp_path / snapshot_name(kimg))
        native.save(paths[-1], generator=Generator(SMALL), info={"kimg": kimg})
    return paths


def test_they_come_back_in_order(files: list[Path], tmp_path: Path) -> None:
    write_snapshots(tmp_path / "snapshots.zip", files)
    found = list(read_snapshots(tmp_path / "snapshots.zip"))
    assert [kimg for kimg, _ in found] == [0.5, 2, 16]
    assert [checkpoint.info["kimg"] for _, checkpoint in found] == [0.5, 2, 16]
    torch.manual_seed(16)
    assert torch.equal(found[2][1].generator.synthesis.b4.const, Generator(SMALL).synthesis.b4.const)


def test_equal_snapshots_are_equal_bytes(files: list[Path], tmp_path: Path) -> None:
    for name, order in (("one", files), ("two", files[::-1])):
        write_snapshots(tmp_path / name, order)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_another_file_is_refused(tmp_path: Path) -> None:
    write_snapshots(tmp_path / "empty.zip", [])
    (tmp_path / "text.zip").write_text("no zip")
    for name, told in (("empty.zip", "holds no snapshots"), ("text.zip", "not a readable zip"), ("none", "no such")):
        with pytest.raises(StyleAlignError, match=told):
            list(read_snapshots(tmp_path / name))
