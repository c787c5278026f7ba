"""What ways to keep cost: a training step with an anchor against a plain one.

Run from the repository: `python -m benchmarks.keeping`. Both train networks of one size in alternation; a cycle of
16 steps is put together from the medians of its kinds of steps, as in `benchmarks.training`. `ratio_to_plain_step` is
the time with the anchor over the time without. On a CPU it is the processor time of all threads that is compared: it
does not see what else the machine does.
"""

import statistics
import time
from typing import Any

import torch

from benchmarks.common import device_for, parser, report
from benchmarks.training import CYCLE, TINY_SHAPE, step_kinds, timed_step
from stylealign.config import ArchitectureSettings, TrainSettings
from stylealign.presets import PRESETS
from stylealign.training.start import new_networks
from stylealign.training.step import TrainingStep

CASES: dict[str, tuple[int, dict[str, Any], dict[str, Any]]] = {
    "features-16px": (64, {}, {"keep": {"features": {"weight": 8}}}),
    "similarity-16px": (64, {}, {"keep": {"similarity": {"weight": 60}}}),
    "rgb-16px": (64, {}, {"keep": {"rgb": {"weight": 1}}}),
    "layout": (64, {}, {"keep": {"layout": {"weight": 1}}}),
    "features-layout": (64, {}, {"keep": {"features": {"weight": 24}, "layout": {"weight": 4}}}),
    "aligned64": (64, PRESETS["avatars64"].architecture, {"preset": "aligned64"}),
    "aligned64-both": (64, PRESETS["avatars64"].architecture, {"preset": "aligned64-both"}),
    "perceptual": (64, {}, {"keep": {"perceptual": {"weight": 12}}}),
    "weights": (64, {}, {"keep": {"weights": {"weight": 1e-3, "discriminator_weight": 1e-3}}}),
    "tiny": (16, TINY_SHAPE, {"keep": {"features": {"weight": 8}}}),
}
"""Resolution in pixels, architecture, and settings of the training that keeps."""

DEFAULT_CASES = ("features-16px", "similarity-16px")


def measure(name: str, repeats: int, device: torch.device) -> dict[str, object]:
    """Return the time of a cycle with one way to keep, against that without."""
    resolution, shape, kept = CASES[name]
    steps, seconds = {}, dict[tuple[str, int], list[float]]()
    for form, own in (("plain", kept | {"keep": {}, "discriminator": "stylegan2"}), ("kept", kept)):
        settings = TrainSettings.model_validate(own)
        generator, average, discriminator = new_networks(ArchitectureSettings(**shape), settings, resolution)
        steps[form] = TrainingStep(generator.to(device), average.to(device), discriminator.to(device), settings)
    kinds = step_kinds(settings)
    real = torch.rand(settings.batch_size, 3, resolution, resolution, device=device) * 2 - 1
    for repeat in range(repeats + 1):
        for index in kinds:
            for form, step in steps.items():
                started = time.process_time()
                elapsed = timed_step(step, index, real)
                if device.type == "cpu":
                    elapsed = time.process_time() - started
                if repeat:  # the first round warms up
                    seconds.setdefault((form, index), []).append(elapsed)
    cycles = {
        form: sum(statistics.median(seconds[form, index]) * count for index, count in kinds.items()) for form in steps
    }
    images, unit = CYCLE * settings.batch_size, "cpu_s" if device.type == "cpu" else "s"
    rates = {f"{form}_images_per_{unit}": round(images / cycle, 2) for form, cycle in cycles.items()}
    return {"case": name, **rates, "ratio_to_plain_step": round(cycles["kept"] / cycles["plain"], 3)}


def main() -> None:
    """Measure and print."""
    arguments = parser(__doc__, CASES, DEFAULT_CASES).parse_args()
    device = device_for(arguments)
    report("keeping", arguments, lambda name: measure(name, arguments.repeats, device))


if __name__ == "__main__":
    main()
