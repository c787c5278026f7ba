"""`stylealign train`: train a model from scratch, or fine-tune a child from a parent."""

import argparse
import json
import os
import shutil
import sys
import tempfile
from contextlib import nullcontext
from pathlib import Path
from typing import Any, get_args

import torch

from stylealign import load
from stylealign.checkpoints import native
from stylealign.checkpoints.snapshots import snapshot_name, write_snapshots
from stylealign.cli.arguments import add_settings, settings_from
from stylealign.cli.models import add_weights, weights_of
from stylealign.config import UPKEEP, ArchitectureSettings, Component, KeepSettings, TrainSettings, validate
from stylealign.datasets.images import ImageZip
from stylealign.datasets.loading import TrainingImages
from stylealign.devices import usable_cpus
from stylealign.errors import StyleAlignError
from stylealign.files import atomic_path, require_writable, sha256_of_file, write_json
from stylealign.images import to_pixels
from stylealign.latents.encoding import load_encoder
from stylealign.networks.generator import Generator
from stylealign.presets import PRESETS
from stylealign.provenance import provenance_of
from stylealign.report.sheets import grid, save_png
from stylealign.sampling import seeded_z
from stylealign.training.evaluation import Evaluation
from stylealign.training.loop import Hooks, Interrupted, Progress, TrainingRun
from stylealign.training.start import Networks, networks_of_parent, new_networks
from stylealign.training.state import claimed
from stylealign.training.workers import Workers, connected
from stylealign.versions import version

