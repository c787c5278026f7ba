"""Blends of two models, by resolution."""

import pytest
import torch

from stylealign.applications.blending import blend, resolution_shares
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


def test_a_swap_above_the_resolution_is_the_first_model(parent, child):
    blended = blend(parent, child, BlendSettings(swap_px=32))
    z = torch.randn(2, TINY.z_dim)
    torch.testing.assert_close(blended(z), parent(z), rtol=0, atol=0)


def test_a_schedule_of_other_resolutions_is_refused():
    with pytest.raises(StyleAlignError, match="schedule: must name the model's resolutions 4, 8, 16, not 4, 8"):
        resolution_shares(TINY, BlendSettings(schedule={4: 0.0, 8: 1.0}))
