"""A few steps of a training in a process of its own, as its environment says: what `selftest` compares.

Reads a network's shape and the settings from standard input and writes one line of JSON: seconds of a plain step, the
scalars of the first steps, how many kinds of step were recorded as graphs, and what was told of each kind. The images
are noise.
"""

import copy
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from stylealign.config import KeepSettings, TrainSettings
from stylealign.devices import compute_device
from stylealign.networks.architecture import Architecture
from stylealign.networks.discriminator import Discriminator
from stylealign.networks.generator import Generator
from stylealign.streams import seed_globally
from stylealign.training.graphs import Graphs
from stylealign.training.loop import seed_step
from stylealign.training.recordable import RecordableStep
from stylealign.training.start import judge_of
from stylealign.training.step import TrainingStep

COMPARED = (0, 1)
"""Steps whose scalars are compared: with the lazy regularisers, and without."""
NAMES = ("loss", "gradient_norm", "path_length", "r1_penalty")
"""How the names of those begin that are compared: none of them is near 0, but for the next."""
SIGNED = "loss_g"
"""Crosses 0 where a projected discriminator judges; the norm of its gradient is compared."""
WARM, TIMED = 2, 5
"""Plain steps before those that are timed (the second is recorded, where graphs are asked for), and those."""
PROBABILITY = 0.5
"""Of each of ADA's transforms, where the training has them."""


def tried(architecture: Architecture, settings: TrainSettings, device: torch.device) -> dict[str, Any]:
    """Take steps with new networks; return what `main` writes."""
    step, real = begun(architecture, settings, device)
    told: list[str] = []
    if step.graphs is not None:
        step.graphs = Graphs(RecordableStep(step), notify=told.append)
    scalars = compared(step, real)
    times = []
    for _ in range(WARM + TIMED):
        _prepare(step, 1)
        started = time.perf_counter()
        step.step(1, real)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        times.append(time.perf_counter() - started)
    recorded = 0 if step.graphs is None else step.graphs.count
    return {"seconds": statistics.median(times[WARM:]), "scalars": scalars, "recorded": recorded, "told": told}


def begun(architecture: Architecture, settings: TrainSettings, device: torch.device) -> tuple[TrainingStep, Tensor]:
    """Return a training of new networks, and a batch of noise.

    What keeps a child aligned is left out: it is computed by the same operations.
    """
    settings = settings.model_copy(update={"keep": KeepSettings()})
    seed_globally("trial", 0)
    generator, discriminator = Generator(architecture), Discriminator(architecture)
    average = copy.deepcopy(generator).requires_grad_(False)
    size = architecture.resolution
    real = (torch.rand(settings.batch_size, architecture.img_channels, size, size) * 2 - 1).to(device)
    judge = judge_of(discriminator, settings).to(device)
    return TrainingStep(generator.to(device), average.to(device), judge, settings), real


def compared(step: TrainingStep, real: Tensor) -> dict[str, float]:
    """Return the scalars of the first steps, and the norms of all their gradients."""
    scalars: dict[str, float] = {}
    norms: dict[str, Tensor] = {}

    def see(name: str, gradients: list[Tensor]) -> None:
        norms[f"gradient_norm_{name}"] = torch.stack(torch._foreach_norm(gradients)).norm()

    for index in COMPARED:
        _prepare(step, index)
        with gradients_seen(step, see):
            found = step.step(index, real, measure=True) | norms
        norms.clear()
        if step.settings.discriminator != "stylegan2":
            found.pop(SIGNED)
        scalars |= {f"{index}.{name}": float(value) for name, value in found.items() if name.startswith(NAMES)}
    return scalars


@contextmanager
def gradients_seen(step: TrainingStep, see: Callable[[str, list[Tensor]], None]) -> Iterator[None]:
    """Show every gradient of a step with both regularisers: of G's loss, path lengths, D's loss and R1, one by one.

    Inside, the networks stay as they are: the regularisers' gradients, which alone hold second derivatives, are of the
    same weights however the losses' were computed. The mean path length is far from the batch's: a first batch's own
    would leave the penalty of one image, and its gradient, 0.
    """
    step.mean_path_length.fill_(1e-6)
    handles, rates = [], []
    for adam, names in ((step.generator_adam, ("g", "path")), (step.discriminator_adam, ("d", "r1"))):
        count = iter(names)

        def show(optimiser: Any, args: Any, options: Any, count: Iterator[str] = count) -> None:
            parameters = [p for group in optimiser.param_groups for p in group["params"]]
            see(next(count), [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters])

        handles.append(adam.register_step_pre_hook(show))
        for group in adam.param_groups:
            rates.append((group, group["lr"]))
            group["lr"] = 0.0
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
        for group, rate in rates:
            group["lr"] = rate


def _prepare(step: TrainingStep, index: int) -> None:
    seed_step(0, index)
    if step.ada is not None:
        step.ada.p = PROBABILITY


def main() -> None:
    """Read, try and write."""
    given = json.load(sys.stdin)
    shape = Architecture.model_validate(given["architecture"])
    found = tried(shape, TrainSettings.model_validate(given["settings"]), compute_device())
    print(json.dumps(found))


if __name__ == "__main__":
    main()