EXIT_INTERRUPTED = 75  # EX_TEMPFAIL: the same command goes on from the saved state
SAMPLE_COLUMNS = 8
CURVE = "curve"
"""Folder of a run directory with the snapshots of `curve_kimg`."""
BEST_KEPT = 2
"""Latest candidates that are kept beside those that may be chosen: an earlier resume state may know them."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.description = f"{parser.description}; `torchrun -m stylealign train ...` uses several GPUs"
    parser.add_argument("--data", type=Path, required=True, metavar="ZIP", help="training images (an image zip)")
    parser.add_argument(
        "--init-from", type=Path, metavar="MODEL", help="parent to fine-tune; without it, train from scratch"
    )
    parser.add_argument("--architecture", metavar="JSON", help="shape of a model from scratch, as a JSON object")
    parser.add_argument(
        "--run-dir",
        type=Path,
        required=True,
        metavar="DIR",
        help="resume state, log, snapshots and TensorBoard events; the same command goes on from it",
    )
    parser.add_argument(
        "--out-dir",
        type=Path,
        required=True,
        metavar="DIR",
        help="gets model.safetensors, samples.png, log.jsonl, config.json; of a child, snapshots.zip",
    )
    parser.add_argument(
        "--train-only",
        nargs="+",
        dest="setting_train_only",
        metavar="COMPONENT",
        help=f"components of the generator to train: {', '.join(get_args(Component))}. Default: all",
    )
    parser.add_argument(
        "--encoder", type=Path, metavar="ENCODER", help="encoder of the parent, for keep.code (`stylealign encoder`)"
    )
    add_weights(parser, "--evaluate-features")
    add_settings(parser, TrainSettings)


def run(arguments: argparse.Namespace) -> None:
    """Train to the end and export the model; stopped by a signal, exit so that the same command is tried again."""
    settings = settings_from(arguments, TrainSettings)
    require_writable(arguments.out_dir, folder=True)
    if arguments.init_from is not None and arguments.architecture is not None:
        raise StyleAlignError("--architecture: a child has its parent's shape; leave out --architecture or --init-from")
    if arguments.init_from is None and settings.keep != KeepSettings():
        raise StyleAlignError("keep: holds a child near its parent; name the parent with --init-from, or leave it out")
    if (arguments.encoder is not None) != (settings.keep.code.weight > 0):
        raise StyleAlignError("--encoder: goes with a weight of keep.code; give both or neither")
    _set_threads(settings.threads)
    try:
        with connected(os.environ) as workers, claimed(arguments.run_dir) if workers.is_first else nullcontext():
            _train(arguments, settings, workers)
    except Interrupted as interruption:
        print(f"stylealign train: {interruption}", file=sys.stderr)
        sys.exit(EXIT_INTERRUPTED)


def _set_threads(threads: int | None) -> None:
    processes = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    cpus = usable_cpus()
    torch.set_num_threads(min(threads or max(cpus // processes, 1), cpus))
    torch.set_flush_denormal(True)  # averages that decay towards 0 would slow a CPU down many times


def _train(arguments: argparse.Namespace, settings: TrainSettings, workers: "Workers") -> None:
    images = TrainingImages(arguments.data, minimum=settings.batch_size)
    networks, origin = _networks(arguments, settings, images.resolution_px)
    encoder = None if arguments.encoder is None else load_encoder(arguments.encoder, origin["parent"])
    identity = {"data": sha256_of_file(arguments.data), **origin}
    if arguments.encoder is not None:
        identity["encoder"] = sha256_of_file(arguments.encoder)
    for network in networks:
        network.to(workers.device)
    is_child = arguments.init_from is not None
    provenance = _provenance(arguments, settings, identity, images.attribution)
    hooks = _hooks(arguments, settings, provenance)
    training = TrainingRun(*networks, images, settings, arguments.run_dir, identity, hooks, workers, True, encoder)
    if training.run_dir != arguments.run_dir:
        told = f"{arguments.run_dir} is further than {settings.kimg:g} kimg; this run takes {training.run_dir}"
        print(f"stylealign train: {told}", file=sys.stderr)
    if training.steps_done and workers.is_first:
        print(f"stylealign train: goes on from {training.kimg:.2f} kimg ({training.run_dir})", file=sys.stderr)
    training.train()
    if workers.is_first:
        _export(training, arguments.out_dir, _info(training, provenance), is_child)


def _networks(
    arguments: argparse.Namespace, settings: TrainSettings, resolution_px: int
) -> tuple["Networks", dict[str, str]]:
    """Return the networks to start from, and what identifies them."""
    if arguments.init_from is not None:
        parent = load(arguments.init_from)
        networks = networks_of_parent(parent, str(arguments.init_from), resolution_px, settings)
        return networks, {"parent": parent.sha256}
    preset = PRESETS[settings.preset].architecture if settings.preset else {}
    shape = validate(ArchitectureSettings, preset | _json_object(arguments.architecture), "--architecture")
    return new_networks(shape, settings, resolution_px), {"architecture": shape.model_dump_json()}


def _json_object(text: str | None) -> dict[str, Any]:
    try:
        values = json.loads(text or "{}")
    except json.JSONDecodeError as error:
        raise StyleAlignError(f"--architecture: not JSON ({error})") from error
    if not isinstance(values, dict):
        raise StyleAlignError("--architecture: must be a JSON object")
    return values


def _provenance(
    arguments: argparse.Namespace, settings: TrainSettings, identity: dict[str, str], attribution: str | None
) -> dict[str, Any]:
    """Return what the header of the model says of its making: the hashes that identify it, settings and inputs, and
    whose artwork its images show."""
    inputs = {"data": arguments.data, "parent": arguments.init_from, "weights": _weights(arguments, settings)}
    inputs |= {} if arguments.encoder is None else {"encoder": arguments.encoder}
    used = settings.model_dump(mode="json", exclude=set(UPKEEP))
    owed = {} if attribution is None else {"attribution": attribution}
    made = provenance_of("train", version("train"), used, inputs, known_sha256=identity, **owed)
    return {"settings": made.pop("settings"), **identity, "provenance": made}


def _weights(arguments: argparse.Namespace, settings: TrainSettings) -> Path | None:
    """Return the file of the feature network's weights, None where nothing is measured with it."""
    return None if settings.evaluate_kimg is None else weights_of(arguments, settings.evaluate_features)


