"""A step in parts equals the whole, and what is not to be trained keeps its weights."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from stylealign.checkpoints import load
from stylealign.checkpoints.native import save
from stylealign.config import ArchitectureSettings, KeepSettings, TrainSettings
from stylealign.errors import StyleAlignError
from stylealign.networks.components import COMPONENTS, component_of
from stylealign.networks.discriminator import Discriminator
from stylealign.training.loop import seed_step
from stylealign.training.optimisers import layers_from_image
from stylealign.training.start import networks_of_parent, new_networks
from stylealign.training.step import TrainingStep
from stylealign.training.workers import Workers
from tests.tolerances import FLOAT64
from tests.training.common import SHAPE, Squares, changed

DISTANCES = KeepSettings.model_validate({"distances": {"weight": 1}})


@pytest.fixture(autouse=True)
def _float64() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def trained(steps: int = 4, p: float = 0.0, **values: Any) -> TrainingStep:
    """Return networks after a few steps in float64."""
    settings = changed(**values)
    step = TrainingStep(*new_networks(SHAPE, settings, 16), settings)
    for index in range(steps):
        if step.ada is not None:
            step.ada.p = p
        seed_step(0, index)
        scalars = step.step(index, Squares().batch(index, 8, 0, False) / 127.5 - 1, measure=True)
        assert {"gradient_norm_g", "gradient_norm_d"} <= scalars.keys()
    return step


def named_weights(step: TrainingStep) -> dict[str, torch.Tensor]:
    networks = {"G": step.generator, "G_ema": step.average, "D": step.discriminator}
    return {f"{n}.{key}": value for n, network in networks.items() for key, value in network.state_dict().items()}


def test_a_child_keeps_the_noise_maps_of_its_parents_average(tmp_path: Path) -> None:
    raw, average, discriminator = new_networks(SHAPE, changed(), 16)
    assert isinstance(discriminator, Discriminator)
    maps = {name: value for name, value in average.named_buffers() if name.endswith("noise_const")}
    assert len(maps) == 5
    for name in maps:
        raw.get_buffer(name).normal_()
    path = tmp_path / "parent.safetensors"
    save(path, generator=average, generator_raw=raw, discriminator=discriminator)
    parent = load(path)
    assert parent.generator_raw is not None
    assert not torch.equal(parent.generator_raw.synthesis.b4.conv1.noise_const, maps["synthesis.b4.conv1.noise_const"])
    step = TrainingStep(*networks_of_parent(parent, str(path), 16, changed()), changed())
    step.step(0, Squares().batch(0, 8, 0, False) / 127.5 - 1)
    for name, expected in maps.items():
        assert torch.equal(step.average.get_buffer(name), expected.float().to(step.average.get_buffer(name))), name


@pytest.mark.parametrize(("accumulate", "group", "p"), [(2, 4, 0.0), (4, 2, 0.7)])
def test_accumulated_parts_equal_the_whole_batch(accumulate: int, group: int, p: float) -> None:
    values = {"mbstd_group_size": group, "augment": "bgc"}
    whole, parts = (named_weights(trained(p=p, accumulate=a, **values)) for a in (1, accumulate))
    for name in whole:
        torch.testing.assert_close(parts[name], whole[name], **FLOAT64, msg=name)


def test_the_blur_changes_the_training_while_it_lasts() -> None:
    plain, blurred, faded = (
        named_weights(trained(2, **values))
        for values in ({}, {"blur_px": 3.0}, {"blur_px": 3.0, "blur_kimg": 8 / 1000})
    )
    name = "D.b4.out.weight"
    assert not torch.allclose(plain[name], blurred[name])
    assert not torch.allclose(faded[name], blurred[name]), "the second step sees the images as they are"


def test_augmentation_changes_the_training() -> None:
    plain, augmented = (named_weights(trained(2, p=0.7, augment=a))["D.b4.out.weight"] for a in ("none", "bgc"))
    assert not torch.allclose(plain, augmented)


class Noted(Workers):
    """One of two processes whose sums go nowhere; notes when they begin and end, by their number."""

    def begin_sum(self, tensors: Sequence[torch.Tensor]) -> Callable[[], None]:
        number = len([event for event in EVENTS if event > 0]) + 1
        EVENTS.append(number)
        return lambda: EVENTS.append(-number)


EVENTS: list[int] = []


def test_the_sums_of_gradients_of_g_are_under_way_while_d_is_trained() -> None:
    """But for a step with path lengths, which needs the weights that G has moved to."""
    settings = changed(r1_gamma=0.0, path_length_interval=2)
    step = TrainingStep(*new_networks(SHAPE, settings, 16), settings, Noted(0, 2))
    found = []
    for index in range(2):
        EVENTS.clear()
        seed_step(0, index)
        assert "loss_g" in step.step(index, Squares().batch(index, 8, 0, False) / 127.5 - 1)
        found.append(list(EVENTS))
    assert found == [[1, -1, 2, -2, 3, -3, 4, -4], [1, 2, -2, -1]]


def place_of(name: str) -> str:
    place = component_of(name)
    assert place is not None, name
    return place[0]


@pytest.mark.parametrize(
    "components", [("mapping",), ("affine",), ("convolutions", "torgb"), ("torgb-affine",), ("const+noise",)]
)
def test_only_the_named_components_are_trained(components: tuple[str, ...]) -> None:
    start, end = (trained(steps, train_only=components) for steps in (0, 3))
    moved = {
        name for name, p in start.generator.named_parameters() if not torch.equal(p, end.generator.get_parameter(name))
    }
    expected = {name for name, _ in start.generator.named_parameters() if place_of(name) in components}
    # Biases of toRGB layers and the like may have a gradient of 0; every component must have moved, and nothing else.
    assert moved <= expected
    assert {place_of(name) for name in moved} == set(components)
    assert len(moved) > len(expected) / 2


def test_every_parameter_belongs_to_one_component() -> None:
    names = [name for name, _ in new_networks(SHAPE, changed(), 16)[0].named_parameters()]
    assert {place_of(name) for name in names} == set(COMPONENTS)


def test_frozen_layers_of_the_discriminator_are_those_next_to_the_image() -> None:
    start, end = (trained(steps, freeze_d=5) for steps in (0, 3))
    frozen = [
        name
        for name, p in start.discriminator.named_parameters()
        if torch.equal(p, end.discriminator.get_parameter(name))
    ]
    assert {name.rsplit(".", 1)[0] for name in frozen} == {
        "b16.fromrgb",
        "b16.conv0",
        "b16.conv1",
        "b16.skip",
        "b8.conv0",
    }


@pytest.mark.parametrize(
    ("values", "processes", "message"),
    [
        ({"accumulate": 4, "mbstd_group_size": 8, "batch_size": 48}, 1, "parts of 12 images hold no whole groups of 8"),
        ({"accumulate": 2}, 3, "batch_size 8: no multiple of 6 parts"),
        ({"path_length_batch_shrink": 8}, 2, "leaves fewer images than 2 processes"),
        ({"freeze_d": 10}, 1, "freeze_d 10: the discriminator has 10 layers"),
        ({"accumulate": 4, "keep": DISTANCES}, 1, "three images or more, parts of a batch hold 2; raise batch_size"),
        ({"keep": DISTANCES}, 4, "three images or more, parts of a batch hold 2; raise batch_size"),
        (
            {"discriminator": "projected", "batch_size": 6, "keep": DISTANCES},
            1,
            "parts of 6 images hold no whole groups of 4",
        ),
    ],
)
def test_settings_that_do_not_fit_are_refused(values: dict[str, Any], processes: int, message: str) -> None:
    settings = changed(**values)
    with pytest.raises(StyleAlignError, match=message):
        TrainingStep(*new_networks(SHAPE, settings, 16), settings, Workers(count=processes))


def test_layers_are_counted_from_the_image() -> None:
    discriminator = new_networks(SHAPE, changed(), 16)[2]
    assert len(layers_from_image(discriminator)) == 10
    assert layers_from_image(discriminator)[0] is discriminator.b16.fromrgb
    assert layers_from_image(discriminator)[-1] is discriminator.b4.out


def test_the_steps_of_a_state_from_before_go_where_fused_adam_has_them() -> None:
    """Beside the weights, in single precision: a state that says nothing of fused leaves them on the CPU."""
    steps = [TrainingStep(*new_networks(SHAPE, changed(), 16), changed()) for _ in range(2)]
    seed_step(0, 0)
    steps[0].step(0, Squares().batch(0, 8, 0, False).float() / 127.5 - 1)
    state = steps[0].state()
    for name in ("adam_G", "adam_D"):
        for group in state[name]["param_groups"]:
            group.pop("fused")
        for one in state[name]["state"].values():
            one["step"] = one["step"].double()
    steps[1].load(state)
    for adam in (steps[1].generator_adam, steps[1].discriminator_adam):
        assert all(group["fused"] for group in adam.param_groups)
        assert {one["step"].dtype for one in adam.state.values()} == {torch.float32}


def test_images_that_are_too_large_for_a_network_are_one_line() -> None:
    with pytest.raises(StyleAlignError, match=r"the data set has 2048 px, networks draw up to 1024 px; prepare less"):
        new_networks(ArchitectureSettings(channel_base=4096), TrainSettings(), 2048)
