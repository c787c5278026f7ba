"""What models make of latents and steps: the same for the same model, rotations that keep the distribution."""

import copy

import numpy as np
import pytest
import torch

from stylealign.metrics.alignment_score import alignment_score
from stylealign.metrics.perceptual import PerceptualDistance, perceptual_distance
from stylealign.metrics.responses import offsets_of_w, probe_of, reference_of, respond, rotated
from stylealign.networks.architecture import Architecture
from stylealign.networks.generator import Generator

SMALL = Architecture(resolution=16, z_dim=8, w_dim=8, mapping_layers=2, channel_base=64, channel_max=8)


def generator(seed: int) -> Generator:
    torch.manual_seed(seed)
    return Generator(SMALL).eval()


@pytest.fixture(scope="module")
def network() -> PerceptualDistance:
    return perceptual_distance("efficientnet-lite0")


def test_a_rotated_probe_has_the_same_distribution_and_other_values() -> None:
    model = generator(0)
    probe = probe_of(model, 64, 32, 0)
    turned = rotated(probe, model, 1)
    assert torch.allclose(turned.z.norm(dim=1), probe.z.norm(dim=1), rtol=1e-4)
    assert not torch.allclose(turned.z, probe.z, atol=0.1)
    away = offsets_of_w(model, 4096, 1).double()
    inverse = torch.linalg.inv(away.T @ away / len(away))
    lengths = [((steps.double() @ inverse) * steps.double()).sum(dim=1) for steps in (probe.steps, turned.steps)]
    assert torch.allclose(*lengths, rtol=1e-2), "as far in units of the spread of W"


def test_a_model_a_changed_copy_and_another_one(network: PerceptualDistance) -> None:
    model, changed, other = generator(0), generator(0), generator(1)
    with torch.no_grad():
        for parameter, foreign in zip(changed.synthesis.parameters(), other.synthesis.parameters(), strict=True):
            parameter.lerp_(foreign, 0.1)
    told: list[int] = []
    reference = reference_of(model, network, 32, 0, lambda: told.append(1))
    assert len(told) == 7, "the model's own latents, and six rotations"
    assert reference.responses.features.shape[0] == 32
    assert reference.responses.changes.shape[0] == 16
    assert set(reference.responses.grams) == {4, 8, 16}
    found = [
        alignment_score(reference.responses, respond(each, reference.probe, network), reference.unrelated)["score"]
        for each in (copy.deepcopy(model), changed, other)
    ]
    assert found[0].value == pytest.approx(1)
    assert 0.5 < found[1].value < 0.999
    assert found[2].ci_low == 0
    assert np.isfinite([estimate.value for estimate in found]).all()
