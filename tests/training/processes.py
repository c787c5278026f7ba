"""What the tests run in processes of their own: to be killed, or to train together.

A fork server imports torch once; a process forked from it starts at once and can be killed like any other.
"""

import multiprocessing
import os
import signal
import socket
import sys
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import FrameType
from typing import Any

import torch

from stylealign.errors import StyleAlignError
from stylealign.training.loop import TrainingRun
from stylealign.training.workers import Workers, connected
from tests.tolerances import FLOAT64
from tests.training.common import Squares, changed, make_run, weights

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.training.common"])


def start(function: Any, *arguments: Any) -> BaseProcess:
    """Start a process that calls `function`."""
    process = CONTEXT.Process(target=function, args=arguments)
    process.start()
    return process


def assert_two_equal(alone: TrainingRun, folder: Path, settings: dict[str, Any]) -> None:
    """Train `alone`, and with `settings` in two processes together; compare the weights."""
    port, out = free_port(), folder / "together.pt"
    processes = [start(train_together, rank, port, folder / "run", out, settings) for rank in range(2)]
    alone.train()
    for process in processes:
        process.join()
        assert process.exitcode == 0, out.read_text() if out.exists() else "no message"
    together = torch.load(out)
    for name, value in weights(alone).items():
        torch.testing.assert_close(together[name], value, **FLOAT64, msg=name)


def train_until_killed(run_dir: Path, out: Path, settings: dict[str, Any], calls: int) -> None:
    """Train, and die of SIGKILL at the `calls`-th call of a function; write the weights when the run ends before that.

    The kill can come anywhere: in a backward pass, between two optimiser steps, in the middle of writing the state.
    """
    torch.set_num_threads(1)
    run = make_run(run_dir, changed(**settings))
    left = calls

    def count(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal left
        left -= event in ("call", "c_call")
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(count)
    run.train()
    sys.setprofile(None)
    torch.save(weights(run) | {"p": torch.tensor(run.networks.ada.p if run.networks.ada else 0.0)}, out)


def train_together(
    rank: int, port: int, run_dir: Path, out: Path, settings: dict[str, Any], dies_at: int | None = None
) -> None:
    """Be one of two processes that train in float64; rank 1 dies of SIGKILL at step `dies_at`."""
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    environment = {"RANK": str(rank), "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    os.environ.update(environment)
    try:
        with connected(os.environ) as workers:
            values = _train_in_float64(run_dir, settings, workers, dies_at if rank == 1 else None)
            if workers.is_first:
                torch.save(values, out)
    except StyleAlignError as error:
        out.write_text(str(error))
        sys.exit(2)


def _train_in_float64(
    run_dir: Path, settings: dict[str, Any], workers: Workers, dies_at: int | None
) -> dict[str, torch.Tensor]:
    run = make_run(run_dir, changed(**settings), workers=workers)
    run.images = _MortalSquares(dies_at)
    if run.networks.ada is not None:
        run.networks.ada.p = 0.5
    run.train()
    return weights(run)


class _MortalSquares(Squares):
    """Squares that end the process at one step."""

    def __init__(self, dies_at: int | None) -> None:
        self.dies_at = dies_at

    def batch(self, step: int, batch_size: int, seed: int, mirror: bool) -> torch.Tensor:
        if step == self.dies_at:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().batch(step, batch_size, seed, mirror)


def free_port() -> int:
    """Return a TCP port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
