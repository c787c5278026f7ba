"""Effects of directions, in a hand-made generator whose directions are known."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from stylealign.metrics.effects import (
    STRENGTH,
    Effects,
    Found,
    change_cosines,
    directions_of,
    effects,
    leakage,
    leakage_estimate,
    mean_cosines,
    probabilities,
    shared_values,
    targets_of,
)
from stylealign.metrics.perceptual import PerceptualDistance
from stylealign.networks.architecture import Architecture
from stylealign.networks.generator import Generator

SMALL = Architecture(resolution=16, z_dim=6, w_dim=6, mapping_layers=2, channel_base=64, channel_max=8)


class Mapping(nn.Module):
    """w is z."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("w_avg", torch.zeros(SMALL.w_dim))

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        return z[:, None].expand(-1, SMALL.num_ws, -1)


class Synthesis(nn.Module):
    """The left half is as bright as one number of w, the right half as another."""

    def __init__(self, left: Tensor, right: Tensor) -> None:
        super().__init__()
        self.left, self.right = left, right

    def forward(self, ws: Tensor) -> Tensor:
        halves = [(ws[:, 0] @ weights)[:, None, None, None].expand(-1, 3, 16, 8) for weights in (self.left, self.right)]
        return 0.05 * torch.cat(halves, dim=3)


class Planted(nn.Module):
    """A generator of two halves."""

    def __init__(self, left: int, right: int, sign: float = 1.0) -> None:
        super().__init__()
        self.architecture = SMALL
        self.mapping = Mapping()
        unit = torch.eye(SMALL.w_dim)
        self.synthesis = Synthesis(sign * unit[left], unit[right])


class Pixels(PerceptualDistance):
    """The image itself, twice."""

    def activations(self, images: Tensor) -> list[Tensor]:
        return [images, images]


def see(images: np.ndarray) -> dict[str, np.ndarray]:
    """Return the brightness of the halves, in units of w."""
    levels = images.astype(np.float64) / 127.5 - 1
    return {"left": levels[..., :8].mean(axis=(1, 2, 3)) / 0.05, "right": levels[..., 8:].mean(axis=(1, 2, 3)) / 0.05}


FOUND = Found(("boundary left", "pca 0"), ("left", ""), np.eye(6)[:2], np.array([1.0, 0.5]))
SPREADS = {"left": 1.0, "right": 2.0}


def changes(generator: Planted) -> Effects:
    return effects(generator, FOUND.steps(), 8, 0, Pixels(), see)


def test_a_planted_direction_has_its_effect_and_no_other() -> None:
    found = changes(Planted(0, 1))
    assert found.numbers["left"][0] == pytest.approx(np.full(8, 2 * STRENGTH), abs=0.2)
    assert found.numbers["left"][1] == pytest.approx(np.zeros(8), abs=0.2)
    assert found.numbers["right"][1] == pytest.approx(np.full(8, STRENGTH), abs=0.2), "half as wide"
    assert leakage(found, 0, "left", SPREADS) == pytest.approx(np.zeros(8), abs=0.2)
    assert leakage(found, 1, "left", SPREADS).mean() == pytest.approx(STRENGTH / 2, abs=0.2)


def test_noise_does_not_leak() -> None:
    """Four numbers that a direction does not change, seen with noise, and one that it turns down by 2."""
    rng, spreads, repeats = np.random.default_rng(0), dict.fromkeys("abcde", 1.0), 400
    of_noise, naive, of_one = [], [], []
    for _ in range(repeats):
        numbers = {name: rng.normal(size=(1, 16)) for name in "abcde"}
        features = np.zeros((1, 16, 1), np.float32)
        of_noise.append(leakage(Effects(numbers, features), 0, "a", spreads).mean())
        naive.append(np.mean([abs(numbers[name].mean()) for name in "bcde"]))
        of_one.append(leakage(Effects({**numbers, "b": numbers["b"] - 2}, features), 0, "a", spreads).mean())
    error = np.std(of_noise) / repeats**0.5
    assert abs(np.mean(of_noise)) < 3 * error
    assert np.mean(naive) == pytest.approx((2 / np.pi) ** 0.5 / 4, rel=0.05), "what the mean of magnitudes would be"
    assert np.mean(of_one) == pytest.approx(2 / 4, abs=3 * np.std(of_one) / repeats**0.5)


