"""`convert` to and from ONNX, and ONNX label networks where a label network is asked for, through the command line."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from stylealign.applications.labels.networks import LabelNetwork, LabelSpec, load_label_network, save_label_network
from stylealign.checkpoints import native
from stylealign.cli.main import main
from stylealign.networks.architecture import Architecture
from stylealign.networks.generator import Generator
from tests.applications.onnx_files import Brightness, write_labeller

SHAPE = Architecture(resolution=16, z_dim=6, w_dim=6, mapping_layers=2, channel_base=64, channel_max=8)
KEYS: dict[str, Any] = {"task": "segmentation", "names": ["dark", "light"]}


def run(*arguments: Any) -> int:
    return main([str(argument) for argument in arguments])


def write_model(path: Path, seed: int = 0) -> Path:
    torch.manual_seed(seed)
    native.save(path, generator=Generator(SHAPE))
    return path


def test_convert_a_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = write_model(tmp_path / "model.safetensors")
    assert run("convert", model, tmp_path / "model.onnx", "--part", "synthesis") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["format"], told["part"], told["inputs"], told["outputs"]) == ("onnx", "synthesis", ["ws"], ["images"])
    assert told["largest_difference"] < 1e-4
    assert run("convert", model, tmp_path / "again.safetensors", "--part", "mapping") == 2
    assert "--part: goes with a model and a .onnx" in capsys.readouterr().err
    assert run("convert", model, tmp_path / "again.safetensors", "--space", "w") == 2
    assert "--space: is of codes; name their model with --codes-of" in capsys.readouterr().err
    assert run("convert", model, tmp_path / "codes.npz", "--codes-of", model, "--part", "mapping") == 2
    assert "--part: goes with a model" in capsys.readouterr().err


def test_convert_a_label_network_and_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.manual_seed(0)
    own = LabelNetwork(LabelSpec("segmentation", ("a", "b"), 16, 2, 0, 4)).eval()
    save_label_network(tmp_path / "net.safetensors", own, {})
    assert run("convert", tmp_path / "net.safetensors", tmp_path / "net.onnx") == 0
    assert json.loads(capsys.readouterr().out)["description"] == str(tmp_path / "net.yaml")
    assert run("convert", tmp_path / "net.yaml", tmp_path / "packed.safetensors") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["format"], told["task"]) == ("label network", "segmentation")
    network, provenance = load_label_network(tmp_path / "packed.safetensors")
    assert network.spec.names == ("a", "b")
    assert set(provenance["inputs_sha256"]) == {"labeller", "onnx"}
    assert run("convert", tmp_path / "packed.safetensors", tmp_path / "part.onnx", "--part", "mapping") == 2
    assert "--part: is of a model, and" in capsys.readouterr().err
    assert run("convert", tmp_path / "packed.safetensors", tmp_path / "copy.safetensors") == 0
    assert (tmp_path / "copy.safetensors").read_bytes() == (tmp_path / "packed.safetensors").read_bytes()


@pytest.mark.parametrize(
    ("source", "out", "message"),
    [
        ("net.yaml", "net.onnx", "net.onnx: is the file that"),
        ("net.yaml", "net.pt", "a label network ends in .onnx, .safetensors"),
        ("none.yaml", "net.safetensors", "none.yaml: No such file"),
        ("three.yaml", "three.safetensors", "has 3 names"),
        ("other.yaml", "other.onnx", "other.onnx: its YAML would take the place of"),
    ],
)
def test_mistakes_are_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], source: str, out: str, message: str
) -> None:
    write_labeller(tmp_path, Brightness(), **KEYS)
    (tmp_path / "three.yaml").write_text("{onnx: net.onnx, task: segmentation, names: [a, b, c]}")
    (tmp_path / "other.yaml").write_text(f"# of a colleague\nonnx: net.onnx\n{(tmp_path / 'net.yaml').read_text()}")
    assert run("convert", tmp_path / "net.yaml", tmp_path / "packed.safetensors") == 0
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    capsys.readouterr()
    assert run("convert", tmp_path / source, tmp_path / out) == 2
    told = capsys.readouterr().err
    assert (message if source != "three.yaml" else "scores of 3 names") in told
    assert told.count("\n") == 1
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
