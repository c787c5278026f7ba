"""Blends of two models, by resolution."""

import copy

import pytest
import torch

from stylealign.applications.blending import blend, mapping_share, resolution_shares
from stylealign.config import BlendSettings
from stylealign.errors import StyleAlignError

from .conftest import TINY


def test_a_swap_takes_whole_blocks(parent, child):
    swapped = blend(parent, child, BlendSettings(swap_px=8)).state_dict()
    for name, tensor in swapped.items():
        origin = child if name.startswith(("synthesis.b8", "synthesis.b16")) else parent
        torch.testing.assert_close(tensor, origin.state_dict()[name], rtol=0, atol=0)


def test_a_schedule_blends_in_proportion(parent, child):
    settings = BlendSettings(schedule={4: 0.0, 8: 0.25, 16: 1.0}, mapping=0.5)
    blended = blend(parent, child, settings)
    for name, share in (
        ("mapping.fc0.weight", 0.5),
        ("synthesis.b8.conv0.weight", 0.25),
        ("synthesis.b16.torgb.bias", 1.0),
    ):
        start, end = parent.state_dict()[name], child.state_dict()[name]
        torch.testing.assert_close(blended.state_dict()[name], start + share * (end - start))


def test_a_width_spreads_the_change_over_octaves():
    shares = resolution_shares(TINY.model_copy(update={"resolution": 64}), BlendSettings(swap_px=16, width_octaves=3))
    assert list(shares) == [4, 8, 16, 32, 64]
    assert list(shares.values()) == pytest.approx([0.0, 1 / 3, 2 / 3, 1.0, 1.0])


@pytest.mark.parametrize("swap_px", [5, 32])
def test_a_swap_is_at_a_resolution_of_the_model(parent, child, swap_px):
    with pytest.raises(StyleAlignError, match=f"swap_px {swap_px}: must be one of 4, 8, 16"):
        blend(parent, child, BlendSettings(swap_px=swap_px))


def test_a_schedule_of_other_resolutions_is_refused():
    with pytest.raises(StyleAlignError, match="schedule: must name the model's resolutions 4, 8, 16, not 4, 8"):
        resolution_shares(TINY, BlendSettings(schedule={4: 0.0, 8: 1.0}))


def test_an_amount_above_1_goes_on_beyond_the_second_model(parent, child):
    settings = BlendSettings(swap_px=8, amount=1.5, mapping=2.0)
    further = blend(parent, child, settings).state_dict()
    for name, share in (("mapping.fc0.bias", 2.0), ("synthesis.b4.conv1.weight", 0), ("synthesis.b8.conv0.bias", 1.5)):
        start, end = parent.state_dict()[name], child.state_dict()[name]
        torch.testing.assert_close(further[name], start + share * (end - start))


def test_changes_of_two_children_are_added(parent, child):
    other = copy.deepcopy(parent)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter += torch.randn(parameter.shape)
    for amount in (1.0, 0.5):
        added = blend(other, child, BlendSettings(amount=amount), parent).state_dict()
        for name, tensor in added.items():
            change = child.state_dict()[name] - parent.state_dict()[name]
            torch.testing.assert_close(tensor, other.state_dict()[name] + amount * change)
    # To the parent itself its child's change gives the child.
    alone = blend(parent, child, BlendSettings(), parent).state_dict()
    for name, tensor in alone.items():
        torch.testing.assert_close(tensor, child.state_dict()[name], rtol=0, atol=0)


def test_what_is_added_is_added_to_all_of_a_model_unless_said_otherwise():
    assert resolution_shares(TINY, BlendSettings(), added=True) == {4: 1.0, 8: 1.0, 16: 1.0}
    assert resolution_shares(TINY, BlendSettings()) == {4: 0.0, 8: 0.0, 16: 1.0}
    smaller = TINY.model_copy(update={"resolution": 8})
    assert resolution_shares(smaller, BlendSettings()) == {4: 0.0, 8: 1.0}, "16 px are none of its resolutions"
    assert resolution_shares(TINY, BlendSettings(swap_px=8, amount=2), added=True) == {4: 0.0, 8: 2.0, 16: 2.0}
    assert mapping_share(BlendSettings()) == 0
    assert mapping_share(BlendSettings(amount=0.5), added=True) == 0.5
    assert mapping_share(BlendSettings(mapping=0.25), added=True) == 0.25


@pytest.mark.parametrize("with_base", [False, True])
def test_a_blend_may_be_made_again_in_place(parent, child, with_base):
    base = None
    if with_base:
        base = copy.deepcopy(parent)
        with torch.no_grad():
            base.synthesis.blocks[1].torgb.weight.add_(0.5)
    used = blend(parent, child, BlendSettings(swap_px=8, amount=1.3, mapping=0.2), base)
    wanted = blend(parent, child, BlendSettings(schedule={4: 0.3, 8: 0.0, 16: 1.0}), base)
    again = blend(parent, child, BlendSettings(schedule={4: 0.3, 8: 0.0, 16: 1.0}), base, into=used)
    assert again is used
    for name, tensor in again.state_dict().items():
        torch.testing.assert_close(tensor, wanted.state_dict()[name], rtol=0, atol=0)
