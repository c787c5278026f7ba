"""`stylealign train`: train a model from scratch, or fine-tune a child from a parent."""

import argparse
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from stylealign.cli.arguments import add_settings, settings_from
from stylealign.config import ArchitectureSettings, TrainSettings, validate
from stylealign.errors import StyleAlignError

if TYPE_CHECKING:
    from stylealign.training.loop import Progress, TrainingRun

HELP = "train a StyleGAN2 from scratch, or fine-tune a child with --init-from"
VERSION = 1
EXIT_INTERRUPTED = 75  # EX_TEMPFAIL: the same command goes on from the saved state
SAMPLE_COLUMNS = 8


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("--data", type=Path, required=True, metavar="ZIP", help="training images (an image zip)")
    parser.add_argument("--init-from", type=Path, metavar="MODEL", help="parent to fine-tune; without it, train from scratch")
    parser.add_argument("--architecture", metavar="JSON", help="shape of a model from scratch, as a JSON object")
    parser.add_argument("--run-dir", type=Path, required=True, metavar="DIR", help="resume state, log and snapshots; the same command goes on from it")
    parser.add_argument("--out-dir", type=Path, required=True, metavar="DIR", help="gets model.safetensors, samples.png, log.jsonl, config.json")
    add_settings(parser, TrainSettings)


def run(arguments: argparse.Namespace) -> None:
    """Train to the end and export the model."""
    import torch

    from stylealign import load
    from stylealign.checkpoints import native
    from stylealign.datasets.loading import TrainingImages
    from stylealign.files import atomic_path, sha256_of_file, write_json
    from stylealign.training.loop import Interrupted, TrainingRun
    from stylealign.training.start import networks_of_parent, new_networks

    settings = settings_from(arguments, TrainSettings)
    if arguments.init_from is not None and arguments.architecture is not None:
        raise StyleAlignError("--architecture: a child has its parent's shape; leave out --architecture or --init-from")
    torch.set_num_threads(min(settings.threads or os.cpu_count() or 1, len(os.sched_getaffinity(0))))
    torch.set_flush_denormal(True)  # averages that decay towards 0 would slow a CPU down many times
    images = TrainingImages(arguments.data, minimum=settings.batch_size)
    identity = {"data": sha256_of_file(arguments.data)}
    if arguments.init_from is not None:
        parent = load(arguments.init_from)
        networks = networks_of_parent(parent, str(arguments.init_from), images.resolution_px)
        identity["parent"] = parent.sha256
    else:
        shape = validate(ArchitectureSettings, _json_object(arguments.architecture), "--architecture")
        networks = new_networks(shape, settings, images.resolution_px)
        identity["architecture"] = shape.model_dump_json()
    generator, average, discriminator = networks

    def info(training: "TrainingRun") -> dict[str, object]:
        return {"kimg": training.kimg, "settings": settings.model_dump(mode="json"), **identity}

    def snapshot(training: "TrainingRun") -> None:
        name = f"{training.kimg:09.3f}"
        _write_samples(average, training.run_dir / "samples" / f"{name}.png")
        native.save(training.run_dir / "snapshots" / f"{name}.safetensors", generator=average, generator_raw=None, discriminator=None, info=info(training))

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    for network in networks:
        network.to(device)
    training = TrainingRun(generator, average, discriminator, images, settings, arguments.run_dir, identity, snapshot, _print_progress)
    if training.steps_done:
        print(f"stylealign train: goes on from {training.kimg:.2f} kimg ({arguments.run_dir})", file=sys.stderr)
    try:
        training.train()
    except Interrupted as interruption:
        print(f"stylealign train: {interruption}", file=sys.stderr)
        sys.exit(EXIT_INTERRUPTED)
    out_dir: Path = arguments.out_dir
    _write_samples(average, out_dir / "samples.png")
    write_json(out_dir / "config.json", info(training))
    with atomic_path(out_dir / "log.jsonl") as temporary:
        shutil.copyfile(arguments.run_dir / "log.jsonl", temporary)
    native.save(out_dir / "model.safetensors", generator=average, generator_raw=generator, discriminator=discriminator, info=info(training))


def _json_object(text: str | None) -> object:
    import json

    try:
        return json.loads(text or "{}")
    except json.JSONDecodeError as error:
        raise StyleAlignError(f"--architecture: not JSON ({error})") from error


def _write_samples(average, path: Path) -> None:  # type: ignore[no-untyped-def]
    """Draw a square grid of the same latents at every call."""
    import torch

    from stylealign.report.sheets import grid, save_png, to_uint8

    z = torch.randn(SAMPLE_COLUMNS**2, average.architecture.z_dim, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        images = average(z.to(average.mapping.w_avg.device))
    save_png(path, grid(to_uint8(images), SAMPLE_COLUMNS))


def _print_progress(progress: "Progress") -> None:
    left = progress.seconds_left
    losses = "  ".join(f"{name} {value:.3f}" for name, value in progress.scalars.items())
    print(
        f"{progress.kimg:8.1f} / {progress.total_kimg:g} kimg  {progress.images_per_s:6.1f} images/s"
        f"  {left // 60:.0f} min {left % 60:02.0f} s left  {losses}",
        file=sys.stderr,
    )
