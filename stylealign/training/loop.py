"""The training run: from data and settings to a model file, exact when it is stopped and resumed."""

import math
import resource
import signal
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Literal, Protocol

import torch
from torch import Tensor

from stylealign.config import MEASURED_BY, UPKEEP, TrainSettings
from stylealign.devices import moved
from stylealign.files import sha256_of_json
from stylealign.images import from_uint8
from stylealign.networks.encoder import Encoder
from stylealign.networks.generator import Generator
from stylealign.training.judging import AnyDiscriminator
from stylealign.training.log import END, EventFiles, TrainingLog
from stylealign.training.means import Means
from stylealign.training.selection import Selection
from stylealign.training.state import check_identity, load_state, save_state
from stylealign.training.step import TrainingStep
from stylealign.training.workers import Workers

LOG_EVERY_IMAGES = 1000
NOT_IDENTITY = {"kimg", "preset", "threads", *UPKEEP}
"""Settings that may change when a run goes on: they do not change what a step computes."""
NOTHING_HELD: dict[str, Any] = {"keep": {}}
"""What a run is that does not say what it keeps: all were before a child was held by default."""


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
    """Means since the last one."""

    @property
    def seconds_left(self) -> float:
        """Time to the end at the present speed."""
        return max(self.total_kimg - self.kimg, 0.0) * 1000 / self.images_per_s


@dataclass(frozen=True)
class Hooks:
    """What a run calls while it goes on, in its first process only."""

    snapshot: Callable[["TrainingRun"], None] = lambda run: None
    """At every snapshot and at the end."""
    keep: Callable[["TrainingRun"], None] = lambda run: None
    """After each of `curve_kimg`."""
    progress: Callable[[Progress], None] = lambda progress: None
    """About every thousand images."""
    evaluate: Callable[["TrainingRun"], dict[str, float]] | None = None
    """Measures the averaged generator, every `evaluate_kimg` and at the end: FID and KID by name."""
    align: Callable[["TrainingRun"], dict[str, float]] = lambda run: {}
    """Scores the averaged generator against its parent, with every snapshot and every measurement."""
    candidate: Callable[["TrainingRun"], None] = lambda run: None
    """When the weights that were just measured may be the ones that `select` chooses."""


