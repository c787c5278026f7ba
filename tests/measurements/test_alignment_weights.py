"""Weight changes between parent and child, against closed forms."""

import copy

import numpy as np
import pytest
import torch

from stylealign.measurements.alignment_weights import weight_rows
from stylealign.measurements.rows import RowKey
from stylealign.metrics.weights import cosine, relative_change
from stylealign.networks.architecture import Architecture
from stylealign.networks.components import COMPONENTS, component_of
from stylealign.networks.generator import Generator

SMALL = Architecture(resolution=16, z_dim=6, w_dim=6, mapping_layers=2, channel_base=64, channel_max=8)
KEY = RowKey("alignment_weights", "human", "animal", "")


@pytest.fixture(scope="module")
def parent() -> Generator:
    torch.manual_seed(0)
    return Generator(SMALL).eval()


def values(parent: Generator, child: Generator) -> dict[tuple[str, str], float | None]:
    return {(row.metric, row.setting): row.value for row in weight_rows(parent, child, KEY)}


def test_every_trained_parameter_has_a_component_and_no_buffer_has(parent: Generator) -> None:
    placed = {name for name in parent.state_dict() if component_of(name) is not None}
    assert placed == {name for name, _ in parent.named_parameters()}
    assert {component_of(name)[0] for name in placed} == set(COMPONENTS)
    assert component_of("synthesis.b8.conv0.affine.weight") == ("affine", "b8.conv0")
    assert component_of("synthesis.b8.torgb.affine.bias") == ("torgb-affine", "b8.torgb")
    assert component_of("synthesis.b8.torgb.weight") == ("torgb", "b8.torgb")
    assert component_of("synthesis.b8.conv1.noise_strength") == ("const+noise", "b8.conv1.noise_strength")
    assert component_of("synthesis.b4.const") == ("const+noise", "b4.const")
    assert component_of("mapping.fc1.bias") == ("mapping", "fc1")


def test_against_numpy() -> None:
    rng = np.random.default_rng(0)
    before, after = [rng.normal(size=(3, 4)), rng.normal(size=5)], [rng.normal(size=(3, 4)), rng.normal(size=5)]
    p, c = (np.concatenate([array.ravel() for array in arrays]) for arrays in (before, after))
    tensors = [[torch.from_numpy(array) for array in arrays] for arrays in (before, after)]
    assert relative_change(*tensors) == pytest.approx(np.linalg.norm(c - p) / np.linalg.norm(p))
    assert cosine(*tensors) == pytest.approx(p @ c / np.linalg.norm(p) / np.linalg.norm(c))
    assert relative_change(tensors[1], tensors[0]) != pytest.approx(relative_change(*tensors)), "parent comes first"


def test_an_unchanged_child(parent: Generator) -> None:
    found = values(parent, copy.deepcopy(parent))
    assert {found["relative_change", component] for component in COMPONENTS} == {0.0}
    assert found["cosine", "convolutions"] == pytest.approx(1.0)


def test_a_component_scaled_by_three(parent: Generator) -> None:
    child = copy.deepcopy(parent)
    with torch.no_grad():
        for name, parameter in child.named_parameters():
            if component_of(name)[0] == "convolutions":
                parameter.mul_(3)
    found = values(parent, child)
    assert found["relative_change", "convolutions"] == pytest.approx(2.0)
    assert found["relative_change", "convolutions b16.conv1"] == pytest.approx(2.0)
    assert found["cosine", "convolutions"] == pytest.approx(1.0)
    assert found["relative_change", "mapping"] == 0.0


def test_a_layer_that_starts_at_zero_has_no_relative_change(parent: Generator) -> None:
    child = copy.deepcopy(parent)
    with torch.no_grad():
        child.synthesis.b8.conv1.noise_strength.fill_(0.5)
    assert values(parent, child)["relative_change", "const+noise b8.conv1.noise_strength"] is None
