"""Tiny random models for the tests of latents."""

import pytest
import torch
from torch import Tensor

from stylealign.networks.architecture import Architecture
from stylealign.networks.generator import Generator

TINY = Architecture(resolution=16, z_dim=12, w_dim=8, mapping_layers=2, channel_base=128, channel_max=8)


@pytest.fixture
def generator() -> Generator:
    """A random generator whose noise and mean of W take part."""
    torch.manual_seed(0)
    model = Generator(TINY).eval().requires_grad_(False)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("noise_strength"):
                parameter.fill_(0.05)
        # The image is a sum of colours, linear in the weights of the torgb layers: bring it to about [-1, 1].
        peak = model(torch.randn(200, TINY.z_dim)).abs().amax()
        for block in model.synthesis.blocks:
            block.torgb.weight /= peak * 1.2
        model.mapping.w_avg.copy_(model.mapping.map(torch.randn(2000, TINY.z_dim)).mean(dim=0))
    return model


class PixelDistance:
    """Mean squared difference at full and half size: a distance without a network."""

    def features(self, images: Tensor) -> list[Tensor]:
        return self.activations(images)

    def activations(self, images: Tensor) -> list[Tensor]:
        return [images, torch.nn.functional.avg_pool2d(images, 2)]

    def between(self, features_a: list[Tensor], features_b: list[Tensor]) -> Tensor:
        return sum((a - b).square().mean(dim=(1, 2, 3)) for a, b in zip(features_a, features_b, strict=True))
