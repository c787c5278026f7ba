"""What a training on a GPU is computed by: chosen by trials, without a GPU here."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from stylealign.networks.architecture import Architecture
from stylealign.training import selftest, trial
from stylealign.training.selftest import GRAPHS, KERNELS, Trial, choose
from stylealign.training.trial import tried
from tests.training.common import changed

SMALL = Architecture(resolution=8, z_dim=4, w_dim=4, mapping_layers=1, channel_base=32, channel_max=4)
SAME = {"0.loss_g": 1.0, "0.r1_penalty": 5.0}


def attempts(kernels: Trial, graphs: Trial) -> Callable[[dict[str, str]], Trial]:
    def attempt(variables: dict[str, str]) -> Trial:
        if variables.get(GRAPHS) == "1":
            return graphs
        return kernels if variables.get(KERNELS) == "cuda" else Trial(0.06, SAME)  # KERNELS is 0, or the environment's

    return attempt


FAST, SLOW, BOTH = Trial(0.04, SAME), Trial(0.07, SAME), Trial(0.03, SAME, recorded=2)
WRONG = Trial(0.01, SAME | {"0.r1_penalty": 5.5}, recorded=2)
NONE = Trial(0.01, SAME | {"0.r1_penalty": float("nan")}, recorded=2)
DEAD = Trial(error="the process ended with -11")


@pytest.mark.parametrize(
    ("kernels", "graphs", "chosen", "said"),
    [
        (FAST, BOTH, {KERNELS: "cuda", GRAPHS: "1"}, "60.0 ms a step as always, kernels 40.0 ms, graphs 30.0 ms"),
        (WRONG, BOTH, {KERNELS: "0", GRAPHS: "1"}, "kernels off by 1.0e-01"),
        (NONE, BOTH, {KERNELS: "0", GRAPHS: "1"}, "kernels off by inf"),
        (DEAD, WRONG, {KERNELS: "0"}, "kernels failed: the process ended with -11"),
        (SLOW, Trial(0.05, SAME), {KERNELS: "0"}, "kernels 70.0 ms, graphs not recorded"),
        (SLOW, Trial(0.05, SAME, told=["train: step: no graph: a copy"]), {KERNELS: "0"}, "not recorded: a copy"),
        (SLOW, BOTH, {KERNELS: "cuda", GRAPHS: "1"}, "kernels 70.0 ms, graphs 30.0 ms"),
        (FAST, Trial(0.05, SAME, recorded=1), {KERNELS: "cuda"}, "graphs 50.0 ms"),
    ],
)
def test_what_agrees_and_is_faster_is_taken(kernels: Trial, graphs: Trial, chosen: dict[str, str], said: str) -> None:
    found, words = choose({}, attempts(kernels, graphs), can_record=True)
    assert found == chosen
    assert said in words


def test_what_the_environment_says_is_not_tried() -> None:
    assert choose({KERNELS: "0"}, attempts(FAST, BOTH), can_record=True)[0] == {GRAPHS: "1"}
    assert choose({GRAPHS: "0"}, attempts(FAST, BOTH), can_record=True)[0] == {KERNELS: "cuda"}
    assert choose({}, attempts(FAST, BOTH), can_record=False)[0] == {KERNELS: "cuda"}
    never = attempts(DEAD, DEAD)
    assert choose({KERNELS: "cuda", GRAPHS: "1"}, never, can_record=True) == ({}, "as the environment says")


def test_without_a_self_test_everything_is_as_always() -> None:
    assert choose({}, lambda variables: DEAD, can_record=True)[0] == {KERNELS: "0"}
    assert choose({KERNELS: "cuda"}, lambda variables: DEAD, can_record=True)[0] == {}


def test_every_trial_says_whether_it_has_kernels_unless_the_environment_does() -> None:
    """A GPU that is new enough has them where nothing is said."""
    asked: list[dict[str, str]] = []

    def attempt(variables: dict[str, str]) -> Trial:
        asked.append(variables)
        return attempts(WRONG, BOTH)(variables)

    choose({}, attempt, can_record=True)
    assert asked == [
        {KERNELS: "0", GRAPHS: "0"},
        {KERNELS: "cuda", GRAPHS: "0"},
        {KERNELS: "0", GRAPHS: "1"},
    ]
    asked.clear()
    choose({KERNELS: "cuda"}, attempt, can_record=True)
    assert asked == [{GRAPHS: "0"}, {GRAPHS: "1"}]


def test_a_trial_tells_of_steps_with_every_regulariser_and_the_transforms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "WARM", 0)
    monkeypatch.setattr(trial, "TIMED", 1)
    settings = changed(batch_size=4, mbstd_group_size=4, augment="bgc")
    found = Trial(**tried(SMALL, settings, torch.device("cpu")))
    names = {"0.loss_g", "0.path_length", "0.r1_penalty", "0.gradient_norm_d", "1.loss_d", "1.gradient_norm_g"}
    assert names <= found.scalars.keys()
    assert found.seconds > 0 and found.recorded == 0


def test_a_trial_that_takes_its_process_down_is_an_answer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "python"
    program.write_text(f"#!{sys.executable}\nimport os\nos._exit(7)\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    assert selftest.tried_apart({KERNELS: "cuda"}, "{}") == Trial(error="the process ended with 7")


def test_a_choice_is_kept_for_the_machine_it_was_made_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    machine, asked = {"gpu": "A"}, []
    for name in selftest.NAMES:  # what is there is put back afterwards
        monkeypatch.setenv(name, "")

    def tried_apart(variables: dict[str, str], given: str) -> Trial:
        asked.append(json.loads(given)["architecture"]["resolution"])
        return attempts(FAST, BOTH)(variables)

    monkeypatch.setattr(selftest, "tried_apart", tried_apart)
    monkeypatch.setattr(selftest, "machine_of", lambda device: dict(machine))
    counts = []
    for gpu in ("A", "A", "B"):
        machine["gpu"] = gpu
        for name in selftest.NAMES:
            monkeypatch.delenv(name, raising=False)
        selftest.apply(tmp_path, SMALL, changed(), 1, torch.device("cuda"))
        counts.append(len(asked))
        assert (os.environ[KERNELS], os.environ[GRAPHS]) == ("cuda", "1")
    assert (counts, set(asked)) == ([3, 3, 6], {8})


@pytest.mark.parametrize(
    "text",
    [
        "",
        '{"machine": {"gpu": "A"}, "chosen": {"STYLEALIGN_NAT',
        "[]",
        "7",
        '{"machine": {"gpu": "A"}}',
        '{"machine": {"gpu": "A"}, "chosen": []}',
        '{"machine": {"gpu": "A"}, "chosen": {"STYLEALIGN_GRAPHS": ["1"]}}',
        '{"machine": {"gpu": "A"}, "chosen": {"PATH": ""}}',
        "\xff",
    ],
)
def test_a_choice_that_cannot_be_read_is_made_anew(text: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in selftest.NAMES:  # what is there is put back afterwards
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setattr(selftest, "tried_apart", lambda variables, given: attempts(FAST, BOTH)(variables))
    monkeypatch.setattr(selftest, "machine_of", lambda device: {"gpu": "A"})
    (tmp_path / selftest.FILE).write_bytes(text.encode("latin-1"))
    selftest.apply(tmp_path, SMALL, changed(), 1, torch.device("cuda"))
    chosen = {KERNELS: "cuda", GRAPHS: "1"}
    assert json.loads((tmp_path / selftest.FILE).read_text()) == {"machine": {"gpu": "A"}, "chosen": chosen}


@pytest.mark.parametrize(("processes", "batch"), [(1, 8), (4, 2)])
def test_each_process_is_tried_with_its_part_of_the_batch(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, processes: int, batch: int
) -> None:
    asked = []

    def tried_apart(variables: dict[str, str], given: str) -> Trial:
        asked.append(json.loads(given)["settings"]["batch_size"])
        return Trial(error="no")

    for name in selftest.NAMES:  # what is there is put back afterwards
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setattr(selftest, "tried_apart", tried_apart)
    monkeypatch.setattr(selftest, "machine_of", lambda device: {"gpu": "A"})
    selftest.apply(tmp_path, SMALL, changed(), processes, torch.device("cuda"))
    assert asked == [batch]


def test_a_choice_without_a_word_of_kernels_is_of_pytorchs_operations(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """So it was written when kernels were for who asked."""
    for name in selftest.NAMES:  # what is there is put back afterwards
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setattr(selftest, "machine_of", lambda device: {"gpu": "A"})
    (tmp_path / selftest.FILE).write_text(json.dumps({"machine": {"gpu": "A"}, "chosen": {}}))
    selftest.apply(tmp_path, SMALL, changed(), 1, torch.device("cuda"))
    assert os.environ[KERNELS] == "0" and GRAPHS not in os.environ
    assert "computed by PyTorch's own operations (as before)" in capsys.readouterr().err


def test_a_cpu_has_nothing_to_choose(tmp_path: Path) -> None:
    selftest.apply(tmp_path / "run", SMALL, changed(), 1, torch.device("cpu"))
    assert not (tmp_path / "run").exists()