@pytest.mark.parametrize("change", [0.0, 0.5])
def test_the_interval_of_leakage_holds_it(change: float) -> None:
    rng, spreads, repeats, held = np.random.default_rng(1), dict.fromkeys("abcde", 1.0), 300, 0
    for _ in range(repeats):
        numbers = {name: rng.normal(size=(1, 32)) + change for name in "abcde"}
        found = leakage_estimate(Effects(numbers, np.zeros((1, 32, 1), np.float32)), 0, "a", spreads, 200, 0)
        held += found.ci_low <= change <= found.ci_high  # type: ignore[operator]
    assert held / repeats > 0.9


def test_a_direction_is_about_what_goes_with_it_in_the_samples() -> None:
    random = np.random.default_rng(0)
    ws = random.normal(size=(500, 6))
    labels = {"left": ws[:, 0], "right": 5 - 3 * ws[:, 1] + random.normal(size=500), "same": np.ones(500)}
    assert targets_of(FOUND, ws, labels) == ["left", "right"]
    assert targets_of(FOUND, ws, {}) == ["left", ""]


def test_what_is_turned_around_in_the_child_has_the_opposite_sign() -> None:
    parent, child = changes(Planted(0, 1)), changes(Planted(0, 1, sign=-1.0))
    assert child.numbers["left"][0].mean() == pytest.approx(-2 * STRENGTH, abs=0.2)
    assert change_cosines(parent.features[0], child.features[0]) == pytest.approx(-np.ones(8), abs=1e-3)
    assert change_cosines(parent.features[1], child.features[1]) == pytest.approx(np.ones(8), abs=1e-3)
    assert mean_cosines(parent.features, child.features) == pytest.approx(np.zeros(8), abs=1e-3)


def test_a_direction_that_is_silent_in_the_child() -> None:
    parent, child = changes(Planted(0, 1)), changes(Planted(3, 1))
    assert child.numbers["left"][0] == pytest.approx(np.zeros(8), abs=0.2)
    assert change_cosines(parent.features[0], child.features[0]) == pytest.approx(np.zeros(8))


def test_random_steps_are_as_long() -> None:
    lengths = [np.linalg.norm(steps, axis=1) for steps in (FOUND.steps(), FOUND.random_steps(0))]
    assert lengths[0] == pytest.approx(lengths[1])
    assert abs((FOUND.steps() * FOUND.random_steps(0)).sum(axis=1)).max() < 0.99 * lengths[0].max() ** 2


def test_directions_of_a_parent() -> None:
    torch.manual_seed(0)
    generator = Generator(SMALL).eval()
    rng = np.random.default_rng(0)
    ws = rng.normal(size=(400, 6)) * [1, 2, 3, 1, 1, 1]
    labels = {"shift": ws[:, 3] + 0.1 * rng.normal(size=400), "constant": np.ones(400)}
    labels |= {"hat=yes": 1 / (1 + np.exp(-9 * ws[:, 4])), "rare=yes": (np.arange(400) < 3).astype(float)}
    found = directions_of(generator, ws, labels)
    assert found.names[:3] == ("boundary shift", "boundary hat=yes", "pca 0"), "constant and rare labels have none"
    assert abs(found.vectors[0][3]) > 0.97
    assert abs(found.vectors[1][4]) > 0.97
    assert abs(found.vectors[2][2]) > 0.97, "the widest axis"
    assert found.scales[2] == pytest.approx(3, rel=0.1)
    affines = [affine for name, affine in generator.synthesis.affines.items() if "torgb" not in name]
    stacked = torch.cat([affine.weight * affine.weight_gain for affine in affines]).detach().double().numpy()
    first = np.linalg.svd(stacked)[2][0]
    assert abs(found.vectors[list(found.names).index("closed form 0")] @ first) == pytest.approx(1)


def test_shared_values_and_their_probabilities() -> None:
    one = ["hat=no", "hat=yes", "tone=dark", "tone=medium", "tone=light", "fur=long", "fur=short"]
    other = ["tone=dark", "tone=medium", "tone=light", "hat=no", "hat=yes", "fur=short", "fur=long"]
    assert shared_values(one, other) == ["hat=yes", "tone=dark", "tone=medium", "tone=light"]
    found = probabilities(one, np.log([[1.0, 3, 1, 1, 2, 1, 1]]))
    assert found == pytest.approx(np.array([[0.25, 0.75, 0.25, 0.25, 0.5, 0.5, 0.5]]))
