"""Real images in the order of what the parent knows."""

from pathlib import Path

import numpy as np
import pytest
import torch

from stylealign import load
from stylealign.applications.labels.learning import spec_of
from stylealign.applications.labels.networks import LabelNetwork, save_label_network
from stylealign.checkpoints import native
from stylealign.cli.main import main
from stylealign.datasets.annotations import Annotations
from stylealign.datasets.images import image_name, write_image_zip
from stylealign.datasets.label_names import LabelNames
from stylealign.latents.codes import Codes
from stylealign.metrics.latent_labels import planes_of
from stylealign.networks.architecture import Architecture
from stylealign.networks.generator import Generator
from stylealign.report.figures import CELL_PX
from stylealign.report.ranking import chosen, ranking_sheet, thirds

SMALL = Architecture(resolution=16, z_dim=6, w_dim=6, mapping_layers=2, channel_base=64, channel_max=8)


def test_the_thirds_are_the_ends_and_the_middle() -> None:
    scores = np.array([5.0, 1.0, 9.0, 3.0, 7.0, 2.0, 8.0])
    most, middle, least = thirds(scores, 2)
    assert [list(scores[part]) for part in (most, middle, least)] == [[9, 8], [7, 5], [2, 1]]
    assert sorted(np.concatenate(thirds(scores, 9))) == [0, 1, 2, 4, 5, 6], "two each, none of them twice"


def test_the_rows_are_of_many_attributes_before_they_are_of_one() -> None:
    names = ["sky=blue", "sky=grey", "sky=red", "size", "hat=yes", "eyes=open", "eyes=shut"]
    assert chosen(names, 5) == ["size", "sky=blue", "hat=yes", "eyes=open", "sky=grey"]
    assert sorted(chosen(names, 20)) == sorted(names)
    assert chosen(["hat=none", "hat=cap"], 1) == ["hat=cap"]


def test_images_stand_in_the_order_of_their_codes() -> None:
    """Codes are points along the way that the parent brightens: the images of them, shuffled, come out sorted."""
    torch.manual_seed(0)
    parent = Generator(SMALL)
    images = np.full((9, 3, 16, 16), 0, np.uint8) + np.arange(9, dtype=np.uint8)[:, None, None, None] * 25

    def see(pictures: np.ndarray) -> dict[str, np.ndarray]:
        return {"brightness": pictures.mean(axis=(1, 2, 3)).astype(np.float64)}

    normal = planes_of(parent, see, 100, 0)["brightness"].normal
    codes = np.linspace(-2, 2, 9)[:, None, None] * np.ones((1, SMALL.num_ws, 1)) * normal
    order = np.random.default_rng(0).permutation(9)
    sheet = ranking_sheet(parent, see, {"child": (images[order], codes[order].astype(np.float32))}, 3, 100)
    cell = CELL_PX // 16 * 16
    line = sheet[0, -cell // 2]
    shades = [int(line[-(9 - place) * (cell + 2) + cell // 2 + 2]) for place in range(9)]
    assert shades == sorted(shades, reverse=True) and len(set(shades)) == 9


def test_two_images_have_no_order_and_the_figure_says_so() -> None:
    few = np.zeros((2, 3, 16, 16), np.uint8), np.zeros((2, SMALL.num_ws, SMALL.w_dim), np.float32)
    sheet = ranking_sheet(Generator(SMALL), lambda pictures: {}, {"child": few}, 3, 20)
    assert 0 < sheet.shape[1] < 40 < sheet.shape[2]


def test_the_figure_is_made_of_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.manual_seed(0)
    native.save(tmp_path / "parent.safetensors", generator=Generator(SMALL), info={})
    rng = np.random.default_rng(0)
    write_image_zip(tmp_path / "test.zip", rng.integers(0, 256, (7, 3, 16, 16), dtype=np.uint8))
    sha = load(tmp_path / "parent.safetensors").sha256
    for name in ("child", "control"):
        values = rng.normal(size=(6, SMALL.num_ws, SMALL.w_dim)).astype(np.float32)
        Codes(values, "w+", sha, [image_name(place) for place in range(6)]).save(tmp_path / f"{name}.npz")
    pose = Annotations(pose=rng.normal(size=(7, 2)).astype(np.float32), names=LabelNames(values=("size", "tilt")))
    network = LabelNetwork(spec_of("pose", 16, pose, "pose")).eval()
    save_label_network(tmp_path / "pose.safetensors", network, {})
    words = [f"{name}={tmp_path / f'{name}.npz'}" for name in ("child", "control")]
    words += ["--model", str(tmp_path / "parent.safetensors"), "--data", str(tmp_path / "test.zip"), "--samples", "60"]
    out = ["--out", str(tmp_path / "figure.png")]
    assert main(["figures", "ranking", *words, "--pose", str(tmp_path / "pose.safetensors"), *out]) == 0
    assert (tmp_path / "figure.png").is_file()
    assert main(["figures", "ranking", *words, *out]) == 2
    assert "give --pose NET or --attributes NET" in capsys.readouterr().err
