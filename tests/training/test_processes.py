"""Processes that are killed, and processes that train together."""

import random
import signal
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import torch

from stylealign.errors import StyleAlignError
from stylealign.training.state import load_state
from stylealign.training.workers import connected
from tests.training.common import assert_bitwise_equal, changed, make_run, weights
from tests.training.processes import assert_two_equal, free_port, start, train_together, train_until_killed

EVERYTHING = {"augment": "bgc", "ada_kimg": 0.04, "ada_target": 0.0, "ada_interval": 2, "freeze_d": 1}
"""Settings that make a run keep every kind of state; p rises from the first adjustment on, or stays 0."""


@pytest.fixture
def _float64() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def test_killed_at_random_and_resumed_equals_uninterrupted(tmp_path: Path) -> None:
    whole = make_run(tmp_path / "whole", changed(**EVERYTHING))
    whole.train()
    assert whole.networks.ada is not None
    dice, kills = random.Random(0), 0
    while not (tmp_path / "weights.pt").exists():
        calls = dice.randrange(1000, 130_000)
        process = start(train_until_killed, tmp_path / "part", tmp_path / "weights.pt", EVERYTHING, calls)
        process.join()
        assert process.exitcode in (0, -signal.SIGKILL)
        kills += process.exitcode != 0
        assert kills < 60, "no progress"
    assert kills >= 4
    resumed = torch.load(tmp_path / "weights.pt")
    assert resumed.pop("p").item() == pytest.approx(whole.networks.ada.p)
    assert_bitwise_equal(weights(whole), resumed)


@pytest.mark.usefixtures("_float64")
def test_two_processes_compute_what_one_does(tmp_path: Path) -> None:
    settings = {"kimg": 0.032, "augment": "bgc", "ada_kimg": 1.0, "mbstd_group_size": 2, "state_interval_s": 100.0}
    alone = make_run(tmp_path / "alone", changed(**settings))
    assert alone.networks.ada is not None
    alone.networks.ada.p = 0.5
    assert_two_equal(alone, tmp_path, settings)


def test_more_processes_than_gpus_are_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", lambda device: None)
    environment = {"LOCAL_RANK": "2", "RANK": "2", "WORLD_SIZE": "3"}
    with (
        pytest.raises(StyleAlignError, match=r"^process 3 of this machine has no GPU, there are 2; start as many"),
        connected(environment),
    ):
        pass
    with connected({"LOCAL_RANK": "1"}) as workers:
        assert workers.device == torch.device("cuda", 1)


def test_a_process_has_time_to_compile_its_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[timedelta] = []
    for name in ("init_process_group", "new_group", "get_rank", "destroy_process_group"):
        monkeypatch.setattr(torch.distributed, name, lambda *_, timeout=None, **__: waits.append(timeout) or 0)
    with connected({"RANK": "0", "WORLD_SIZE": "2"}):
        pass
    assert [wait.total_seconds() for wait in waits if wait] == [1800, 3600]


def test_a_process_that_dies_stops_the_other(tmp_path: Path) -> None:
    settings = {"kimg": 0.08, "state_interval_s": 0.0}
    port = free_port()
    outs = [tmp_path / f"{rank}.txt" for rank in range(2)]
    processes = [start(train_together, rank, port, tmp_path / "run", outs[rank], settings, 4) for rank in range(2)]
    processes[1].join()
    assert processes[1].exitcode == -signal.SIGKILL
    processes[0].join(60)
    assert processes[0].exitcode == 2
    assert "another process of the run ended" in outs[0].read_text()
    state = load_state(tmp_path / "run")
    assert state is not None and state["steps_done"] == 4
