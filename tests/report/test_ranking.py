"""Real images in the order of what the parent knows."""

from pathlib import Path

import numpy as np
import pytest
import torch

from stylealign import load
from stylealign.applications.labels.learning import spec_of
from stylealign.applications.labels.networks import LabelNetwork, save_label_network
from stylealign.checkpoints import native
from stylealign.cli import ranking_figure
from stylealign.cli.main import main
from stylealign.datasets.annotations import Annotations
from stylealign.datasets.avatars import POSE, attribute_values
from stylealign.datasets.images import image_name, write_image_zip
from stylealign.datasets.label_names import LabelNames
from stylealign.latents.codes import Codes
from stylealign.metrics.effects import shared_values
from stylealign.metrics.latent_labels import planes_of
from stylealign.networks.architecture import Architecture
from stylealign.networks.generator import Generator
from stylealign.report.figures import CELL_PX
from stylealign.report.ranking import MOST_ROWS, chosen, ranking_sheet, thirds

SMALL = Architecture(resolution=16, z_dim=6, w_dim=6, mapping_layers=2, channel_base=64, channel_max=8)


def test_the_thirds_are_the_ends_and_the_middle() -> None:
    scores = np.array([5.0, 1.0, 9.0, 3.0, 7.0, 2.0, 8.0])
    most, middle, least = thirds(scores, 2)
    assert [list(scores[part]) for part in (most, middle, least)] == [[9, 8], [7, 5], [2, 1]]
    assert sorted(np.concatenate(thirds(scores, 9))) == [0, 1, 2, 4, 5, 6], "two each, none of them twice"


def test_shared_attributes_of_yes_and_no_come_first_then_others_then_numbers() -> None:
    names = ["sky=blue", "sky=grey", "sky=red", "size", "hat=yes", "eyes=open", "eyes=shut", "open=yes", "tilt"]
    everything = ["hat=yes", "open=yes", "eyes=open", "sky=blue", "eyes=shut", "sky=grey", "sky=red", "size", "tilt"]
    assert chosen(names, 20) == everything
    assert chosen(names, 6) == ["hat=yes", "open=yes", "eyes=open", "sky=blue", "size", "tilt"], "numbers keep rows"
    assert chosen(names, 3) == ["hat=yes", "open=yes", "size"], "what is yes or no is cut last"
    assert chosen(names, 1) == ["hat=yes"]
    assert chosen(["size", "tilt"], 1) == ["size"]
    assert chosen(["hat=none", "hat=cap"], 1) == ["hat=cap"]
    shared = ["sky=blue", "sky=grey", "sky=red", "open=yes"]
    assert chosen(names, 6, shared) == ["open=yes", "sky=blue", "hat=yes", "eyes=open", "size", "tilt"]


def test_shared_attributes_and_numbers_of_the_default_run_have_a_row() -> None:
    """Though the parent's other attributes have many values."""
    known, toons = (
        [f"{name}={value}" for name, values in attribute_values(domain).items() for value in values]
        for domain in ("human", "toon-head")
    )
    shown = chosen([*POSE, *shared_values(known, known)], MOST_ROWS, shared_values(known, toons))
    assert shown[:3] == ["mouth_open=yes", "has_beard=yes", "long_hair=yes"]
    assert {"eyes_open=yes", "has_glasses=yes", "has_hat=yes", "hair_tone=dark", "skin_tone=dark"} < set(shown[3:-4])
    assert shown[-4:] == list(POSE) and len(shown) == MOST_ROWS


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


def test_annotations_say_which_attributes_are_shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    native.save(tmp_path / "parent.safetensors", generator=Generator(SMALL), info={})
    write_image_zip(tmp_path / "test.zip", np.zeros((3, 3, 16, 16), np.uint8))
    codes = np.zeros((3, SMALL.num_ws, SMALL.w_dim), np.float32)
    sha = load(tmp_path / "parent.safetensors").sha256
    Codes(codes, "w+", sha, [image_name(place) for place in range(3)]).save(tmp_path / "child.npz")
    values = {"hat": ["no", "yes"], "sky": ["grey", "blue", "red"], "mood": ["no", "yes"]}
    numbers = {name: np.zeros(3, int) for name in values}
    theirs = Annotations(attributes=numbers, names=LabelNames(attributes=values))
    network = LabelNetwork(spec_of("attributes", 16, theirs, "theirs")).eval()
    save_label_network(tmp_path / "attributes.safetensors", network, {})
    own = values | {"mood": ["sad", "glad"], "hat": ["no", "yes"]}
    Annotations(attributes=numbers, names=LabelNames(attributes=own)).save(tmp_path / "test.npz")
    seen: list[object] = []

    def sheet(*given: object, shared: object) -> np.ndarray:
        seen.append(shared)
        return np.zeros((3, 8, 8), np.uint8)

    monkeypatch.setattr(ranking_figure, "ranking_sheet", sheet)
    words = [f"child={tmp_path / 'child.npz'}", "--model", str(tmp_path / "parent.safetensors")]
    words += ["--data", str(tmp_path / "test.zip"), "--attributes", str(tmp_path / "attributes.safetensors")]
    words += ["--out", str(tmp_path / "figure.png")]
    assert main(["figures", "ranking", *words]) == 0
    assert main(["figures", "ranking", *words, "--annotations", str(tmp_path / "test.npz")]) == 0
    assert seen == [[], ["hat=yes", "sky=grey", "sky=blue", "sky=red"]], "mood has other values there"
