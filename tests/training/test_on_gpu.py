"""What only a GPU can show: its trainings and commands against the CPU's. Skipped where there is none."""

import copy
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from stylealign import load
from stylealign.config import InvertSettings
from stylealign.datasets.images import write_image_zip
from stylealign.images import from_uint8
from stylealign.latents.projection import Projector
from stylealign.networks.architecture import Architecture
from stylealign.networks.generator import Generator
from stylealign.training import selftest
from stylealign.training.graphs import CudaRecording, Graphs
from stylealign.training.loop import seed_step
from stylealign.training.recordable import RecordableStep
from stylealign.training.start import new_networks
from stylealign.training.step import TrainingStep
from tests.training.common import SHAPE, WAYS, Squares, changed, in_training

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
ARCHITECTURE = json.dumps(SHAPE.model_dump())
KERNELS, GRAPHS = selftest.NAMES
PARENT = Path(__file__).parents[2] / "data" / "zoo" / "human-64-a.safetensors"


def command(*words: object, **environment: str) -> str:
    """Run a command in a process of its own; return what it said."""
    done = subprocess.run(
        [sys.executable, "-m", "stylealign", *map(str, words)],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stderr + done.stdout


@pytest.fixture
def data(tmp_path: Path) -> Path:
    images = np.random.default_rng(0).integers(0, 256, (64, 3, 16, 16), dtype=np.uint8)
    write_image_zip(tmp_path / "train.zip", images)
    return tmp_path / "train.zip"


def test_every_way_of_the_self_test_runs_and_agrees() -> None:
    """Kernels and graphs, with augmentation, in half precision at the top: nothing fails, all numbers agree."""
    shape = Architecture(
        resolution=32, z_dim=16, w_dim=16, channel_base=512, channel_max=32, fp16_resolutions=1, conv_clamp=256
    )
    settings = changed(augment="bgc", fp16_resolutions=1)
    given = json.dumps({"architecture": shape.model_dump(), "settings": settings.model_dump(mode="json")})
    plain = selftest.tried_apart({KERNELS: "0", GRAPHS: "0"}, given)
    assert not plain.error
    for variables in ({KERNELS: "cuda", GRAPHS: "0"}, {KERNELS: "0", GRAPHS: "1"}, {KERNELS: "cuda", GRAPHS: "1"}):
        found = selftest.tried_apart(variables, given)
        assert not found.error
        assert selftest._difference(found, plain) <= selftest.ALLOWED
        assert (found.recorded > 0) == (variables[GRAPHS] == "1")


RECORDED: list[dict[str, Any]] = [
    {"keep": {name: way for name, way in WAYS.items() if name != "patches"}},
    {"augment": "bgc"},
    {"discriminator": "projected"},
    {"discriminator": "both", "augment": "bgc"},
]


@pytest.mark.parametrize("kernels", ["0", "cuda"])
@pytest.mark.parametrize("changes", RECORDED, ids=str)
def test_every_kind_of_training_is_recorded(
    changes: dict[str, Any], kernels: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However fast: all but those that `graphs.reason_against` names."""
    monkeypatch.setenv(KERNELS, kernels)
    step, told = in_training(changes, "cuda"), list[str]()
    step.graphs = Graphs(RecordableStep(step), notify=told.append, must_be_faster=False)
    for index in range(9):
        seed_step(0, index)
        step.step(index, from_uint8(Squares().batch(index, 8, 0, False)).cuda())
    assert told
    assert all(": CUDA graph: " in line for line in told), told


def test_a_recording_that_fails_or_is_gone_spoils_none_behind_it() -> None:
    """Streams and random numbers are as before, and libraries may keep what they have put into a graph's memory."""
    matrix, stream = torch.randn(64, 64, device="cuda"), torch.cuda.current_stream()

    def fails() -> dict[str, torch.Tensor]:
        return {"read": matrix * matrix.sum().item()}

    shared = CudaRecording(lambda: {"sum": matrix + matrix})
    for _ in range(2):
        with pytest.raises(RuntimeError):
            CudaRecording(fails)
        assert torch.cuda.current_stream() == stream
        assert torch.randn(9, device="cuda").isfinite().all()
        for _ in range(2):
            recording = CudaRecording(lambda: {"product": matrix @ matrix})
            recording.replay()
            torch.testing.assert_close(recording.result["product"], matrix @ matrix)
            del recording
    shared.replay()
    torch.testing.assert_close(shared.result["sum"], 2 * matrix)


@pytest.mark.parametrize("kernels", ["0", "cuda"])
def test_a_step_is_that_of_the_cpu(kernels: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same weights, images and random inputs, in single precision without TF32."""
    monkeypatch.setenv(KERNELS, kernels)
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    settings = changed(r1_interval=1, path_length_weight=0.0, noise=False)  # what else is drawn is drawn on the GPU
    networks = new_networks(SHAPE, settings, 16)
    real = Squares().batch(0, 8, 0, False).float() / 127.5 - 1
    found = {}
    for device in ("cpu", "cuda"):
        step = TrainingStep(*(copy.deepcopy(network).to(device) for network in networks), settings)
        seed_step(0, 0)
        scalars = step.step(0, real.to(device), measure=True)
        weights = [p.detach().cpu() for network in (step.generator, step.discriminator) for p in network.parameters()]
        found[device] = {name: float(value) for name, value in scalars.items()}, weights
    assert found["cuda"][0] == pytest.approx(found["cpu"][0], rel=2e-3, abs=1e-4)
    for ours, theirs in zip(found["cuda"][1], found["cpu"][1], strict=True):
        # Adam's first step is the rate, whatever the gradient's size: its sign decides where that is rounding.
        assert float(((ours - theirs).abs() > 1e-4).double().mean()) < 0.02


def test_a_training_chooses_goes_on_and_is_read_on_a_cpu(data: Path, tmp_path: Path) -> None:
    folders = ["--run-dir", tmp_path / "run", "--out-dir", tmp_path / "model"]
    short = ["--architecture", ARCHITECTURE, "--batch-size", 8, "--snapshot-kimg", 0.016]
    said = command("train", "--data", data, *folders, *short, "--kimg", 0.064)
    assert "computed by" in said and "failed" not in said and "no graph" not in said
    chosen = json.loads((tmp_path / "run" / selftest.FILE).read_text())
    assert chosen["machine"]["gpu"] == torch.cuda.get_device_name()
    longer = command("train", "--data", data, *folders, *short, "--kimg", 0.128)
    assert "as before" in longer or "computed by" in longer
    generator = load(tmp_path / "model" / "model.safetensors")
    z = torch.randn(4, SHAPE.z_dim)
    with torch.inference_mode():
        on_cpu = generator(z)
        on_gpu = copy.deepcopy(generator).cuda()(z.cuda()).cpu()
    torch.testing.assert_close(on_gpu, on_cpu, rtol=0, atol=5e-3)


@pytest.mark.parametrize("kernels", ["0", "cuda", ""])
def test_pictures_are_those_of_the_cpu(kernels: str, tmp_path: Path) -> None:
    """The bundled parent's, to a level; with no word of the kernels, the GPU's age decides."""
    pictures = {}
    for name, environment in {"cpu": {"CUDA_VISIBLE_DEVICES": ""}, "gpu": {KERNELS: kernels}}.items():
        command("generate", PARENT, "--seeds", "0-3", "--grid", tmp_path / f"{name}.png", **environment)
        pictures[name] = np.asarray(Image.open(tmp_path / f"{name}.png"), dtype=np.int64)
    assert np.abs(pictures["cpu"] - pictures["gpu"]).max() <= 1


def test_an_inversion_in_half_precision_is_as_close() -> None:
    """Of the bundled parent's own images: what is left of the error is that of single precision to a fifth."""

    class Pixels:
        def activations(self, images: torch.Tensor) -> list[torch.Tensor]:
            return [torch.nn.functional.avg_pool2d(images, 4)]

        features = activations

        def between(self, a: list[torch.Tensor], b: list[torch.Tensor]) -> torch.Tensor:
            return (a[0] - b[0]).square().mean(dim=(1, 2, 3))

    parent = load(PARENT).generator.cuda()
    shape = parent.architecture.model_copy(update={"fp16_resolutions": 3, "conv_clamp": 256.0})
    half = Generator(shape).cuda().eval().requires_grad_(False)
    half.load_state_dict(parent.state_dict())
    with torch.inference_mode():
        targets = parent(torch.randn(8, shape.z_dim, device="cuda")).clamp(-1, 1)
    settings = InvertSettings(steps=100, initial_candidates=64)
    single, halved = (Projector(one, Pixels(), settings).project(targets, range(8)).losses for one in (parent, half))
    assert (single[-1] < 0.5 * single[0]).all()
    assert halved[-1].mean() == pytest.approx(single[-1].mean(), rel=0.2)
