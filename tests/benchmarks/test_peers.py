"""The peer's side of the benchmarks, with a stand-in for the package, which is no dependency."""

import importlib.util
import sys
import types

import pytest
import torch
from torch import Tensor, nn

from benchmarks import synthesis
from benchmarks import training as training_benchmark
from benchmarks.card.beside import beside
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


def test_synthesis_beside_the_peer() -> None:
    found = synthesis.measure("tiny", 1, torch.device("cpu"))
    assert found["ratio_to_peer"] > 0  # type: ignore[operator]


def test_the_run_on_a_card_has_ours_and_the_peer_side_by_side() -> None:
    rows = list(beside("tiny", "torch", (False, True), 4, 1))
    forms = [(row.part, row.form, row.precision) for row in rows]
    ours = "torch + recorded operations"
    assert forms == [
        ("step beside a peer", PEER, "float32"),
        ("step beside a peer", ours, "float32"),
        ("step beside a peer", ours, "half"),
        ("synthesis beside a peer", PEER, "float32"),
        ("synthesis beside a peer", "torch", "float32"),
        ("synthesis beside a peer", "torch", "half"),
    ]
    for row in rows:
        assert row.images_per_s is not None
        assert row.images_per_s > 0
        assert not row.error
        if row.form != PEER:
            assert row.values is not None
            peer = next(one for one in rows if (one.part, one.form) == (row.part, PEER))
            assert row.values["ratio_to_peer"] == pytest.approx(row.images_per_s / peer.images_per_s)  # of one round
            assert f"times as fast as {PEER}" in row.note
    assert all(row.note.count(": recorded operations: ") == 3 for row in rows[1:3]), "every kind of step"


def test_a_peer_that_is_not_installed_is_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "stylegan2_pytorch")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    (row,) = beside("tiny", "torch", (False,), 4, 1)
    assert (row.form, row.note.split(" (")[0], row.error) == (PEER, "not installed", "")
