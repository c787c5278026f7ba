"""Growing by a block: the grown network's image is the up-sampled one, and it can be trained on from there."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from stylealign.checkpoints import native
from stylealign.checkpoints.checkpoint import load
from stylealign.cli.main import main
from stylealign.errors import StyleAlignError
from stylealign.networks.architecture import Architecture
from stylealign.networks.discriminator import Discriminator
from stylealign.networks.generator import Generator
from stylealign.networks.growing import grown_architecture, grown_discriminator, grown_generator
from stylealign.ops.upfirdn2d import upfirdn2d, upsample2d

SMALL = Architecture(resolution=16, z_dim=8, w_dim=8, mapping_layers=2, channel_base=128, channel_max=16)


@pytest.fixture
def generator() -> Generator:
    torch.manual_seed(1)
    made = Generator(SMALL)
    with torch.no_grad():
        for name, parameter in made.named_parameters():
            if name.endswith(("noise_strength", "bias")):
                parameter.add_(0.3)
    return made.requires_grad_(False)


def test_the_image_is_the_up_sampled_one_to_the_bit(generator: Generator) -> None:
    z = torch.randn(3, SMALL.z_dim)
    larger = grown_generator(generator)
    assert larger.architecture.resolution == 32
    assert torch.equal(larger(z), upsample2d(generator(z)))
    assert torch.equal(larger(z, truncation_psi=0.5), upsample2d(generator(z, truncation_psi=0.5)))


def test_the_new_block_learns(generator: Generator) -> None:
    larger = grown_generator(generator).requires_grad_(True)
    z = torch.randn(4, SMALL.z_dim)
    optimiser = torch.optim.Adam(larger.synthesis.b32.parameters(), lr=0.01)
    before = larger(z).detach()
    for _ in range(2):
        optimiser.zero_grad()
        (larger(z) - 1).square().mean().backward()
        optimiser.step()
    block = larger.synthesis.b32
    assert all(parameter.grad is not None and parameter.grad.abs().max() > 0 for parameter in (block.conv0.weight,))
    assert (larger(z) - 1).square().mean() < (before - 1).square().mean()


def test_a_discriminator_keeps_its_trained_blocks() -> None:
    torch.manual_seed(2)
    judge = Discriminator(SMALL)
    larger = grown_discriminator(judge)
    assert larger(torch.randn(4, 3, 32, 32)).shape == (4, 1)
    kept, own = larger.state_dict(), judge.state_dict()
    assert [name for name in own if name not in kept] == ["b16.fromrgb.weight", "b16.fromrgb.bias"]
    assert all(torch.equal(kept[name], value) for name, value in own.items() if name in kept)


@pytest.mark.parametrize("changes", [{}, {"channel_base": 192}, {"img_channels": 1}, {"conv_clamp": 256.0}], ids=str)
def test_a_discriminator_judges_as_the_smaller_one_judges_the_halved_image(changes: dict[str, Any]) -> None:
    torch.manual_seed(2)
    judge = Discriminator(SMALL.model_copy(update={"channel_base": 256} | changes))
    with torch.no_grad():
        for name, parameter in judge.named_parameters():
            if name.endswith("bias"):
                parameter.add_(0.3)
    larger = grown_discriminator(judge)
    images = torch.randn(4, judge.architecture.img_channels, 32, 32)
    torch.testing.assert_close(larger(images), judge(upfirdn2d(images, 1, 2, (1, 1, 1, 1))), rtol=1e-4, atol=1e-5)


def test_a_new_block_of_few_channels_starts_fresh() -> None:
    torch.manual_seed(2)
    block = grown_discriminator(Discriminator(SMALL)).b32  # four channels, and an image of three
    assert block.skip.weight.abs().min() > 0


def test_every_weight_of_a_grown_discriminator_learns() -> None:
    torch.manual_seed(2)
    larger = grown_discriminator(Discriminator(SMALL.model_copy(update={"channel_base": 256}))).requires_grad_(True)
    larger(torch.randn(4, 3, 32, 32)).square().sum().backward()
    block = larger.b32
    first = [block.conv1, block.skip, block.conv0]
    assert all((layer.weight.grad.flatten(1).abs().amax(dim=1) > 0).all() for layer in first[:2])
    assert (block.conv0.weight.grad[:6].flatten(1).abs().amax(dim=1) > 0).all()


def test_growing_draws_on_no_other_random_numbers(generator: Generator) -> None:
    state = torch.random.get_rng_state()
    first, second, other = (grown_generator(generator, seed).state_dict() for seed in (0, 0, 1))
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.equal(first["synthesis.b32.conv0.weight"], second["synthesis.b32.conv0.weight"])
    assert not torch.equal(first["synthesis.b32.conv0.weight"], other["synthesis.b32.conv0.weight"])


@pytest.mark.parametrize(
    ("changes", "told"), [({"resolution": 1024}, "none of more than 1024 px"), ({"channel_base": 16}, "no channels")]
)
def test_what_cannot_grow_is_said(changes: dict[str, int], told: str) -> None:
    with pytest.raises(StyleAlignError, match=told):
        grown_architecture(SMALL.model_copy(update=changes))


def test_the_command_grows_every_network(generator: Generator, tmp_path: Path, capsys: Any) -> None:
    native.save(tmp_path / "m.safetensors", generator=generator, discriminator=Discriminator(SMALL), info={"kimg": 3.0})
    assert main(["grow", str(tmp_path / "m.safetensors"), "--out", str(tmp_path / "large.safetensors")]) == 0
    assert json.loads(capsys.readouterr().out)["resolution_px"] == 32
    large = load(tmp_path / "large.safetensors")
    assert large.discriminator is not None
    assert large.generator_raw is None
    z = torch.randn(2, SMALL.z_dim)
    assert torch.equal(large.generator(z), upsample2d(generator(z)))
    assert large.info["grown_from_sha256"] == load(tmp_path / "m.safetensors").sha256
