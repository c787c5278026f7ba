"""Translation draws a source's code with the target model."""

import numpy as np
import pytest
import torch

from stylealign.applications.translation import draw, translate
from stylealign.latents.codes import Codes
from stylealign.latents.spaces import SPACES, code_shape
from stylealign.metrics.features import to_uint8

from .conftest import TINY


def _codes(space, count=5):
    values = np.random.default_rng(0).standard_normal((count, *code_shape(space, TINY)), dtype=np.float32)
    return Codes(values, space, "a" * 64, truncation_psi=0.7)


@pytest.mark.parametrize("space", SPACES)
def test_images_come_in_order_in_batches(space, parent):
    batches = list(translate(_codes(space), parent, batch_size=2))
    assert [batch.shape for batch in batches] == [(2, 3, 16, 16), (2, 3, 16, 16), (1, 3, 16, 16)]
    assert batches[0].dtype == np.uint8


def test_a_z_goes_through_the_mapping_of_the_target(parent, child):
    codes = _codes("z")
    images = np.concatenate(list(translate(codes, child)))
    ws = child.mapping(torch.from_numpy(codes.values), None, 0.7)
    np.testing.assert_array_equal(images, to_uint8(child.synthesis(ws)).numpy())
    through_parent = to_uint8(child.synthesis(parent.mapping(torch.from_numpy(codes.values), None, 0.7))).numpy()
    assert not np.array_equal(images, through_parent)


def test_the_truncation_of_the_target_can_be_set(child):
    codes = _codes("z")
    whole, mean = (next(translate(codes, child, psi)) for psi in (1.0, 0.0))
    assert (mean == mean[:1]).all()
    assert not (whole == whole[:1]).all()


def test_a_w_plus_code_goes_straight_to_the_synthesis(child):
    codes = _codes("w+")
    np.testing.assert_array_equal(next(translate(codes, child, 0.2)), draw(child, torch.from_numpy(codes.values)))


def test_a_model_translated_to_itself_reconstructs(parent):
    codes = _codes("w")
    ws = torch.from_numpy(codes.values)[:, None].expand(-1, TINY.num_ws, -1)
    np.testing.assert_array_equal(next(translate(codes, parent)), draw(parent, ws))
