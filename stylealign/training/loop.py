"""The training run: from data and settings to a model file, exact when it is stopped and resumed."""

import math
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

import torch
from torch import Tensor

from stylealign.config import TrainSettings
from stylealign.errors import StyleAlignError
from stylealign.files import sha256_of_json
from stylealign.networks.discriminator import Discriminator
from stylealign.networks.generator import Generator
from stylealign.training.log import TrainingLog
from stylealign.training.state import check_identity, load_state, save_state
from stylealign.training.step import TrainingStep

LOG_EVERY_IMAGES = 1000
NOT_IDENTITY = {"kimg", "snapshot_kimg", "state_interval_s", "threads"}
"""Settings that may change when a run goes on: they do not change what a step computes."""


class Images(Protocol):
    """Training images in a repeatable order."""

    def batch(self, step: int, batch_size: int, seed: int, mirror: bool) -> Tensor:
        """Return the uint8 `[N, 3, H, W]` batch of one step."""


class Interrupted(Exception):
    """The run was told to stop; its state is saved and the same command goes on from it."""


@dataclass
class Progress:
    """What a run tells while it goes on."""

    kimg: float
    total_kimg: float
    images_per_s: float
    scalars: dict[str, float]

    @property
    def seconds_left(self) -> float:
        """Time to the end at the present speed."""
        return (self.total_kimg - self.kimg) * 1000 / self.images_per_s


class TrainingRun:
    """One run in one run directory.

    Args:
        generator, average, discriminator: networks to start from; a saved state in `run_dir` replaces their weights.
        images: training images.
        settings: how to train.
        run_dir: holds the state, the log and the snapshots.
        identity: hashes of what the run starts from (data, weights); a different one is refused on resume.
        on_snapshot: called with the run at every snapshot and at the end.
        on_progress: called with the progress about every thousand images.
    """

    def __init__(
        self,
        generator: Generator,
        average: Generator,
        discriminator: Discriminator,
        images: Images,
        settings: TrainSettings,
        run_dir: Path,
        identity: dict[str, Any],
        on_snapshot: Callable[["TrainingRun"], None],
        on_progress: Callable[[Progress], None],
    ) -> None:
        self.networks = TrainingStep(generator, average, discriminator, settings)
        self.images, self.settings, self.run_dir = images, settings, run_dir
        self.on_snapshot, self.on_progress = on_snapshot, on_progress
        self.steps_done = 0
        run_dir.mkdir(parents=True, exist_ok=True)
        settings_identity = settings.model_dump(exclude=NOT_IDENTITY)
        check_identity(run_dir, identity | {f"train.{key}": value for key, value in settings_identity.items()})
        state = load_state(run_dir)
        if state is not None:
            self.networks.load(state["networks"])
            self.steps_done = state["steps_done"]
        self.log = TrainingLog(run_dir / "log.jsonl", self.kimg)
        self._stop_signal: int | None = None

    @property
    def kimg(self) -> float:
        """Thousands of real images shown so far."""
        return self.steps_done * self.settings.batch_size / 1000

    def train(self) -> None:
        """Train to the end of the run.

        Raises:
            Interrupted: SIGTERM, SIGINT or SIGUSR1 arrived; the state is saved.
            StyleAlignError: a loss is not finite; the last good state is kept.
        """
        previous = {number: signal.signal(number, self._on_signal) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)}
        try:
            self._loop()
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    def _loop(self) -> None:
        s = self.settings
        total_steps = math.ceil(s.kimg * 1000 / s.batch_size)
        snapshot_steps = max(round(s.snapshot_kimg * 1000 / s.batch_size), 1)
        log_steps = max(LOG_EVERY_IMAGES // s.batch_size, 1)
        device = self.networks.mean_path_length.device
        scalars: dict[str, Tensor] = {}
        started = saved = time.monotonic()
        since = self.steps_done
        while self.steps_done < total_steps:
            seed_step(s.seed, self.steps_done)
            real = self.images.batch(self.steps_done, s.batch_size, s.seed, s.mirror).to(device)
            scalars |= self.networks.step(self.steps_done, real.float() / 127.5 - 1)
            self.steps_done += 1
            self._check_finite(scalars)
            if self.steps_done % log_steps == 0 or self.steps_done == total_steps:
                now = time.monotonic()
                self._report(scalars, (self.steps_done - since) * s.batch_size / (now - started))
                started, since = now, self.steps_done
            if self.steps_done % snapshot_steps == 0 or self.steps_done == total_steps:
                self.on_snapshot(self)
            if self._stop_signal is not None:
                self._save()
                raise Interrupted(f"stopped by signal {self._stop_signal} at {self.kimg:.2f} kimg; the state is saved")
            if time.monotonic() - saved >= s.state_interval_s:
                self._save()
                saved = time.monotonic()
        self._save()

    def _save(self) -> None:
        save_state(self.run_dir, {"steps_done": self.steps_done, "networks": self.networks.state()})

    def _report(self, scalars: dict[str, Tensor], images_per_s: float) -> None:
        values = {key: float(value) for key, value in scalars.items()}
        self.log.write({"kimg": self.kimg, "images_per_s": round(images_per_s, 2), **values})
        self.on_progress(Progress(self.kimg, self.settings.kimg, images_per_s, values))

    def _check_finite(self, scalars: dict[str, Tensor]) -> None:
        for name, value in scalars.items():
            if not math.isfinite(value.item()):
                raise StyleAlignError(
                    f"{self.run_dir}: {name} is {value.item()} at {self.kimg:.2f} kimg; the last saved state is kept:"
                    " try a lower learning_rate or a higher r1_gamma in a new run directory"
                )

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._stop_signal = number


def seed_step(seed: int, step: int) -> None:
    """Seed torch's global generators for one step, so that its random numbers depend on nothing before it."""
    torch.manual_seed(int(sha256_of_json([seed, step])[:15], 16))