def _hooks(arguments: argparse.Namespace, settings: TrainSettings, provenance: dict[str, Any]) -> "Hooks":
    def snapshot(training: "TrainingRun") -> None:
        name = f"{training.kimg:09.3f}"
        average = training.networks.average
        _write_samples(average, training.run_dir / "samples" / f"{name}.png")
        path = training.run_dir / "snapshots" / f"{name}.safetensors"
        native.save(path, generator=average, info=_info(training, provenance))

    def candidate(training: "TrainingRun") -> None:
        _save_all(training, _candidate_path(training, training.kimg), _info(training, provenance))
        needed = {_candidate_path(training, kimg) for kimg in training.candidates_kimg}
        kept = sorted((training.run_dir / "snapshots").glob("best-*.safetensors"))
        for old in kept[:-BEST_KEPT]:
            if old not in needed:
                old.unlink()

    def keep(training: "TrainingRun") -> None:
        path = training.run_dir / CURVE / snapshot_name(training.kimg)
        native.save(path, generator=training.networks.average, info=_info(training, provenance))

    evaluation = Evaluation(
        lambda: ImageZip(arguments.data).read(),
        settings.evaluate_images,
        settings.evaluate_features,
        settings.seed,
        _weights(arguments, settings),
    )
    return Hooks(
        snapshot=snapshot,
        keep=keep if arguments.init_from is not None else lambda training: None,
        progress=_print_progress,
        evaluate=lambda training: evaluation(training.networks.average),
        candidate=candidate,
    )


def _info(training: "TrainingRun", provenance: dict[str, Any]) -> dict[str, Any]:
    return {"kimg": training.kimg, **provenance}


def _candidate_path(training: "TrainingRun", kimg: float) -> Path:
    return training.run_dir / "snapshots" / f"best-{kimg:09.3f}.safetensors"


def _save_all(training: "TrainingRun", path: Path, info: dict[str, Any]) -> None:
    networks = training.networks
    native.save(
        path,
        generator=networks.average,
        generator_raw=networks.generator,
        discriminator=networks.discriminator,
        info=info,
    )


def _export(training: "TrainingRun", out_dir: Path, info: dict[str, Any], is_child: bool) -> None:
    """Write the outputs; the model last, as its presence says that the others are there."""
    average = training.networks.average
    best = None
    if training.selection.kimg is not None:
        best = _candidate_path(training, training.selection.kimg)
        selected = load(best)
        average, info = selected.generator, selected.info
    if is_child:
        _export_snapshots(training, out_dir)
    _write_samples(average, out_dir / "samples.png")
    write_json(out_dir / "config.json", info)
    with atomic_path(out_dir / "log.jsonl") as temporary:
        shutil.copyfile(training.run_dir / "log.jsonl", temporary)
    if best is None:
        _save_all(training, out_dir / "model.safetensors", info)
    else:
        with atomic_path(out_dir / "model.safetensors") as temporary:
            shutil.copyfile(best, temporary)


def _export_snapshots(training: "TrainingRun", out_dir: Path) -> None:
    """Write the snapshots of `curve_kimg`, and the run's end, as one zip."""
    kept = (training.run_dir / CURVE / snapshot_name(kimg) for kimg in training.kept_kimg)
    with tempfile.TemporaryDirectory() as folder:
        end = Path(folder) / snapshot_name(training.kimg)
        native.save(end, generator=training.networks.average, info={"kimg": training.kimg})
        files = {file.name: file for file in [*kept, end] if file.name <= end.name}
        write_snapshots(out_dir / "snapshots.zip", list(files.values()))


def _write_samples(average: "Generator", path: Path) -> None:
    """Draw a square grid of the same latents at every call."""
    z = seeded_z(SAMPLE_COLUMNS**2, average.architecture.z_dim, seed=0)
    with torch.no_grad():
        images = average(z.to(average.mapping.w_avg.device))
    save_png(path, grid(to_pixels(images), SAMPLE_COLUMNS))


def _print_progress(progress: "Progress") -> None:
    left = progress.seconds_left
    losses = "  ".join(f"{name} {value:.3f}" for name, value in progress.scalars.items())
    print(
        f"{progress.kimg:8.1f} / {progress.total_kimg:g} kimg  {progress.images_per_s:6.1f} images/s"
        f"  {left // 60:.0f} min {left % 60:02.0f} s left  {losses}",
        file=sys.stderr,
    )
