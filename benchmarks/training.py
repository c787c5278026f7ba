"""Images a second of full training steps (G, D, lazy regularisers at their frequencies), fast and in plain form.

Run from the repository: `python -m benchmarks.training`. Both forms train the same networks in alternation, and a
published peer, where it is installed, networks of the same size (see `benchmarks.peers`); a cycle of
16 steps is put together from the medians of its kinds of steps, as often as each occurs. The kinds are timed apart
because the regularisers are rare. With `--json` the last line is one JSON object.
"""

import math
import statistics
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch

from benchmarks.common import FORMS, device_for, parser, report
from benchmarks.peers import PEER, Peer, PeerStep, hint, installed
from stylealign.config import ArchitectureSettings, TrainSettings
from stylealign.presets import PRESETS
from stylealign.training.loop import seed_step
from stylealign.training.start import new_networks
from stylealign.training.step import TrainingStep

TINY_SHAPE: dict[str, Any] = {"z_dim": 8, "w_dim": 8, "mapping_layers": 2, "channel_base": 128, "channel_max": 8}
CASES: dict[str, tuple[int, dict[str, Any], dict[str, Any]]] = {
    **{name: (64, PRESETS["avatars64"].architecture, {"preset": name}) for name in ("aligned64", "aligned64-both")},
    "64px-128ch": (64, {"channel_base": 4096, "channel_max": 128}, {}),
    "default": (64, {}, {}),
    "default-ada": (64, {}, {"augment": "bgc"}),
    "default-both": (64, {}, {"discriminator": "both"}),
    "default-projected": (64, {}, {"discriminator": "projected"}),
    "mini": (8, TINY_SHAPE | {"mapping_layers": 1, "channel_base": 32, "channel_max": 4}, {"batch_size": 2}),
    "tiny": (16, TINY_SHAPE, {"batch_size": 4}),
    "tiny-ada": (16, TINY_SHAPE, {"batch_size": 4, "augment": "bgc"}),
    **{
        name: (px, PRESETS[name].architecture, PRESETS[name].train | {"augment": "none"})
        for name, px in (("paper256", 256), ("paper512", 512), ("stylegan2", 1024))
    },
}
"""Resolution in pixels, architecture and training settings that differ from the defaults; stylegan2 is 1024 px."""

DEFAULT_CASES = ("64px-128ch", "default")
CYCLE = 16


def step_kinds(settings: TrainSettings) -> dict[int, int]:
    """Return a step index for every kind of step of a cycle, and how often that kind occurs in it."""
    counts: dict[tuple[bool, bool], list[int]] = {}
    for index in range(CYCLE):
        kind = index % settings.path_length_interval == 0, index % settings.r1_interval == 0
        counts.setdefault(kind, []).append(index)
    return {indices[0]: len(indices) for indices in counts.values()}


def new_step(
    shape: ArchitectureSettings, settings: TrainSettings, resolution: int, device: torch.device
) -> TrainingStep:
    """Return a training of new networks on a device."""
    generator, average, discriminator = new_networks(shape, settings, resolution)
    return TrainingStep(generator.to(device), average.to(device), discriminator.to(device), settings)


def at_half_strength(step: TrainingStep) -> None:
    """Hold ADA, where a training has it, to half of its transforms."""
    if step.ada is not None:
        step.ada.p = 0.5
        step.ada.kimg = math.inf  # stays where it is


def measure(name: str, repeats: int, device: torch.device, forms: list[str]) -> dict[str, object]:
    """Return images a second of one case in each form."""
    resolution, shape, changes = CASES[name]
    settings = TrainSettings(**changes)
    generator, average, discriminator = new_networks(ArchitectureSettings(**shape), settings, resolution)
    step = TrainingStep(generator.to(device), average.to(device), discriminator.to(device), settings)
    steps: dict[str, TrainingStep | PeerStep] = {form: step for form in forms if form in FORMS}
    if PEER in forms:
        steps[PEER] = PeerStep(Peer(generator.architecture).to(device), settings)
    at_half_strength(step)
    real = torch.rand(settings.batch_size, 3, resolution, resolution, device=device) * 2 - 1
    seconds = alternating({form: steps[form] for form in forms}, FORMS, settings, real, repeats)
    result: dict[str, object] = {"case": name, "batch_size": settings.batch_size}
    for form in forms:
        step_s = mean_step_s(seconds[form], settings)
        result[f"{form}_images_per_s"] = round(settings.batch_size / step_s, 2)
        result[f"{form}_s_per_kimg"] = round(1000 * step_s / settings.batch_size, 3)
    for form, name in (("plain", "ratio_to_plain"), (PEER, "ratio_to_peer")):
        if "fast" in forms and form in forms:
            result[name] = round(times_as_fast(seconds["fast"], seconds[form], settings), 3)
    if device.type == "cuda":
        result["memory_gib"] = round(torch.cuda.max_memory_allocated() / 2**30, 2)
    return result


def alternating(
    steps: Mapping[str, TrainingStep | PeerStep],
    contexts: Mapping[str, Callable[[], AbstractContextManager[None]]],
    settings: TrainSettings,
    real: torch.Tensor,
    repeats: int,
    warm: int = 1,
) -> dict[str, dict[int, list[float]]]:
    """Return the seconds of every kind of step of several trainings, which take turns, by name and step index.

    Args:
        steps: trainings by name.
        contexts: what a training runs in, by its name; nothing for the others.
        settings: of all of them.
        real: their images `[N, 3, r, r]`.
        repeats: measured rounds.
        warm: rounds before them.
    """
    seconds: dict[str, dict[int, list[float]]] = {name: {index: [] for index in step_kinds(settings)} for name in steps}
    for repeat in range(warm + repeats):
        for name, step in steps.items():
            for index, times in seconds[name].items():
                with contexts.get(name, nullcontext)():
                    elapsed = timed_step(step, index, real)
                if repeat >= warm:
                    times.append(elapsed)
    return seconds


def mean_step_s(seconds: dict[int, list[float]], settings: TrainSettings) -> float:
    """Return the mean seconds of the steps of a cycle, of the medians of their kinds."""
    kinds = step_kinds(settings)
    return sum(statistics.median(seconds[index]) * count for index, count in kinds.items()) / CYCLE


def times_as_fast(ours: dict[int, list[float]], other: dict[int, list[float]], settings: TrainSettings) -> float:
    """Return the median over the rounds of the other's seconds for a cycle over ours."""
    kinds = step_kinds(settings)
    rounds = range(len(next(iter(ours.values()))))
    cycles = [[sum(one[index][r] * count for index, count in kinds.items()) for one in (other, ours)] for r in rounds]
    return statistics.median(theirs / own for theirs, own in cycles)


def timed_step(step: TrainingStep | PeerStep, index: int, real: torch.Tensor) -> float:
    """Take one training step; return its seconds."""
    seed_step(0, index)
    start = time.perf_counter()
    scalars = step.step(index, real)
    float(sum(scalars.values()))  # waits for a GPU
    return time.perf_counter() - start


def main() -> None:
    """Measure and print."""
    flags = parser(__doc__, CASES, DEFAULT_CASES)
    forms = [*FORMS, PEER] if installed() else list(FORMS)
    flags.add_argument("--form", nargs="+", choices=[*FORMS, PEER], default=forms, help="what to time")
    arguments = flags.parse_args()
    hint(flags)
    device = device_for(arguments)
    report("training", arguments, lambda name: measure(name, arguments.repeats, device, arguments.form))


if __name__ == "__main__":
    main()