class TrainingRun:
    """One run in one run directory.

    Args:
        generator, average, discriminator: networks to start from; a saved state in `run_dir` replaces their weights.
        images: training images.
        settings: how to train.
        run_dir: holds the state, the log and the snapshots. A state that is further than `settings.kimg` is kept, and
            the run takes a folder in it.
        identity: hashes of what the run starts from (data, weights); a different one is refused on resume.
        hooks: what to call on the way.
        workers: the processes of the run; the first alone reads and writes `run_dir`.
        events: write TensorBoard event files too, where TensorBoard is installed.
        encoder: reads a w from an image of the parent; for `keep.code`.
    """

    def __init__(
        self,
        generator: Generator,
        average: Generator,
        discriminator: AnyDiscriminator,
        images: Images,
        settings: TrainSettings,
        run_dir: Path,
        identity: dict[str, Any],
        hooks: Hooks | None = None,
        workers: Workers | None = None,
        events: bool = False,
        encoder: Encoder | None = None,
    ) -> None:
        self.workers = workers or Workers()
        self.networks = TrainingStep(generator, average, discriminator, settings, self.workers, encoder)
        self.images, self.settings, self.run_dir, self.hooks = images, settings, run_dir, hooks or Hooks()
        self.steps_done = 0
        self.selection = Selection(settings.select, settings.select_tolerance, settings.select_floor)
        state = None
        if self.workers.is_first:
            identity = identity | _identity(settings)
            measured_by = () if settings.evaluate_kimg is not None else MEASURED_BY
            unused = [f"train.{key}" for key in (*settings.idle("parent" in identity), *measured_by)]
            state = _state_in(run_dir, identity, unused)
            if state is not None and state["steps_done"] > self._total_steps:  # a longer run's, which is kept
                self.run_dir = run_dir / f"{settings.kimg:g}-kimg"
                state = _state_in(self.run_dir, identity, unused)
        state = self.workers.from_first(state)
        if state is not None:
            self.networks.load(state["networks"])
            self.steps_done = state["steps_done"]
            self.selection.load(state.get("selection"))
        self._saved_candidates = list(self.selection.candidates)
        self.log: TrainingLog | None = None
        self.events: EventFiles | None = None
        if self.workers.is_first:
            self.log = TrainingLog(self.run_dir / "log.jsonl", self.kimg)
            self.events = EventFiles.open(self.run_dir, self._images_shown, self.log.now) if events else None
        self._aligned: tuple[int, dict[str, float]] | None = None
        self._stop_signal = 0
        self._means = Means(self.run_dir)
        self._saved_at = 0.0

    @property
    def _images_shown(self) -> int:
        return self.steps_done * self.settings.batch_size

    @property
    def kimg(self) -> float:
        """Thousands of real images shown so far."""
        return self._images_shown / 1000

    @property
    def _total_steps(self) -> int:
        return math.ceil(self.settings.kimg * 1000 / self.settings.batch_size)

    @property
    def _kept_steps(self) -> set[int]:
        return {max(round(kimg * 1000 / self.settings.batch_size), 1) for kimg in self.settings.curve_kimg}

    @property
    def kept_kimg(self) -> list[float]:
        """When the averaged generator was kept for the curve, as far as the run is."""
        return [step * self.settings.batch_size / 1000 for step in sorted(self._kept_steps) if step <= self.steps_done]

    @property
    def candidates_kimg(self) -> set[float]:
        """When weights were measured that may still be chosen, by this run or by a longer one that goes on from it."""
        return {candidate.kimg for candidate in [*self.selection.candidates, *self._saved_candidates]}

    def train(self) -> None:
        """Train to the end of the run.

        Raises:
            Interrupted: SIGTERM, SIGINT or SIGUSR1 arrived; the state is saved.
            StyleAlignError: a loss is not finite, or another process is gone; the last good state is kept.
        """
        numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)
        previous = {number: signal.signal(number, self._on_signal) for number in numbers}
        try:
            self._loop()
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)
            if self.events is not None:
                self.events.close()

    def tell_end(self, values: dict[str, Any]) -> None:
        """Log a last line of what was made of the trained networks; a run that goes on from there drops it."""
        if self.log is not None:
            self.log.write(values | END)

    def _loop(self) -> None:
        s = self.settings
        total_steps = self._total_steps
        log_steps = max(LOG_EVERY_IMAGES // s.batch_size, 1)
        kept_steps = self._kept_steps
        device = self.networks.mean_path_length.device
        started = self._saved_at = time.monotonic()
        since = self.steps_done
        while self.steps_done < total_steps:
            seed_step(s.seed, self.steps_done)
            real = moved(self.images.batch(self.steps_done, s.batch_size, s.seed, s.mirror), device)
            is_last = self.steps_done + 1 == total_steps
            reports = is_last or (self.steps_done + 1) % log_steps == 0
            real = from_uint8(real, torch.get_default_dtype())
            self._means.note(self.networks.step(self.steps_done, real, measure=reports))
            self.steps_done += 1
            if device.type == "cpu" or reports:  # a GPU is waited for now and then
                self._means.check(self.kimg)
            now = time.monotonic()
            if is_last or self._is_due(s.snapshot_kimg):
                self._means.check(self.kimg)
                self._in_first(self.hooks.snapshot)
                self._in_first(TrainingRun._align)
            if reports:
                self._report((self.steps_done - since) * s.batch_size / (now - started))
                started, since = now, self.steps_done
            if self.steps_done in kept_steps:
                self._in_first(self.hooks.keep)
            if s.evaluate_kimg is not None and self._is_due(s.evaluate_kimg):
                self._in_first(TrainingRun._evaluate)
            self._save_or_stop()
        self._in_first(TrainingRun._save)
        if s.evaluate_kimg is not None and not self._is_due(s.evaluate_kimg):
            self._in_first(lambda run: run._evaluate(behind_state=True))  # a longer run does not measure here

    def _is_due(self, distance_kimg: float) -> bool:
        return self.steps_done % max(round(distance_kimg * 1000 / self.settings.batch_size), 1) == 0

    def _in_first(self, action: Callable[["TrainingRun"], None]) -> None:
        """Do what the first process does alone, while the others wait for it."""
        if self.workers.is_first:
            action(self)
        self.workers.wait_for_first()

    def _save_or_stop(self) -> None:
        """Save the state where it is time to, or where any process was told to stop; then stop in all of them."""
        late = self.workers.is_first and time.monotonic() - self._saved_at >= self.settings.state_interval_s
        number, is_due = self.workers.largest(self._stop_signal, int(late))
        if number or is_due:
            self._means.check(self.kimg)
            self._in_first(TrainingRun._save)
            self._saved_at = time.monotonic()
        if number:
            raise Interrupted(f"stopped by signal {number} at {self.kimg:.2f} kimg; the state is saved")

    def _save(self) -> None:
        state = {"steps_done": self.steps_done, "networks": self.networks.state(), "selection": self.selection.state()}
        save_state(self.run_dir, state)
        self._saved_candidates = list(self.selection.candidates)

    def _align(self) -> None:
        """Score the child, once a step."""
        if self._aligned is None or self._aligned[0] != self.steps_done:
            self._aligned = self.steps_done, self.hooks.align(self)
            if self._aligned[1]:
                self._write(self._aligned[1])

    def _evaluate(self, behind_state: bool = False) -> None:
        """Measure the child; behind the state, a longer run that goes on from there knows nothing of it."""
        if self.hooks.evaluate is None:
            return
        self._align()
        values = self.hooks.evaluate(self) | (self._aligned[1] if self._aligned else {})
        self._write(values, behind_state)
        if self.selection.takes(values, self.kimg):
            self.hooks.candidate(self)

    def _report(self, images_per_s: float) -> None:
        values = self._means.taken()
        if not self.workers.is_first:
            return
        self._write({"images_per_s": round(images_per_s, 2), "memory_gib": round(_peak_memory_gib(), 3), **values})
        self.hooks.progress(Progress(self.kimg, self.settings.kimg, images_per_s, values))

    def _write(self, values: dict[str, float], behind_state: bool = False) -> None:
        is_new = self.log is not None and self.log.write({"kimg": self.kimg, **(END if behind_state else {}), **values})
        if is_new and self.events is not None:
            self.events.write(values, self._images_shown)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._stop_signal = number


def _state_in(run_dir: Path, identity: dict[str, Any], unused: Collection[str]) -> dict[str, Any] | None:
    """Return the state in a run directory, which is made where it is missing and must be of this run."""
    run_dir.mkdir(parents=True, exist_ok=True)
    check_identity(run_dir, identity, _identity(TrainSettings()), _identity(TrainSettings(), mode="python"), unused)
    return load_state(run_dir)


def _identity(settings: TrainSettings, mode: Literal["json", "python"] = "json") -> dict[str, Any]:
    values = settings.before_pull.model_dump(mode=mode, exclude=NOT_IDENTITY)
    return {f"train.{key}": value for key, value in (NOTHING_HELD | values).items()}


def _peak_memory_gib() -> float:
    """Return the most memory this process has held: of its GPU where there is one, else of the machine."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 2**30
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def seed_step(seed: int, step: int) -> None:
    """Seed torch's global generators for one step, so that its random numbers depend on nothing before it."""
    torch.manual_seed(int(sha256_of_json([seed, step])[:15], 16))
