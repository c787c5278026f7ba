"""The peer's side of the benchmarks, with a stand-in for the package, which is no dependency."""

import sys
import types

import pytest
import torch
from torch import Tensor, nn

from benchmarks import synthesis
from benchmarks import training as training_benchmark
from benchmarks.peers import PEER

W_DIM, LAYERS = 8, 3


class StyleVectorizer(nn.Module):
    def __init__(self, width: int, depth: int, lr_mul: float) -> None:
        super().__init__()
        self.net = nn.Sequential(*(nn.Linear(width, width) for _ in range(depth)))

    def forward(self, z: Tensor) -> Tensor:
        return self.net(z)  # type: ignore[no-any-return]


class Generator(nn.Module):
    """Images from the mean style of the layers and the noise."""

    def __init__(self, size: int, width: int, network_capacity: int, fmap_max: int) -> None:
        super().__init__()
        self.size = size
        self.map = nn.Linear(width, 3 * size * size)
        self.top = nn.Conv2d(network_capacity * 2, 3, 1)  # of the channels that the benchmark expects at the top

    def forward(self, ws: Tensor, noise: Tensor) -> Tensor:
        colours = self.map(ws.mean(dim=1)).reshape(-1, 3, self.size, self.size)
        return colours + self.top.weight.sum() * noise.permute(0, 3, 1, 2)


class Discriminator(nn.Module):
    def __init__(self, size: int, network_capacity: int, fmap_max: int) -> None:
        super().__init__()
        self.out = nn.Linear(3 * size * size, 1)

    def forward(self, images: Tensor) -> tuple[Tensor, None]:
        return self.out(images.flatten(1)).tanh()[:, 0], None


@pytest.fixture(autouse=True)
def _stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    package = types.ModuleType("stylegan2_pytorch")
    module = types.ModuleType("stylegan2_pytorch.stylegan2_pytorch")
    for part in (StyleVectorizer, Generator, Discriminator):
        setattr(module, part.__name__, part)
    package.stylegan2_pytorch = module  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "stylegan2_pytorch", package)
    monkeypatch.setitem(sys.modules, "stylegan2_pytorch.stylegan2_pytorch", module)


def test_training_beside_the_peer() -> None:
    found = training_benchmark.measure("tiny", 1, torch.device("cpu"), ["fast", PEER])
    assert found[f"{PEER}_images_per_s"] > 0  # type: ignore[operator]
    assert found["ratio_to_peer"] > 0  # type: ignore[operator]


def test_synthesis_beside_the_peer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synthesis, "installed", lambda: True)
    found = synthesis.measure("tiny", 1, torch.device("cpu"))
    assert found["ratio_to_peer"] > 0  # type: ignore[operator]
