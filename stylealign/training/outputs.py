"""The files that a training writes: samples and snapshots on the way, the model and what belongs to it at the end."""

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray

from stylealign.checkpoints import load, native
from stylealign.checkpoints.snapshots import snapshot_name, write_snapshots
from stylealign.files import atomic_path, write_json
from stylealign.images import to_pixels
from stylealign.networks.generator import Generator
from stylealign.sampling import seeded_z
from stylealign.training.loop import TrainingRun

SAMPLE_COLUMNS = 8
CURVE = "curve"
"""Folder of a run directory with the snapshots of `curve_kimg`."""
BEST_KEPT = 2
"""Latest candidates that are kept beside those that may be chosen: an earlier resume state may know them."""

SaveGrid = Callable[[Path, NDArray, int], None]
"""Writes images `[N, 3, r, r]` uint8 as a picture of so many columns."""


@dataclass(frozen=True)
class Finished:
    """The generators that are written, changed when the training was done."""

    average: Generator
    raw: Generator
    facts: dict[str, Any]
    """What to say of them."""


Finish = Callable[[Generator, Generator], Finished]
"""From the averaged and the raw generator that became the model to those that are written."""


class Outputs:
    """Writes what a run gives; its methods are what the run's `Hooks` call.

    Args:
        provenance: what the header of every model says of its making.
        save_grid: writes a picture of samples.
        finish: changes the model when it is done.
    """

    def __init__(self, provenance: dict[str, Any], save_grid: SaveGrid, finish: Finish | None = None) -> None:
        self._provenance, self._save_grid, self._finish = provenance, save_grid, finish

    def snapshot(self, training: TrainingRun) -> None:
        """Write the averaged generator and samples of it, named by the images shown so far."""
        average = training.networks.average
        name = snapshot_name(training.kimg)
        self._write_samples(average, training.run_dir / "samples" / f"{name.removesuffix('.safetensors')}.png")
        native.save(training.run_dir / "snapshots" / name, generator=average, info=self._info(training))

    def keep(self, training: TrainingRun) -> None:
        """Keep the averaged generator for the curve."""
        path = training.run_dir / CURVE / snapshot_name(training.kimg)
        native.save(path, generator=training.networks.average, info=self._info(training))

    def candidate(self, training: TrainingRun) -> None:
        """Keep the networks that may be chosen; remove those that no longer may be."""
        _save_all(training, _candidate_path(training, training.kimg), self._info(training))
        needed = {_candidate_path(training, kimg) for kimg in training.candidates_kimg}
        kept = sorted((training.run_dir / "snapshots").glob("best-*.safetensors"))
        for old in kept[:-BEST_KEPT]:
            if old not in needed:
                old.unlink()

    def export(self, training: TrainingRun, out_dir: Path, is_child: bool) -> None:
        """Write the outputs; the model last, as its presence says that the others are there."""
        networks = training.networks
        average, raw, discriminator = networks.average, networks.generator, networks.own_discriminator
        end, info, best = average, self._info(training), None
        if training.selection.kimg is not None:
            best = _candidate_path(training, training.selection.kimg)
            selected = load(best)
            average, info = selected.generator, selected.info
            raw, discriminator = selected.generator_raw or raw, selected.discriminator or discriminator
        if self._finish is not None:
            ended = average is end
            finished = self._finish(average, raw)
            average, raw = finished.average, finished.raw
            end, info, best = average if ended else end, info | finished.facts, None
            training.tell_end({"kimg": info["kimg"], **finished.facts})
        if is_child:
            _export_snapshots(training, out_dir, end)
        self._write_samples(average, out_dir / "samples.png")
        write_json(out_dir / "config.json", info)
        with atomic_path(out_dir / "log.jsonl") as temporary:
            shutil.copyfile(training.run_dir / "log.jsonl", temporary)
        model = out_dir / "model.safetensors"
        if best is None:
            native.save(model, generator=average, generator_raw=raw, discriminator=discriminator, info=info)
        else:
            with atomic_path(model) as temporary:
                shutil.copyfile(best, temporary)

    def _info(self, training: TrainingRun) -> dict[str, Any]:
        return {"kimg": training.kimg, **self._provenance}

    def _write_samples(self, average: Generator, path: Path) -> None:
        """Draw a square grid of the same latents at every call."""
        z = seeded_z(SAMPLE_COLUMNS**2, average.architecture.z_dim, seed=0)
        with torch.no_grad():
            images = average(z.to(average.mapping.w_avg.device))
        self._save_grid(path, to_pixels(images), SAMPLE_COLUMNS)


def _candidate_path(training: TrainingRun, kimg: float) -> Path:
    return training.run_dir / "snapshots" / f"best-{snapshot_name(kimg)}"


def _save_all(training: TrainingRun, path: Path, info: dict[str, Any]) -> None:
    networks = training.networks
    native.save(
        path,
        generator=networks.average,
        generator_raw=networks.generator,
        discriminator=networks.own_discriminator,
        info=info,
    )


def _export_snapshots(training: TrainingRun, out_dir: Path, last: Generator) -> None:
    """Write the snapshots of `curve_kimg`, and what the run's end gave, as one zip."""
    kept = (training.run_dir / CURVE / snapshot_name(kimg) for kimg in training.kept_kimg)
    with tempfile.TemporaryDirectory() as folder:
        end = Path(folder) / snapshot_name(training.kimg)
        native.save(end, generator=last, info={"kimg": training.kimg})
        files = {file.name: file for file in [*kept, end] if file.name <= end.name}
        write_snapshots(out_dir / "snapshots.zip", list(files.values()))
