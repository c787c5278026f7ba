"""A small pair of networks, and the reference numbers, for every importer."""

from pathlib import Path

import numpy as np
import pytest
import torch

from stylealign.networks.architecture import Architecture
from stylealign.networks.discriminator import Discriminator
from stylealign.networks.generator import Generator
from tests.checkpoints.builders import State

REFERENCE = Path(__file__).parents[1] / "reference"
SMALL = Architecture(resolution=32, z_dim=16, w_dim=16, mapping_layers=2, channel_base=256, channel_max=16)
CONDITIONAL = Architecture(
    resolution=64,
    z_dim=24,
    w_dim=16,
    c_dim=3,
    mapping_layers=3,
    channel_base=512,
    channel_max=16,
    conv_clamp=256,
)


def _state(reference: dict[str, torch.Tensor], prefix: str) -> State:
    named = {key.removeprefix(prefix): value for key, value in reference.items() if key.startswith(prefix)}
    return {key: value for key, value in named.items() if not key.endswith("resample_filter")}


class Model:
    """Reference weights and numbers."""

    def __init__(self, name: str, architecture: Architecture) -> None:
        self.reference = {key: torch.from_numpy(value) for key, value in np.load(REFERENCE / f"{name}.npz").items()}
        self.architecture = architecture
        # In the order of our networks, for comparisons of whole state dicts.
        g, d = _state(self.reference, "G/"), _state(self.reference, "D/")
        self.generator: State = {key: g[key] for key in Generator(architecture).state_dict()}
        self.discriminator: State = {key: d[key] for key in Discriminator(architecture).state_dict()}


@pytest.fixture(scope="session")
def label_mapping() -> Model:
    """Labels, with a discriminator as TensorFlow's: its mapping of the labels has a multiplier of 0.1."""
    return Model("sg2_32_cond_d_lr", SMALL.model_copy(update={"c_dim": 3, "label_lr_multiplier": 0.1}))


@pytest.fixture(scope="session")
def small() -> Model:
    return Model("sg2_32", SMALL)


@pytest.fixture(scope="session")
def conditional() -> Model:
    return Model("sg2_64_cond_clamp", CONDITIONAL)
