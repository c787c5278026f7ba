"""Shapes, gradients and invariances of the networks."""

import pytest
import torch

from stylealign.networks.architecture import Architecture
from stylealign.networks.discriminator import Discriminator, minibatch_std
from stylealign.networks.generator import Generator
from tests.tolerances import FLOAT32

TINY = Architecture(resolution=16, z_dim=8, w_dim=8, mapping_layers=2, channel_base=128, channel_max=8)


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


@pytest.mark.parametrize("resolution", [4, 8, 64])
def test_shapes_at_every_size(resolution: int) -> None:
    architecture = TINY.model_copy(update={"resolution": resolution})
    generator, discriminator = Generator(architecture), Discriminator(architecture)
    ws = generator.mapping(torch.randn(4, 8))
    images = generator.synthesis(ws)
    assert ws.shape == (4, architecture.num_ws, 8)
    assert images.shape == (4, 3, resolution, resolution)
    assert images.dtype == torch.float32
    assert discriminator(images).shape == (4, 1)


def test_every_parameter_gets_a_gradient() -> None:
    generator, discriminator = Generator(TINY), Discriminator(TINY)
    discriminator(generator(torch.randn(4, 8), noise_mode="random")).sum().backward()
    for network in (generator, discriminator):
        for name, parameter in network.named_parameters():
            assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


def test_an_image_does_not_depend_on_its_batch() -> None:
    generator = Generator(TINY)
    z = torch.randn(5, 8)
    torch.testing.assert_close(generator(z)[3:4], generator(z[3:4]), **FLOAT32)


def test_z_plus_with_equal_rows_is_z() -> None:
    generator = Generator(TINY)
    z = torch.randn(2, 8)
    torch.testing.assert_close(generator.mapping(z[:, None].expand(-1, TINY.num_ws, -1)), generator.mapping(z))


def test_truncation_interpolates_towards_w_avg() -> None:
    generator = Generator(TINY)
    generator.mapping.w_avg.normal_()
    z = torch.randn(2, 8)
    ws = generator.mapping(z)
    torch.testing.assert_close(generator.mapping(z, truncation_psi=0.0), generator.mapping.w_avg.expand_as(ws))
    cut = generator.mapping(z, truncation_psi=0.3, truncation_cutoff=2)
    torch.testing.assert_close(cut[:, 2:], ws[:, 2:])
    torch.testing.assert_close(cut[:, :2], generator.mapping.w_avg + 0.3 * (ws[:, :2] - generator.mapping.w_avg))


def test_noise_maps_replace_the_stored_ones_by_name() -> None:
    generator = Generator(TINY)
    for block in generator.synthesis.blocks:
        for layer in block.layers.values():
            torch.nn.init.constant_(layer.noise_strength, 0.5)
    ws = generator.mapping(torch.randn(2, 8))
    stored = {
        name: generator.synthesis.get_submodule(name).noise_const[None, None]
        for name in generator.synthesis.noise_shapes
    }
    torch.testing.assert_close(generator.synthesis(ws, noise_mode="none", noise_maps=stored), generator.synthesis(ws))
    other = stored | {"b8.conv0": torch.zeros(1, 1, 8, 8)}
    assert not torch.allclose(generator.synthesis(ws, noise_maps=other), generator.synthesis(ws))


def test_minibatch_std_of_two_groups() -> None:
    features = torch.zeros(4, 1, 1, 1)
    features[:, 0, 0, 0] = torch.tensor([0.0, 0.0, 2.0, 0.0])
    # Sample i belongs to the group i modulo 2: {0, 2} has standard deviation 1, {1, 3} has 0.
    channel = minibatch_std(features, 2)[:, 1].flatten()
    torch.testing.assert_close(channel, torch.tensor([1.0, 1e-4, 1.0, 1e-4]), **FLOAT32)


def test_an_architecture_with_an_odd_resolution_is_refused() -> None:
    with pytest.raises(ValueError, match="power of two"):
        Architecture(resolution=48)
