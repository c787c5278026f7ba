"""Features in a file: what a measurement reads in place of the images."""

from pathlib import Path

import numpy as np
import pytest
import torch

from stylealign.datasets.images import image_name
from stylealign.errors import StyleAlignError
from stylealign.ledger.records import Input, record_of
from stylealign.metrics.feature_files import ImageFeatures, load_features, save_features


def test_features_come_back_as_they_were_and_only_of_their_network(tmp_path: Path) -> None:
    path = tmp_path / "train.npz"
    values = torch.from_numpy(np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32))
    save_features(
        path, ImageFeatures(tmp_path / "train.zip", "efficientnet-lite0", 16, values, list("abcde")), {"seed": 1}
    )
    found = load_features(path, "efficientnet-lite0")
    assert torch.equal(found.values, values)
    assert (found.path, found.resolution_px, len(found)) == (path, 16, 5)
    assert found.images == [image_name(number) for number in range(5)], "a file keeps no names: a prepared set's"
    with pytest.raises(StyleAlignError, match=r"train\.npz: features of efficientnet-lite0; .* inception-v3"):
        load_features(path, "inception-v3")


@pytest.mark.parametrize("content", [b"", b"PK", b"PK\x03\x04" + bytes(99), b"no features"])
def test_what_is_no_file_of_features_is_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.npz").write_bytes(content)
    with pytest.raises(StyleAlignError, match=r"x\.npz: no features"):
        load_features(tmp_path / "x.npz", "efficientnet-lite0")
    np.savez(tmp_path / "codes.npz", w=np.zeros(3))
    with pytest.raises(StyleAlignError, match=r"codes\.npz: no features"):
        load_features(tmp_path / "codes.npz", "efficientnet-lite0")


def test_the_ledger_reads_how_features_were_made(tmp_path: Path) -> None:
    features = ImageFeatures(Path("train.zip"), "efficientnet-lite0", 16, torch.zeros(3, 5), ["a", "b", "c"])
    made = {"verb": "features", "inputs": {"data": "train.zip"}, "inputs_sha256": {"data": "0" * 64}}
    save_features(tmp_path / "train.npz", features, made)
    record = record_of(tmp_path / "train.npz")
    assert record is not None
    assert record.facts["verb"] == "features"
    assert record.inputs == (Input("data", "train.zip", "0" * 64),)
    np.savez(tmp_path / "codes.npz", w=np.zeros(3))
    assert record_of(tmp_path / "codes.npz") is None
