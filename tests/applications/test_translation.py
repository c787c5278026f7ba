"""Translation draws a source's code with the target model."""

import numpy as np
import pytest
import torch

from stylealign.applications.translation import draw, translate
from stylealign.config import TranslateSettings
from stylealign.errors import StyleAlignError
from stylealign.latents.codes import Codes
from stylealign.latents.spaces import names, space_of
from stylealign.streams import numpy_stream

from .conftest import TINY


def _codes(space, count=5):
    values = np.random.default_rng(0).standard_normal((count, *space_of(space).shape(TINY)), dtype=np.float32)
    return Codes(values, space, "a" * 64, truncation_psi=0.7)


def _translate(codes, target, references=None, **settings):
    values = {"truncation_psi": 0.7, **settings}
    return np.concatenate(list(translate(codes, target, TranslateSettings(**values), references)))


@pytest.mark.parametrize("space", names())
def test_images_come_in_order_in_batches(space, parent):
    batches = list(translate(_codes(space), parent, TranslateSettings(batch_size=2)))
    assert [batch.shape for batch in batches] == [(2, 3, 16, 16), (2, 3, 16, 16), (1, 3, 16, 16)]
    assert batches[0].dtype == np.uint8


def test_a_z_goes_through_the_mapping_of_the_target(parent, child):
    codes = _codes("z")
    images = _translate(codes, child)
    ws = child.mapping(torch.from_numpy(codes.values), None, 0.7)
    np.testing.assert_array_equal(images, draw(child, ws))
    assert not np.array_equal(images, draw(child, parent.mapping(torch.from_numpy(codes.values), None, 0.7)))


def test_the_truncation_of_the_target_can_be_set(child):
    codes = _codes("z")
    whole, mean = (_translate(codes, child, truncation_psi=psi) for psi in (1.0, 0.0))
    assert (mean == mean[:1]).all()
    assert not (whole == whole[:1]).all()


def test_a_w_plus_code_goes_straight_to_the_synthesis(child):
    codes = _codes("w+")
    np.testing.assert_array_equal(_translate(codes, child), draw(child, torch.from_numpy(codes.values)))


def test_a_model_translated_to_itself_reconstructs(parent):
    codes = _codes("w")
    ws = torch.from_numpy(codes.values)[:, None].expand(-1, TINY.num_ws, -1)
    np.testing.assert_array_equal(_translate(codes, parent), draw(parent, ws))


def test_a_latent_guide_keeps_the_first_layers(child):
    codes = _codes("w+", count=2)
    settings = {"guide": "latent", "source_layers": 2, "outputs": 3, "seed": 4}
    images = _translate(codes, child, **settings)
    z = numpy_stream("guides", 4).standard_normal((6, TINY.z_dim), dtype=np.float32)
    ws = child.mapping(torch.from_numpy(z), None, 0.7).clone()
    ws[:, :2] = torch.from_numpy(codes.values).repeat_interleave(3, dim=0)[:, :2]
    np.testing.assert_array_equal(images, draw(child, ws))
    np.testing.assert_array_equal(images, _translate(codes, child, **settings))
    assert not np.array_equal(images, _translate(codes, child, **{**settings, "seed": 5}))


def test_references_guide_equally_often(child):
    sources, references = _codes("w+", count=4), Codes(_codes("w+", count=6).values[4:], "w+", "b" * 64)
    images = _translate(sources, child, references, guide="reference", source_layers=1, outputs=3)
    counts = []
    for reference in torch.from_numpy(references.values):
        ws = reference[None].repeat(4, 1, 1)
        ws[:, 0] = torch.from_numpy(sources.values)[:, 0]
        options = draw(child, ws).repeat(3, axis=0)
        counts.append(int((options == images).all(axis=(1, 2, 3)).sum()))
    assert counts == [6, 6]


def test_a_guide_that_cannot_be_is_refused(child):
    with pytest.raises(StyleAlignError, match="--reference-codes: the guide reference needs codes"):
        _translate(_codes("w+"), child, guide="reference")
    with pytest.raises(StyleAlignError, match="source_layers: must be less than the model's 6, not 6"):
        _translate(_codes("w+"), child, guide="latent", source_layers=6)
    with pytest.raises(ValueError, match="set guide or outputs 1"):
        TranslateSettings(outputs=2)
