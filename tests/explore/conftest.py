"""A tiny family: a parent, a child that is the parent with moved weights, and a stranger."""

import copy
from pathlib import Path

import pytest
import torch

from stylealign.checkpoints import native
from stylealign.networks.architecture import Architecture
from stylealign.networks.generator import Generator

TINY = Architecture(resolution=16, z_dim=12, w_dim=8, mapping_layers=2, channel_base=128, channel_max=8)


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return the files of parent, child and stranger."""
    folder = tmp_path_factory.mktemp("family")
    torch.manual_seed(0)
    parent = Generator(TINY).eval()
    with torch.no_grad():
        # The image is a sum of colours, linear in the weights of the torgb layers: bring it to about [-1, 1].
        peak = parent(torch.randn(200, TINY.z_dim)).abs().amax()
        for block in parent.synthesis.blocks:
            block.torgb.weight /= peak * 1.2
    child = copy.deepcopy(parent)
    with torch.no_grad():
        for parameter in child.synthesis.parameters():
            parameter += 0.3 * torch.randn(parameter.shape)
    made = {"parent": parent, "toon": child, "stranger": Generator(TINY).eval()}
    for name, generator in made.items():
        native.save(folder / name / "model.safetensors", generator=generator)
    return {name: folder / name / "model.safetensors" for name in made}
