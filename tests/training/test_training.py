"""The trainer: repeatable to the bit, resumed as if never stopped, and it learns."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch

from stylealign.config import KeepSettings
from stylealign.errors import StyleAlignError
from stylealign.files import read_json, write_json
from stylealign.training.log import TrainingLog
from stylealign.training.loop import Hooks, Interrupted, TrainingRun, seed_step
from stylealign.training.losses import moved_path_length, path_lengths, r1_penalty
from stylealign.training.start import new_networks
from stylealign.training.state import IDENTITY, STATE, load_state, save_state
from stylealign.training.step import TrainingStep
from tests.training.common import SHAPE, Squares, assert_bitwise_equal, changed, make_run, weights


def test_two_runs_are_equal_to_the_bit(tmp_path: Path) -> None:
    first, second = make_run(tmp_path / "a"), make_run(tmp_path / "b")
    before = weights(first)
    first.train()
    torch.randn(17)  # what happens outside the run does not matter
    second.train()
    assert_bitwise_equal(weights(first), weights(second))
    assert not torch.equal(before["G.synthesis.b16.conv1.weight"], weights(first)["G.synthesis.b16.conv1.weight"])


def test_resumed_equals_uninterrupted(tmp_path: Path) -> None:
    whole = make_run(tmp_path / "whole")
    whole.train()

    def stop_at_half(run: TrainingRun) -> None:
        os.kill(os.getpid(), signal.SIGUSR1)

    part = make_run(tmp_path / "part", hooks=Hooks(snapshot=stop_at_half))
    with pytest.raises(Interrupted, match="state is saved"):
        part.train()
    assert part.kimg == 0.04
    resumed = make_run(tmp_path / "part")
    assert resumed.kimg == 0.04
    resumed.train()
    assert_bitwise_equal(weights(whole), weights(resumed))


def test_the_log_has_means_of_the_steps_that_computed_a_value(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stylealign.training.loop.LOG_EVERY_IMAGES", 40)
    steps: list[dict[str, float]] = []
    buffers: dict[str, torch.Tensor] = {}
    plain = TrainingStep.step

    def seen(self: TrainingStep, *arguments: Any, **options: Any) -> dict[str, torch.Tensor]:
        found = plain(self, *arguments, **options)
        steps.append({name: float(value) for name, value in found.items()})
        return {name: buffers.setdefault(name, value.clone()).copy_(value) for name, value in found.items()}

    monkeypatch.setattr(TrainingStep, "step", seen)
    make_run(tmp_path, changed(keep=KeepSettings.model_validate({"features": {"weight": 1.0}}))).train()
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["kimg"] for line in lines] == [0.04, 0.08]
    for line, own in zip(lines, (steps[:5], steps[5:]), strict=True):
        for name in ("loss_g", "loss_d", "r1_penalty", "path_length_penalty", "keep_features", "gradient_norm_g"):
            values = [step[name] for step in own if name in step]
            assert line[name] == pytest.approx(sum(values) / len(values), rel=1e-5), name
        assert len([step for step in own if "r1_penalty" in step]) == 2
    resumed = make_run(tmp_path, changed(kimg=0.096, keep=KeepSettings.model_validate({"features": {"weight": 1.0}})))
    resumed.train()
    line = json.loads((tmp_path / "log.jsonl").read_text().splitlines()[-1])
    assert line["loss_g"] == pytest.approx((steps[10]["loss_g"] + steps[11]["loss_g"]) / 2), "since it went on"
    assert "r1_penalty" not in line, "no step since then has computed it"


def test_a_damaged_state_falls_back_to_the_one_before(tmp_path: Path) -> None:
    save_state(tmp_path, {"steps_done": 1})
    save_state(tmp_path, {"steps_done": 2})
    content = (tmp_path / STATE).read_bytes()
    (tmp_path / STATE).write_bytes(content[: len(content) // 2])
    state = load_state(tmp_path)
    assert state is not None and state["steps_done"] == 1


@pytest.mark.parametrize(
    ("update", "data", "named"),
    [
        ({"r1_gamma": 7.0}, "x", "train.r1_gamma = 1.0, now 7.0"),
        ({"augment": "bgc"}, "x", "train.augment = none, now bgc"),
        ({"train_only": ("affine",)}, "x", r"train.train_only = \[\], now \['affine'\]"),
        ({}, "y", "data = x, now y"),
    ],
)
def test_a_changed_run_is_refused_by_name(tmp_path: Path, update: dict[str, Any], data: str, named: str) -> None:
    make_run(tmp_path, data="x")
    with pytest.raises(StyleAlignError, match=named):
        make_run(tmp_path, changed(**update), data=data)


def test_a_run_of_before_a_setting_existed_goes_on_with_its_default(tmp_path: Path) -> None:
    make_run(tmp_path)
    identity = read_json(tmp_path / IDENTITY)
    del identity["train.augment"]
    write_json(tmp_path / IDENTITY, identity)
    make_run(tmp_path)
    with pytest.raises(StyleAlignError, match=r"train\.augment = none, now bgc"):
        make_run(tmp_path, changed(augment="bgc"))


def test_what_a_pull_alone_is_measured_by_may_change_when_a_run_goes_on(tmp_path: Path) -> None:
    by = {"evaluate_images": 500, "evaluate_features": "inception-v3"}
    make_run(tmp_path / "new")
    make_run(tmp_path / "new", changed(**by))
    make_run(tmp_path / "old")  # of before it was left out
    old = read_json(tmp_path / "old" / IDENTITY) | {f"train.{key}": value for key, value in by.items()}
    write_json(tmp_path / "old" / IDENTITY, old)
    make_run(tmp_path / "old")
    make_run(tmp_path / "measured", changed(evaluate_kimg=1.0))
    with pytest.raises(StyleAlignError, match=r"train\.evaluate_features = efficientnet-lite0, now inception-v3"):
        make_run(tmp_path / "measured", changed(evaluate_kimg=1.0, **by))


def test_keys_without_use_may_change_when_a_run_goes_on(tmp_path: Path) -> None:
    make_run(tmp_path / "own")
    make_run(tmp_path / "own", changed(select_tolerance=0.3, ada_kimg=9.0, blur_kimg=9.0))
    make_run(tmp_path / "own", changed(curve_kimg=(1.0,)))
    make_run(tmp_path / "child", parent="x")
    make_run(tmp_path / "child", changed(mapping_lr_multiplier=0.1), parent="x")
    with pytest.raises(StyleAlignError, match=r"train\.curve_kimg = .*, now \[1\.0\]"):
        make_run(tmp_path / "child", changed(curve_kimg=(1.0,)), parent="x")
    with pytest.raises(StyleAlignError, match=r"train\.mapping_lr_multiplier = 0\.01, now 0\.1"):
        make_run(tmp_path / "own", changed(mapping_lr_multiplier=0.1))


def measured(run_dir: Path, kimg: float, events: bool = False) -> TrainingRun:
    """Train with measurements every 0.032 kimg and at the end, of which the one at 0.08 kimg is the lowest."""
    fid = {0.032: 9.0, 0.064: 5.2, 0.08: 1.0, 0.096: 5.0}
    hooks = Hooks(evaluate=lambda run: {"fid[x]": fid[run.kimg]}, align=lambda run: {"alignment": 1 - run.kimg})
    settings = changed(kimg=kimg, evaluate_kimg=0.032, select="fewest-fid")
    networks = new_networks(SHAPE, settings, 16)
    run = TrainingRun(*networks, Squares(), settings, run_dir, {}, hooks, events=events)
    run.train()
    return run


def test_a_longer_run_goes_on_from_a_shorter_one_and_ends_as_an_uninterrupted_one(tmp_path: Path) -> None:
    shorter = measured(tmp_path / "part", 0.08)
    assert shorter.selection.kimg == 0.08
    assert shorter.candidates_kimg == {0.064, 0.08}, "what a longer run may choose is kept"
    assert measured(tmp_path / "part", 0.08).selection.kimg == 0.08, "ended again, it chooses the same"
    lines = (tmp_path / "part" / "log.jsonl").read_text().splitlines()
    assert len(lines) == len(set(lines)), "ended again, it says nothing twice"
    ends = {line["kimg"]: line.get("end") for line in map(json.loads, lines) if "fid[x]" in line}
    assert ends == {0.032: None, 0.064: None, 0.08: True}
    longer, whole = measured(tmp_path / "part", 0.096), measured(tmp_path / "whole", 0.096)
    for folder in ("part", "whole"):
        found = map(json.loads, (tmp_path / folder / "log.jsonl").read_text().splitlines())
        assert [line["kimg"] for line in found if "fid[x]" in line] == [0.032, 0.064, 0.096], "what select knows"
    assert_bitwise_equal(weights(longer), weights(whole))
    for run in (longer, whole):
        assert [(one.kimg, one.value) for one in run.selection.candidates] == [(0.064, 5.2), (0.096, 5.0)]


def test_tensorboard_has_what_the_log_has_when_a_run_goes_on(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    def told(name: str) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
        events = EventAccumulator(str(tmp_path)).Reload().Scalars(name)
        lines = map(json.loads, (tmp_path / "log.jsonl").read_text().splitlines())
        in_log = [(line["kimg"], pytest.approx(line[name])) for line in lines if name in line]
        return [(event.step / 1000, event.value) for event in events], in_log

    for kimg in (0.08, 0.08, 0.096):
        measured(tmp_path, kimg, events=True)
        for name in ("fid[x]", "loss_g", "alignment"):
            shown, logged = told(name)
            assert shown == logged, (kimg, name)
    assert [at for at, _ in told("fid[x]")[0]] == [0.032, 0.064, 0.096], "what was measured behind the state is gone"


def test_a_shorter_run_keeps_the_state_of_the_longer_one(tmp_path: Path) -> None:
    longer, whole = make_run(tmp_path / "a"), make_run(tmp_path / "b", changed(kimg=0.04))
    longer.train()
    whole.train()
    shorter = make_run(tmp_path / "a", changed(kimg=0.04))
    shorter.train()
    assert shorter.kimg == 0.04
    assert_bitwise_equal(weights(shorter), weights(whole))
    assert make_run(tmp_path / "a").kimg == 0.08
    assert make_run(tmp_path / "a", changed(kimg=0.04)).kimg == 0.04, "it is found again"


def test_a_loss_that_is_not_finite_stops_the_run_and_keeps_the_state(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    run.train()
    broken = make_run(tmp_path, changed(kimg=0.2))
    with torch.no_grad():
        broken.networks.discriminator.b4.out.weight.fill_(float("nan"))
    with pytest.raises(StyleAlignError, match="last saved state is kept"):
        broken.train()
    assert_bitwise_equal(weights(run), weights(make_run(tmp_path, changed(kimg=0.2))))


def test_the_generator_learns_the_colours_of_the_data(tmp_path: Path) -> None:
    run = make_run(tmp_path, changed(kimg=1.6, learning_rate=0.005, ema_kimg=0.1))
    real = Squares().batch(0, 64, 0, False).float().mean(dim=(0, 2, 3)) / 127.5 - 1
    z = torch.randn(64, 8)

    def distance() -> float:
        with torch.no_grad():
            return float((run.networks.average(z).mean(dim=(0, 2, 3)) - real).norm())

    before = distance()
    run.train()
    assert distance() < before / 3


def test_r1_of_a_linear_discriminator_is_its_squared_weight() -> None:
    weight = torch.randn(3, 4, 4, dtype=torch.float64, requires_grad=True)
    images = torch.randn(5, 3, 4, 4, dtype=torch.float64, requires_grad=True)
    penalty = r1_penalty((images * weight).sum(dim=(1, 2, 3))[:, None], images)
    torch.testing.assert_close(penalty, weight.square().sum())
    (gradient,) = torch.autograd.grad(penalty, weight)
    torch.testing.assert_close(gradient, 2 * weight)


def test_path_length_of_a_scaled_identity() -> None:
    # Images that are `scale` times ws: |J^T y| is the norm of y / sqrt(HW) times the scale, 1 in expectation.
    ws = torch.randn(2000, 1, 16, dtype=torch.float64, requires_grad=True)
    lengths = path_lengths((3.0 * ws).reshape(2000, 1, 4, 4), ws)
    assert lengths.square().mean().sqrt().item() == pytest.approx(3.0, rel=0.05)


def test_step_seeds_differ_by_seed_and_step() -> None:
    drawn = set()
    for seed in range(3):
        for step in range(3):
            seed_step(seed, step)
            drawn.add(torch.rand(()).item())
    assert len(drawn) == 9


def test_the_mean_path_length_starts_at_the_first_batch_and_follows_slowly() -> None:
    first = moved_path_length(torch.zeros(()), torch.tensor(2.0))
    assert first.item() == 2.0
    assert moved_path_length(first, torch.tensor(3.0)).item() == pytest.approx(2.01)


def test_a_log_that_cannot_be_cut_back_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text('{"kimg": 1.0}\n{"kimg": 2.0}\n')

    def full(self: Path, text: str, encoding: str) -> int:
        self.write_bytes(b"")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(StyleAlignError, match="No space left on device"):
        TrainingLog(path, 1.0)
    assert path.read_text() == '{"kimg": 1.0}\n{"kimg": 2.0}\n'
