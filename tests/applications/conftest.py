"""A tiny parent and a child that is its parent with moved weights."""

import copy

import pytest
import torch
from torch import Tensor

from stylealign.networks.architecture import Architecture
from stylealign.networks.generator import Generator

TINY = Architecture(resolution=16, z_dim=12, w_dim=8, mapping_layers=2, channel_base=128, channel_max=8)


@pytest.fixture
def parent() -> Generator:
    torch.manual_seed(0)
    return Generator(TINY).eval().requires_grad_(False)


@pytest.fixture
def child(parent: Generator) -> Generator:
    moved = copy.deepcopy(parent)
    random = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in moved.parameters():
            parameter += 0.3 * torch.randn(parameter.shape, generator=random)
    return moved


class PixelDistance(torch.nn.Module):
    """Mean squared difference: a distance without a network."""

    def features(self, images: Tensor) -> list[Tensor]:
        return self.activations(images)

    def activations(self, images: Tensor) -> list[Tensor]:
        return [images]

    def between(self, features_a: list[Tensor], features_b: list[Tensor]) -> Tensor:
        return (features_a[0] - features_b[0]).square().mean(dim=(1, 2, 3))

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        return self.between([a], [b])
