"""What holds weights near the parent's: learning rates by layer, and L2-SP."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from stylealign.config import KeepMethod, KeepSettings, RateRow, TrainSettings
from stylealign.config.layers import places_of
from stylealign.errors import StyleAlignError
from stylealign.files import read_json
from stylealign.training.keep.weights import WeightPull, weight_distance
from stylealign.training.loop import seed_step
from stylealign.training.optimisers import layers_from_image, place_of, rate_of, trained_of_generator
from stylealign.training.start import new_networks
from stylealign.training.state import IDENTITY
from stylealign.training.step import TrainingStep
from tests.training.common import SHAPE, Squares, assert_resumed_equals, changed, make_run, weights


def keeping(**values: Any) -> TrainSettings:
    """Return the tiny run's settings with ways to keep."""
    return changed(keep=KeepSettings.model_validate(values))


def distance(method: dict[str, float], run_dir: Path) -> float:
    """Return how far a tiny training moves the generator's weights."""
    run = make_run(run_dir, keeping(weights=method))
    start = [p.detach().clone() for p in run.networks.generator.parameters()]
    run.train()
    return float(weight_distance([p.detach() for p in run.networks.generator.parameters()], start))


ROWS = (
    RateRow(network="G", rate=0.5),
    RateRow(network="G", to_px=8, rate=0),
    RateRow(network="G", components=("torgb",), rate=2),
    RateRow(network="D", from_px=16, rate=0.25),
)


@pytest.mark.parametrize(
    ("name", "network", "rate"),
    [
        ("mapping.fc0.weight", "G", 0.5),
        ("synthesis.b4.const", "G", 0),
        ("synthesis.b8.conv0.affine.bias", "G", 0),
        ("synthesis.b8.torgb.weight", "G", 2),
        ("synthesis.b16.conv1.noise_strength", "G", 0.5),
        ("b16.fromrgb.weight", "D", 0.25),
        ("b8.conv0.weight", "D", 1),
        ("b4.out.bias", "D", 1),
    ],
)
def test_the_last_row_that_fits_counts(name: str, network: str, rate: float) -> None:
    assert rate_of(name, network, ROWS) == rate


def test_a_frozen_resolution_stays_to_the_bit(tmp_path: Path) -> None:
    rows = [{"network": "G", "to_px": 8, "rate": 0}, {"network": "D", "from_px": 16, "rate": 0}]
    run = make_run(tmp_path, keeping(rates=rows))
    before = weights(run)
    run.train()
    same = {name for name, value in weights(run).items() if torch.equal(value, before[name])}
    frozen = ("G.synthesis.b4.", "G.synthesis.b8.", "D.b16.")
    assert {name for name in before if name.startswith(frozen)} <= same
    assert not {"G.synthesis.b16.conv0.weight", "G.mapping.fc0.weight", "D.b8.conv0.weight"} & same


@pytest.mark.parametrize(
    ("settings", "frozen"),
    [
        (keeping(rates=[{"network": "G", "to_px": 8, "rate": 0}]), ("synthesis.b4.", "synthesis.b8.")),
        (keeping(rates=[{"network": "G", "components": ["mapping"], "rate": 0}]), ("mapping.",)),
        (changed(train_only=("convolutions",)), ("mapping.", "synthesis.b16.torgb.")),
    ],
)
def test_what_is_frozen_is_the_averaged_parents(settings: TrainSettings, frozen: tuple[str, ...]) -> None:
    generator, average, discriminator = new_networks(SHAPE, settings, 16)
    with torch.no_grad():  # a parent's G is not its average
        for value in generator.state_dict().values():
            value += 0.01 * torch.randn(value.shape, generator=torch.Generator().manual_seed(0))
    before = {name: value.clone() for name, value in average.state_dict().items()}
    step = TrainingStep(generator, average, discriminator, settings)
    for index in range(3):
        step.step(index, Squares().batch(index, 8, 0, False) / 127.5 - 1)
    for name, value in before.items():
        if name.startswith(frozen) and "noise_const" not in name:
            assert torch.equal(average.state_dict()[name], value), name
            assert torch.equal(generator.state_dict()[name], value), name
    assert not torch.equal(average.synthesis.b16.conv1.weight, before["synthesis.b16.conv1.weight"])


def test_a_rate_is_a_multiple_of_the_learning_rate(tmp_path: Path) -> None:
    moved = {}
    for rate in (1.0, 0.25):
        run = make_run(tmp_path / str(rate), keeping(rates=[{"network": "G", "components": ["mapping"], "rate": rate}]))
        run.networks.settings = run.networks.settings.model_copy(update={"path_length_weight": 0.0})
        before = weights(run)["G.mapping.fc0.bias"]
        seed_step(0, 1)
        run.networks.step(1, run.images.batch(0, 8, 0, False) / 127.5 - 1)
        moved[rate] = weights(run)["G.mapping.fc0.bias"] - before
    torch.testing.assert_close(moved[0.25], moved[1.0] / 4)


