"""Generators as ONNX files: onnxruntime draws what PyTorch draws, for any number of images."""

from pathlib import Path

import numpy as np
import pytest
import torch

from stylealign.checkpoints import load, native, onnx_generator
from stylealign.errors import StyleAlignError
from stylealign.networks import onnx_export
from stylealign.networks.architecture import Architecture
from stylealign.networks.generator import Generator
from stylealign.networks.onnx_session import OnnxModel

TOLERANCE = 1e-4


@pytest.fixture(params=[0, 3], ids=["unconditional", "conditional"])
def model(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Return a small model with noise and a mean of W that is not zero."""
    torch.manual_seed(0)
    shape = Architecture(
        resolution=16, z_dim=12, w_dim=8, c_dim=request.param, mapping_layers=2, channel_base=128, channel_max=8
    )
    generator = Generator(shape)
    with torch.no_grad():
        generator.mapping.w_avg.normal_()
        for block in generator.synthesis.blocks:
            for layer in block.layers.values():
                layer.noise_strength.fill_(0.2)
    native.save(tmp_path / "model.safetensors", generator=generator)
    return tmp_path / "model.safetensors"


def inputs_of(generator: Generator, count: int) -> tuple[torch.Tensor, torch.Tensor | None, dict[str, np.ndarray]]:
    z = torch.randn(count, 12, generator=torch.Generator().manual_seed(7))
    c_dim = generator.architecture.c_dim
    labels = torch.eye(c_dim)[torch.arange(count) % c_dim] if c_dim else None
    given = {"z": z.numpy(), "truncation_psi": np.array(0.6, np.float32)}
    return z, labels, given if labels is None else given | {"labels": labels.numpy()}


def run(path: Path, given: dict[str, np.ndarray], output: str) -> np.ndarray:
    return OnnxModel(path.read_bytes(), str(path)).run(given, [output])[0]


@pytest.mark.parametrize("count", [1, 5])
def test_onnxruntime_draws_the_same_images(model: Path, tmp_path: Path, count: int) -> None:
    checkpoint = load(model)
    told = onnx_generator.write(tmp_path / "g.onnx", checkpoint, "generator")
    z, labels, given = inputs_of(checkpoint.generator, count)
    found = run(tmp_path / "g.onnx", given, "images")
    wanted = checkpoint.generator(z, labels, truncation_psi=0.6).numpy()
    assert found.shape == (count, 3, 16, 16)
    (port,) = OnnxModel((tmp_path / "g.onnx").read_bytes(), "g").outputs
    assert port.shape == (None, 3, 16, 16), "height and width are no names of the exporter's"
    assert np.abs(found - wanted).max() < TOLERANCE
    assert 0 <= told["largest_difference"] < TOLERANCE
    assert np.abs(found - checkpoint.generator(z, labels, truncation_psi=0.9).numpy()).max() > 100 * TOLERANCE


def test_the_parts_make_the_whole(model: Path, tmp_path: Path) -> None:
    checkpoint = load(model)
    for part in onnx_generator.PARTS:
        onnx_generator.write(tmp_path / f"{part}.onnx", checkpoint, part)
    _, _, given = inputs_of(checkpoint.generator, 4)
    ws = run(tmp_path / "mapping.onnx", given, "ws")
    assert ws.shape == (4, checkpoint.architecture.num_ws, 8)
    images = run(tmp_path / "synthesis.onnx", {"ws": ws}, "images")
    assert np.abs(images - run(tmp_path / "generator.onnx", given, "images")).max() < TOLERANCE


def test_what_is_drawn_otherwise_is_not_written(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_export, "TOLERANCE", 1e-12)
    with pytest.raises(StyleAlignError, match=r"g\.onnx: onnxruntime's results differ by .*nothing was written"):
        onnx_generator.write(tmp_path / "g.onnx", load(model), "generator")
    assert not (tmp_path / "g.onnx").exists()
