"""A tiny training run, and what it is compared by."""

from pathlib import Path
from typing import Any

import torch

from stylealign.config import ArchitectureSettings, KeepSettings, TrainSettings
from stylealign.networks.encoder import Encoder
from stylealign.training.loop import Hooks, TrainingRun
from stylealign.training.start import new_networks
from stylealign.training.step import TrainingStep
from stylealign.training.workers import Workers

SHAPE = ArchitectureSettings(z_dim=8, w_dim=8, mapping_layers=2, channel_base=64, channel_max=8)
SETTINGS = TrainSettings(
    kimg=0.08, batch_size=8, snapshot_kimg=0.04, state_interval_s=0.0, r1_interval=3, path_length_interval=2
)


WAYS = {name: {"weight": 1.0} for name in KeepSettings.model_fields if hasattr(getattr(KeepSettings(), name), "weight")}
"""Every way to keep that has a weight."""


class Squares:
    """Random red squares on blue, the same for the same step."""

    def batch(self, step: int, batch_size: int, seed: int, mirror: bool) -> torch.Tensor:
        random = torch.Generator().manual_seed(step)
        images = torch.zeros(batch_size, 3, 16, 16, dtype=torch.uint8)
        images[:, 2] = 200
        places = torch.randint(0, 10, (batch_size, 2), generator=random).tolist()
        for image, (x, y) in zip(images, places, strict=True):
            image[0, y : y + 6, x : x + 6] = 255
        return images


def changed(**values: Any) -> TrainSettings:
    """Return the tiny run's settings with other values."""
    return SETTINGS.model_copy(update=values)


def in_training(changes: dict[str, Any], device: str) -> TrainingStep:
    """Return a tiny training with its networks on a device."""
    keep = KeepSettings.model_validate(changes.get("keep", {}))
    settings = changed(ada_interval=100, **(changes | {"keep": keep}))
    networks = [network.to(device) for network in new_networks(SHAPE, settings, 16)]
    encoder = Encoder(networks[0].architecture).to(device) if keep.code.weight else None
    step = TrainingStep(*networks, settings, encoder=encoder)  # type: ignore[arg-type, misc]
    if step.ada is not None:
        step.ada.p = 0.5
    return step


def make_run(
    run_dir: Path,
    settings: TrainSettings = SETTINGS,
    hooks: Hooks | None = None,
    workers: Workers | None = None,
    **identity: str,
) -> TrainingRun:
    """Return a run that starts, or goes on, in `run_dir`."""
    return TrainingRun(*new_networks(SHAPE, settings, 16), Squares(), settings, run_dir, identity, hooks, workers)


def weights(run: TrainingRun) -> dict[str, torch.Tensor]:
    """Return a copy of all weights of a run by name."""
    networks = {"G": run.networks.generator, "G_ema": run.networks.average, "D": run.networks.discriminator}
    return {f"{n}.{key}": v.clone() for n, network in networks.items() for key, v in network.state_dict().items()}


def assert_bitwise_equal(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> None:
    """Compare two sets of weights."""
    assert a.keys() == b.keys()
    for key in a:
        assert torch.equal(a[key], b[key]), key


def assert_resumed_equals(whole: TrainingRun, folder: Path, settings: TrainSettings) -> TrainingRun:
    """Train `whole`, and the same in two parts; return the run of the parts."""
    whole.train()
    make_run(folder / "part", settings.model_copy(update={"kimg": 0.04})).train()
    part = make_run(folder / "part", settings)
    assert part.steps_done == 5
    part.train()
    assert_bitwise_equal(weights(whole), weights(part))
    return part