def test_nothing_left_to_train_is_told() -> None:
    settings = keeping(rates=[{"network": "G", "rate": 0}])
    with pytest.raises(StyleAlignError, match=r"keep\.rates: no layer of G is left"):
        trained_of_generator(new_networks(SHAPE, settings, 16)[0], settings)


def test_noise_strengths_alone_are_not_trained_without_noise() -> None:
    rows = [{"network": "G", "rate": 0}, {"network": "G", "components": ["const+noise"], "from_px": 8, "rate": 1}]
    settings = keeping(rates=rows)
    generator = new_networks(SHAPE, settings, 16)[0]
    assert all(name.endswith("noise_strength") for name in trained_of_generator(generator, settings))
    with pytest.raises(
        StyleAlignError, match=r"keep\.rates: noise strengths alone are left to train, and noise is off"
    ):
        trained_of_generator(generator, settings.model_copy(update={"noise": False}))


@pytest.mark.parametrize("px", [4, 8, 64])
def test_the_places_that_settings_speak_of_are_those_of_the_networks(px: int) -> None:
    generator, _, discriminator = new_networks(SHAPE, changed(), px)
    names = [name for name, _ in generator.named_parameters()]
    assert set(places_of("G", px)) == {place_of(name, "G") for name in names}
    modules = {id(module): name for name, module in discriminator.named_modules()}
    layers = [f"{modules[id(layer)]}.weight" for layer in layers_from_image(discriminator)]
    assert places_of("D", px) == [place_of(name, "D") for name in layers]


def test_the_discriminator_has_no_components() -> None:
    with pytest.raises(ValueError, match="the discriminator has none"):
        RateRow(network="D", components=("torgb",), rate=1)


def test_the_pull_is_the_gradient_of_the_distance() -> None:
    torch.manual_seed(0)
    start = [torch.randn(3, 2, dtype=torch.float64), torch.randn(4, dtype=torch.float64)]
    moved = [nn.Parameter(tensor + torch.randn_like(tensor)) for tensor in start]
    assert torch.autograd.gradcheck(lambda *w: weight_distance(w, start), moved)
    weight_distance(moved, start).backward()
    expected = [parameter.grad for parameter in moved]
    for parameter in moved:
        parameter.grad = torch.zeros_like(parameter)
    found = WeightPull("d", KeepMethod(weight=3.0), moved, start).pull_(0.0)
    torch.testing.assert_close(found["d"], weight_distance(moved, start).detach())
    torch.testing.assert_close([p.grad for p in moved], [3 * grad for grad in expected if grad is not None])
    assert WeightPull("d", KeepMethod(), moved, start).pull_(0.0) == {}


def test_an_endless_strength_leaves_the_child_the_parent(tmp_path: Path) -> None:
    plain, weak, strong = (distance({"weight": weight}, tmp_path / str(weight)) for weight in (0.0, 1e-6, 1e6))
    assert weak > 0.5 * plain, "a weight that does next to nothing"
    assert strong < 0.2 * plain


def test_strengths_fade() -> None:
    method = KeepMethod(weight=8, fade_in_kimg=2, fade_out_kimg=10)
    assert [method.strength(kimg) for kimg in (0, 1, 2, 5, 10, 20)] == [0, 3.6, 6.4, 4, 0, 0]


def test_resumed_equals_uninterrupted(tmp_path: Path) -> None:
    settings = keeping(
        weights={"weight": 0.1, "discriminator_weight": 0.1}, rates=[{"network": "G", "to_px": 8, "rate": 0.1}]
    )
    assert_resumed_equals(make_run(tmp_path / "whole", settings), tmp_path, settings)


def test_what_is_off_leaves_no_trace(tmp_path: Path) -> None:
    make_run(tmp_path, changed())
    assert read_json(tmp_path / IDENTITY)["train.keep"] == {}
    assert TrainSettings(keep=KeepSettings(weights={"weight": 0})).model_dump(mode="json")["keep"] == {}
    on = TrainSettings(keep=KeepSettings(weights={"weight": 1}))
    assert list(on.model_dump(mode="json")["keep"]) == ["weights"]
    assert TrainSettings.model_validate(on.model_dump(mode="json")) == on
    with pytest.raises(StyleAlignError, match=r"was started with train\.keep = \{\}, now"):
        make_run(tmp_path, keeping(weights={"weight": 1}))
