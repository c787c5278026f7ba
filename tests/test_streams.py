"""Streams of one seed have nothing in common: what is drawn is no network's weights, nor drawn for anything else."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

import stylealign
from stylealign.checkpoints import load
from stylealign.config import ArchitectureSettings, TrainSettings
from stylealign.networks.generator import Generator
from stylealign.sampling import sample_latents, seeded_z
from stylealign.streams import numpy_stream, seed_of, seeded, torch_stream
from stylealign.training.start import new_networks

ROOT = Path(stylealign.__file__).parent
ZOO = ROOT.parent / "data" / "zoo"
SOURCES = {path.relative_to(ROOT).as_posix(): path.read_text() for path in ROOT.rglob("*.py")}
OWN_DEFINITION = {
    "streams.py",  # all the others
    "sampling.py",  # `--seeds`, as other programs draw them
    "training/loop.py",  # the steps of a training, hashed too
    "checkpoints/rosinality.py",  # what a file lacks
    "datasets/avatars.py",
    "datasets/importing.py",
    "datasets/loading.py",
    "datasets/pairs.py",
}


def cosines(weight: Tensor, z: Tensor) -> Tensor:
    """Return the largest cosine, without sign, of any latent with each piece of a weight that is as long as one."""
    pieces = weight.detach().flatten()[: weight.numel() // z.shape[1] * z.shape[1]].reshape(-1, z.shape[1])
    pieces, z = (values / values.norm(dim=1, keepdim=True).clamp_min(1e-12) for values in (pieces, z))
    return (pieces @ z.T).abs().amax(dim=1)


def first_latents(generator: Generator, seed: int) -> dict[str, Tensor]:
    """Return the latents that commands and tables draw from a seed."""
    sampled = next(iter(sample_latents(generator, 64, seed)))[0]
    return {"latents": seeded_z(128, generator.architecture.z_dim, seed), "samples": sampled}


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_new_network_has_nothing_of_the_latents_of_its_seed(seed: int) -> None:
    shape = ArchitectureSettings(z_dim=256, w_dim=256, mapping_layers=2, channel_base=512, channel_max=64)
    generator, average, discriminator = new_networks(shape, TrainSettings(seed=seed), 16)
    for z in first_latents(generator, seed).values():
        for network in (generator, average, discriminator):
            for name, weight in network.named_parameters():
                assert (cosines(weight, z) < 0.5).all(), name


def test_a_new_network_is_the_same_for_the_same_seed_and_leaves_torchs_state() -> None:
    shape = ArchitectureSettings(z_dim=8, w_dim=8, mapping_layers=2, channel_base=64, channel_max=8)
    before = torch.get_rng_state()
    one, _, _ = new_networks(shape, TrainSettings(seed=3), 16)
    torch.rand(1)
    again, _, _ = new_networks(shape, TrainSettings(seed=3), 16)
    other, _, _ = new_networks(shape, TrainSettings(seed=4), 16)
    assert torch.equal(one.mapping.fc0.weight, again.mapping.fc0.weight)
    assert not torch.equal(one.mapping.fc0.weight, other.mapping.fc0.weight)
    torch.set_rng_state(before)


@pytest.mark.parametrize(("name", "seed"), [("human-64-a", 1), ("human-64-b", 0)])
def test_a_bundled_parent_has_nothing_of_the_latents_of_its_seed(name: str, seed: int) -> None:
    generator = load(ZOO / f"{name}.safetensors").generator
    old = torch.randn(128, 128, generator=torch.Generator().manual_seed(seed))
    assert cosines(generator.mapping.fc0.weight, old).min() > 0.9, "it was initialised with the plain seed"
    for z in first_latents(generator, seed).values():
        assert cosines(generator.mapping.fc0.weight, z).max() < 0.5


@pytest.mark.parametrize(("name", "seed"), [("human-64-a", 1), ("human-64-b", 0)])
def test_the_w_of_a_parents_own_seed_are_no_further_from_the_mean_than_others(name: str, seed: int) -> None:
    generator = load(ZOO / f"{name}.safetensors").generator

    @torch.inference_mode()
    def distance(own: int) -> float:
        w = generator.mapping(seeded_z(512, generator.architecture.z_dim, own), None)[:, 0]
        return float((w - generator.mapping.w_avg).norm(dim=1).mean())

    others = np.mean([distance(other) for other in range(2, 6)])
    assert distance(seed) == pytest.approx(others, rel=0.04)


def test_no_two_names_have_one_stream() -> None:
    names = [
        (purpose, *numbers) for purpose in ("a", "b") for numbers in ((), (0,), (1,), (0, 0), (0, 1), (1, 0), (10,))
    ]
    assert len({seed_of(*name) for name in names}) == len(names)
    drawn = [numpy_stream("a", 0).random(4), numpy_stream("a", 0, 0).random(4), numpy_stream("a").random(4)]
    assert len({values.tobytes() for values in drawn}) == 3, "a 0 at the end counts, unlike in NumPy's own seeds"
    assert not torch.equal(torch.rand(4, generator=torch_stream("a", 0)), torch.rand(4, generator=torch_stream("b", 0)))
    assert all(0 <= seed_of(*name) < 2**63 for name in names)


def test_a_name_has_the_same_stream_for_ever() -> None:
    assert seed_of("latents", 0) == 7592803202362172420


def test_weights_of_a_block_leave_the_global_stream_as_it_was() -> None:
    before = torch.get_rng_state()
    with seeded("a block", 0):
        torch.randn(3)
    assert torch.equal(torch.get_rng_state(), before)


def test_every_other_random_number_has_a_stream_with_a_name() -> None:
    direct = re.compile(r"manual_seed\(|default_rng\(|RandomState\(|random\.seed\(")
    assert {path for path, text in SOURCES.items() if direct.search(text)} == OWN_DEFINITION


def test_every_name_stands_in_one_place() -> None:
    calls = re.compile(r"(?<!def )\b(?:seed_of|torch_stream|numpy_stream|seed_globally|seeded)\(([^,)]+)")
    found = [name for path, text in SOURCES.items() if path != "streams.py" for name in calls.findall(text)]
    assert len(found) > 15
    assert all(name.removeprefix("f").startswith('"') for name in found), "a name is a text, seen in the code"
    assert len(set(found)) == len(found), "two draws of one name and seed are one draw"
