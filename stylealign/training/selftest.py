"""What a training on a GPU is computed by, chosen by a few steps at its start: kernels, and whole steps as graphs.

Each way is tried in a process of its own (`trial`): a kernel that a driver stops takes only that with it. A way is
taken where its numbers agree and it is faster; what was chosen is said in one line, and kept in the run's folder, so
that a training goes on as it began. PyTorch's compiler is not among the ways: it does not differentiate twice.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from stylealign.config import TrainSettings
from stylealign.files import write_json
from stylealign.installed import release
from stylealign.networks.architecture import Architecture
from stylealign.ops.native.build import wanted_on_gpu
from stylealign.training.graphs import VARIABLE as GRAPHS
from stylealign.training.graphs import reason_against

KERNELS = "STYLEALIGN_NATIVE"
NAMES = (KERNELS, GRAPHS)
"""Of the variables of the environment that say it."""
LIMIT_S = 300.0
"""Of one trial, compilation included."""
ALLOWED = 0.05
"""Relative difference of losses, penalties and gradient norms: a few roundings of half precision, added up."""
FILE = "computed-by.json"

Variables = dict[str, str]
KNOWN = ((KERNELS, "0"), (KERNELS, "cuda"), (GRAPHS, "1"))
"""What a choice may set."""
OFF: Variables = {KERNELS: "0"}
"""PyTorch's own operations: a GPU that is new enough has kernels unless a variable says otherwise."""


@dataclass(frozen=True)
class Trial:
    """What a trial has found.

    Attributes:
        seconds: of a plain step.
        scalars: of the first steps.
        recorded: kinds of step that were recorded as graphs.
        told: a line for each kind of step that was to be recorded.
        error: why there is nothing; empty otherwise.
    """

    seconds: float = float("inf")
    scalars: dict[str, float] = field(default_factory=dict)
    recorded: int = 0
    told: list[str] = field(default_factory=list)
    error: str = ""


Attempt = Callable[[Variables], Trial]


def apply(
    run_dir: Path, architecture: Architecture, settings: TrainSettings, processes: int, device: torch.device
) -> None:
    """Choose for a training on this GPU, say so, and set the variables; nothing where they are set, or on a CPU.

    Args:
        run_dir: folder of the run, which keeps the choice.
        architecture: of its networks.
        settings: of the run.
        processes: that train together.
        device: where it trains.
    """
    if device.type != "cuda":
        return
    file = run_dir / FILE
    machine = machine_of(device)
    kept = _kept_in(file)
    if kept.get("machine") == machine:
        chosen, told = OFF | kept["chosen"], "as before"
    else:
        can_record = reason_against(settings.keep, settings.blur_px, settings.accumulate * processes, True) is None
        part = settings.model_copy(update={"batch_size": settings.batch_size // processes})  # what one GPU computes
        given = json.dumps({"architecture": architecture.model_dump(), "settings": part.model_dump(mode="json")})
        chosen, told = choose(os.environ, lambda variables: tried_apart(variables, given), can_record)
        write_json(file, {"machine": machine, "chosen": chosen})
    chosen = {name: value for name, value in chosen.items() if name not in os.environ}
    os.environ.update(chosen)
    ways = ["kernels"] * wanted_on_gpu(device) + ["graphs"] * (os.environ.get(GRAPHS) == "1")
    words = " and ".join(ways) or "PyTorch's own operations"
    print(f"stylealign train: computed by {words} ({told})", file=sys.stderr, flush=True)


def _kept_in(file: Path) -> dict[str, Any]:
    """Return the choice that a run's folder keeps; nothing where there is none that can be read."""
    try:
        kept = json.loads(file.read_text())
    except (FileNotFoundError, ValueError):
        return {}
    chosen = kept.get("chosen") if isinstance(kept, dict) else None
    return kept if isinstance(chosen, dict) and all(one in KNOWN for one in chosen.items()) else {}


def choose(environment: Mapping[str, str], attempt: Attempt, can_record: bool) -> tuple[Variables, str]:
    """Return the variables to set, and why in a few words.

    Args:
        environment: what it sets already is not chosen.
        attempt: tries what variables say.
        can_record: steps of this training can be graphs.
    """
    open_kernels, open_graphs = KERNELS not in environment, GRAPHS not in environment and can_record
    if not open_kernels and not open_graphs:
        return {}, "as the environment says"
    chosen = OFF if open_kernels else Variables()
    always = attempt({**chosen, GRAPHS: "0"})
    if always.error:
        return chosen, f"the self-test does not run: {always.error}"
    best, words = always, [f"{1e3 * always.seconds:.1f} ms a step as always"]
    recorded = chosen
    if open_kernels:
        found = attempt({KERNELS: "cuda", GRAPHS: "0"})
        words.append(f"kernels {_outcome(found, always)}")
        if _agrees(found, always):  # recorded, they start at no cost: slower now says nothing of that
            recorded = {KERNELS: "cuda"}
            if found.seconds < best.seconds:
                best, chosen = found, {KERNELS: "cuda"}
    if open_graphs:
        found = attempt({**recorded, GRAPHS: "1"})
        words.append(f"graphs {_outcome(found, always) if found.recorded or found.error else _not_recorded(found)}")
        if found.recorded and _agrees(found, always) and found.seconds < best.seconds:
            chosen = {**recorded, GRAPHS: "1"}
    return chosen, ", ".join(words)


def _difference(found: Trial, expected: Trial) -> float:
    """Return the largest relative difference of the scalars; infinite for what is no number or missing."""
    if found.scalars.keys() != expected.scalars.keys():
        return float("inf")
    pairs = [(found.scalars[name], value) for name, value in expected.scalars.items()]
    # Losses may be near 0; penalties and norms are not, however small: those of the regularisers' gradients alone
    # hold second derivatives.
    least = [0.1 if ".loss" in name else 1e-8 for name in expected.scalars]
    apart = [abs(a - b) / max(abs(b), floor) for (a, b), floor in zip(pairs, least, strict=True)]
    return max((one if one == one else float("inf") for one in apart), default=0.0)


def _agrees(found: Trial, expected: Trial) -> bool:
    return not found.error and _difference(found, expected) <= ALLOWED


def _outcome(found: Trial, best: Trial) -> str:
    if found.error:
        return f"failed: {found.error}"
    difference = _difference(found, best)
    return f"{1e3 * found.seconds:.1f} ms" if difference <= ALLOWED else f"off by {difference:.1e}"


def _not_recorded(found: Trial) -> str:
    """Say why there are no graphs, by what was told of the first kind of step."""
    reason = found.told[0].rpartition("no graph: ")[2] if found.told else ""
    return f"not recorded: {reason}" if reason else "not recorded"


def tried_apart(variables: Variables, given: str) -> Trial:
    """Run a trial in a process with these variables."""
    command = [sys.executable, "-m", "stylealign.training.trial"]
    environment = os.environ | variables
    for name in ("RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE"):  # it trains alone
        environment.pop(name, None)
    try:
        done = subprocess.run(
            command, input=given, env=environment, capture_output=True, text=True, check=False, timeout=LIMIT_S
        )
    except subprocess.TimeoutExpired:
        return Trial(error=f"no answer in {LIMIT_S:.0f} s")
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"the process ended with {done.returncode}"]
        return Trial(error=lines[-1][:300])
    return Trial(**json.loads(done.stdout.splitlines()[-1]))


def machine_of(device: torch.device) -> dict[str, str]:
    """Return what a choice holds for."""
    found = {"gpu": torch.cuda.get_device_name(device), "torch": torch.__version__}
    return found | {name: release(name) for name in ("stylealign", "triton")}
