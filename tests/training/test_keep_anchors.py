"""Anchors: nothing at the start, right gradients, the parent at an endless strength, and exact in parts."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from stylealign.config import KeepSettings, TrainSettings
from stylealign.errors import StyleAlignError
from stylealign.networks.encoder import Encoder
from stylealign.networks.generator import Generator
from stylealign.training.draws import draw
from stylealign.training.keep.anchors import anchors
from stylealign.training.keep.keeper import Keeper
from stylealign.training.keep.losses import edges, low_passed, normalised, prepared, squared_difference
from stylealign.training.keep.views import View, Wanted, view
from stylealign.training.loop import seed_step
from stylealign.training.start import new_networks
from stylealign.training.step import TrainingStep
from tests.tolerances import FLOAT64
from tests.training.common import (
    SHAPE,
    Squares,
    assert_resumed_equals,
    changed,
    make_run,
    weights,
)
from tests.training.processes import assert_two_equal

METHODS: dict[str, dict[str, Any]] = {
    "features": {},
    "rgb": {},
    "similarity": {"resolutions_px": [8], "lowpass_px": 4},
    "distances": {},
    "layout": {"lowpass_px": 8},
    "layout of luminance": {"of": "luminance", "lowpass_px": 8},
    "perceptual": {},
    "code": {"to_px": 8},
}
"""Settings of every method, by its name and what is special."""


@pytest.fixture
def _float64() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def keep(*methods: str, weight: float = 1.0, **common: Any) -> KeepSettings:
    """Return settings with these methods on."""
    values = {name.split()[0]: METHODS[name] | {"weight": weight} | common for name in methods}
    return KeepSettings.model_validate(values)


def encoder() -> Encoder:
    torch.manual_seed(1)
    return Encoder(new_networks(SHAPE, changed(), 16)[0].architecture)


def trained(settings: TrainSettings, steps: int) -> tuple[TrainingStep, list[dict[str, Tensor]]]:
    """Return networks after a few steps, and what each step reported."""
    reader = encoder() if settings.keep.code.weight else None
    step = TrainingStep(*new_networks(SHAPE, settings, 16), settings, encoder=reader)
    found = []
    for index in range(steps):
        seed_step(0, index)
        real = Squares().batch(index, 8, 0, False) / 127.5 - 1
        found.append(step.step(index, real.to(torch.get_default_dtype())))
    return step, found


@pytest.mark.usefixtures("_float64")
@pytest.mark.parametrize("method", METHODS)
def test_a_method_starts_at_0_and_holds_the_child(method: str) -> None:
    name = f"keep_{method.split()[0]}"
    ends = {}
    for weight in (1e-9, 1e7):
        losses = [scalars[name] for scalars in trained(changed(keep=keep(method, weight=weight)), 12)[1]]
        assert losses[0].abs() < 1e-20, "the child is the parent"
        ends[weight] = losses[-1]
    assert ends[1e-9] > 1e-6, "a plain child goes away"
    assert ends[1e7] < 0.3 * ends[1e-9]


@pytest.mark.usefixtures("_float64")
@pytest.mark.parametrize("method", METHODS)
def test_gradients(method: str) -> None:
    torch.manual_seed(0)
    architecture = new_networks(SHAPE, changed(), 16)[0].architecture
    (anchor,) = anchors(keep(method), architecture, torch.zeros(()), encoder()).values()
    sizes = {"features": (4, 3, 8, 8), "rgb": (4, 3, 4, 4), "image": (4, 3, 16, 16)}

    def views(features: Tensor, rgb: Tensor, image: Tensor) -> View:
        return View(dict.fromkeys((4, 8, 16), features), dict.fromkeys((4, 8, 16), rgb), image, image[:, 0, 0])

    parent = views(*(torch.rand(size) - 0.5 for size in sizes.values()))
    own = [(torch.rand(size) - 0.5).requires_grad_(True) for size in sizes.values()]
    assert anchor.loss(views(*own), parent).shape == (4,)
    assert torch.autograd.gradcheck(lambda *v: anchor.loss(views(*v), parent), own, fast_mode=True)


@pytest.mark.usefixtures("_float64")
def test_parts_equal_the_whole_batch() -> None:
    whole, parts = (trained(changed(keep=keep(*METHODS), accumulate=a), 3) for a in (1, 2))
    for name, value in whole[1][-1].items():
        torch.testing.assert_close(parts[1][-1][name], value, **FLOAT64, msg=name)
    for name, value in whole[0].generator.state_dict().items():
        torch.testing.assert_close(parts[0].generator.state_dict()[name], value, **FLOAT64, msg=name)


@pytest.mark.usefixtures("_float64")
def test_two_processes_compute_what_one_does(tmp_path: Path) -> None:
    settings = {"kimg": 0.024, "state_interval_s": 100.0, "keep": keep("features", "distances", "layout", "rgb")}
    assert_two_equal(make_run(tmp_path / "alone", changed(**settings)), tmp_path, settings)


def test_resumed_equals_uninterrupted(tmp_path: Path) -> None:
    settings = changed(keep=keep("features", "similarity", "layout", "perceptual", fade_in_kimg=0.05))
    whole = make_run(tmp_path / "whole", settings)
    assert_resumed_equals(whole, tmp_path, settings)
    plain = make_run(tmp_path / "plain", changed())
    plain.train()
    assert not torch.equal(weights(plain)["G.mapping.fc0.weight"], weights(whole)["G.mapping.fc0.weight"])


def test_the_parent_is_passed_as_far_as_anchors_look() -> None:
    torch.manual_seed(0)
    generator = new_networks(SHAPE, changed(), 16)[0]
    drawn = draw(generator, 2, 0.9, noise=True)
    looks = Wanted(features=frozenset({4}), rgb=frozenset({8}))
    short, whole = (view(generator, drawn, looks, whole=w) for w in (False, True))
    assert short.image.shape[-1] == 8
    assert whole.image.shape[-1] == 16
    assert torch.equal(short.features[4], whole.features[4])
    assert torch.equal(short.rgb[8], short.image)
    assert torch.equal(whole.image, drawn.synthesize(generator)[0])


def test_a_faded_anchor_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    keeper = Keeper(new_networks(SHAPE, changed(), 16)[0], keep("features", fade_out_kimg=1))
    assert list(keeper.active(0.5)) == ["features"]
    assert keeper.active(0.5)["features"][1] == 0.5
    assert keeper.active(1) == {}
    monkeypatch.setattr(Generator, "forward", None)
    monkeypatch.setattr("stylealign.training.keep.keeper.view", None)
    assert keeper.losses(View({}, {}, torch.zeros(()), torch.zeros(())), None, {}) == {}  # type: ignore[arg-type]


def test_the_log_says_nothing_of_what_has_faded_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stylealign.training.loop.LOG_EVERY_IMAGES", 8)
    make_run(tmp_path, changed(keep=keep("features", "rgb", fade_out_kimg=0.03))).train()
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    for name in ("keep_features", "keep_rgb"):
        assert [line["kimg"] for line in lines if name in line] == [0.008, 0.016, 0.024, 0.032], "not the last for ever"


def test_brightness_and_colour_are_not_carried() -> None:
    torch.manual_seed(0)
    maps = torch.randn(2, 3, 16, 16)
    other = maps * torch.tensor([0.5, 2.0, 1.5])[:, None, None] + torch.tensor([1.0, -2.0, 0.0])[:, None, None]
    distances = [
        squared_difference(prepared(maps, 8, normalise), prepared(other, 8, normalise)).max()
        for normalise in (True, False)
    ]
    assert distances[0] < 1e-3
    assert distances[1] > 1
    torch.testing.assert_close(edges(maps), edges(1 - maps))


@pytest.mark.parametrize("method", ["features", "similarity", "distances"])
def test_half_precision_features_get_the_gradient_of_single_precision(method: str) -> None:
    torch.manual_seed(0)
    architecture = new_networks(SHAPE, changed(), 16)[0].architecture
    (anchor,) = anchors(keep(method), architecture, torch.zeros(())).values()
    values, parent = torch.rand(2, 4, 3, 8, 8) - 0.5
    found = []
    for dtype in (torch.float32, torch.float16):
        own = values.half().to(dtype).requires_grad_(True)
        views = [View(dict.fromkeys((4, 8, 16), maps), {}, maps, maps) for maps in (own, parent.half().to(dtype))]
        loss = anchor.loss(*views)
        assert loss.dtype == torch.float32
        (gradient,) = torch.autograd.grad(loss.mean(), own)
        found.append(gradient.float())
    torch.testing.assert_close(found[1], found[0], rtol=1e-2, atol=1e-6)  # a half has 11 bits, and fewer below 6e-5
    assert found[1].abs().max() > 0


def test_maps_are_prepared_in_single_precision() -> None:
    maps = torch.randn(2, 3, 16, 16).half()
    assert prepared(maps, 8, True).dtype == torch.float32
    assert low_passed(maps, 8).shape == (2, 3, 8, 8)
    assert low_passed(maps, 32).shape == maps.shape
    torch.testing.assert_close(
        normalised(maps.double()).var(dim=(2, 3), unbiased=False), torch.ones(2, 3).double(), rtol=0.01, atol=0
    )


@pytest.mark.parametrize(
    ("method", "values", "message"),
    [
        (
            "features",
            {"resolutions_px": [8, 32]},
            r"keep\.features\.resolutions_px: the model has no 32 px; it has 4, 8, 16",
        ),
        ("code", {}, r"keep\.code: needs an encoder of the parent"),
    ],
)
def test_settings_that_do_not_fit_are_told(method: str, values: dict[str, Any], message: str) -> None:
    with pytest.raises(StyleAlignError, match=message):
        Keeper(new_networks(SHAPE, changed(), 16)[0], keep(method, **values))
