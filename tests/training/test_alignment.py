"""The alignment that a training reports."""

import torch

from stylealign.training.alignment import Alignment
from stylealign.training.loop import seed_step
from stylealign.training.start import new_networks
from tests.training.common import SHAPE, changed


def test_a_parent_is_aligned_with_itself_and_a_stranger_is_not() -> None:
    parent, same, _ = new_networks(SHAPE, changed(), 16)
    stranger = new_networks(SHAPE, changed(seed=1), 16)[0]
    near, _, _ = new_networks(SHAPE, changed(), 16)
    with torch.no_grad():
        for parameter in near.parameters():
            parameter.add_(torch.randn_like(parameter) * parameter.std(unbiased=False), alpha=0.3)
    measured = Alignment(parent, 32, 0)
    of = {name: measured(network)["alignment"] for name, network in (("same", same), ("near", near), ("no", stranger))}
    assert of["same"] > 0.999
    assert of["same"] > of["near"] > of["no"]
    assert measured(same)["alignment"] == of["same"]


def test_measuring_leaves_the_random_numbers_of_a_step_alone() -> None:
    generator = new_networks(SHAPE, changed(), 16)[0]
    seed_step(0, 0)
    expected = torch.rand(3)
    seed_step(0, 0)
    Alignment(generator, 16, 0)(generator)
    assert torch.equal(torch.rand(3), expected)
