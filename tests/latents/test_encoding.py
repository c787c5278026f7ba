"""The encoder: it learns codes, is bound to its model, and starts a projection."""

import numpy as np
import pytest
import torch

from stylealign.config import EncoderSettings, InvertSettings
from stylealign.errors import StyleAlignError
from stylealign.latents.encoding import load_encoder, save_encoder, train_encoder
from stylealign.latents.projection import Projector
from stylealign.networks.discriminator import Discriminator
from stylealign.networks.encoder import Encoder

from .conftest import TINY, PixelDistance

SETTINGS = EncoderSettings(steps=60, batch_size=16, learning_rate=0.01)


def _images(generator, seed, count):
    z = torch.randn(count, TINY.z_dim, generator=torch.Generator().manual_seed(seed))
    return generator(z).clamp(-1, 1)


def _train(generator, settings=SETTINGS, report=None):
    return train_encoder(generator, None, lambda step: _images(generator, step, 8), settings, PixelDistance(), report)


def test_codes_have_the_shape_of_w_plus_and_every_parameter_a_gradient():
    encoder = Encoder(TINY)
    codes = encoder(torch.rand(3, 3, 16, 16) * 2 - 1)
    assert codes.shape == (3, TINY.num_ws, TINY.w_dim)
    codes.square().sum().backward()
    assert all(parameter.grad.abs().max() > 0 for parameter in encoder.parameters())


def test_an_untrained_encoder_stays_near_the_mean():
    torch.manual_seed(0)
    encoder = Encoder(TINY)
    encoder.w_mean.fill_(3.0)
    assert (encoder(torch.rand(4, 3, 16, 16)) - 3).abs().mean() < 0.3


def test_training_lowers_the_losses_and_is_repeatable(generator):
    losses = []
    encoder = _train(generator, report=lambda step, values: losses.append(values))
    assert np.mean([entry.image for entry in losses[-5:]]) < 0.8 * np.mean([entry.image for entry in losses[:5]])
    assert np.mean([entry.code for entry in losses[-20:]]) < 0.9 * np.mean([entry.code for entry in losses[:10]])
    torch.manual_seed(7)
    again = _train(generator)
    for name, tensor in encoder.state_dict().items():
        torch.testing.assert_close(tensor, again.state_dict()[name], rtol=0, atol=0)


def test_it_can_start_from_a_discriminator():
    torch.manual_seed(0)
    encoder, discriminator = Encoder(TINY), Discriminator(TINY)
    encoder.start_from(discriminator)
    torch.testing.assert_close(encoder.b16.conv0.weight, discriminator.b16.conv0.weight, rtol=0, atol=0)


def test_a_file_gives_back_the_encoder_and_refuses_another_model(tmp_path):
    torch.manual_seed(0)
    encoder, path = Encoder(TINY).eval(), tmp_path / "encoder.safetensors"
    save_encoder(path, encoder, "a" * 64, {})
    images = torch.rand(2, 3, 16, 16)
    torch.testing.assert_close(load_encoder(path, "a" * 64)(images), encoder(images), rtol=0, atol=0)
    with pytest.raises(StyleAlignError, match="belongs to another model"):
        load_encoder(path, "b" * 64)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(StyleAlignError, match="not an encoder, or a damaged one"):
        load_encoder(path, "a" * 64)
    with pytest.raises(StyleAlignError, match=r"none\.safetensors: no such file"):
        load_encoder(tmp_path / "none.safetensors", "a" * 64)


def test_a_projection_from_its_codes_starts_closer(generator):
    encoder = _train(generator)
    targets = _images(generator, 999, 4)
    projector = Projector(generator, PixelDistance(), InvertSettings(space="w+", steps=0, initial_candidates=8))
    near, far = projector.project(targets, range(4), start=encoder(targets)), projector.project(targets, range(4))
    assert near.perceptual_fitted.mean() < 0.8 * far.perceptual_fitted.mean()
