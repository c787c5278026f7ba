"""`stylealign train`: train a model from scratch, or fine-tune a child from a parent."""

import argparse
import copy
import json
import os
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any, get_args

import torch

from stylealign import load
from stylealign.cli.arguments import add_settings, settings_from
from stylealign.cli.models import add_weights, weights_of
from stylealign.config import (
    ALIGNED,
    FEWEST_MEASURED,
    UPKEEP,
    ArchitectureSettings,
    Component,
    KeepSettings,
    TrainSettings,
    validate,
)
from stylealign.datasets.images import ImageZip
from stylealign.datasets.loading import TrainingImages
from stylealign.devices import usable_cpus
from stylealign.errors import StyleAlignError
from stylealign.files import require_writable, sha256_of_file
from stylealign.latents.encoding import load_encoder
from stylealign.networks.generator import Generator
from stylealign.presets import PRESETS
from stylealign.provenance import begun_with, provenance_of
from stylealign.report.sheets import grid, save_png
from stylealign.training import selftest
from stylealign.training.alignment import Alignment
from stylealign.training.evaluation import Evaluation
from stylealign.training.keep.pull import between, pulled
from stylealign.training.loop import LOG_EVERY_IMAGES, Hooks, Interrupted, Progress, TrainingRun
from stylealign.training.outputs import Finish, Finished, Outputs
from stylealign.training.start import Networks, networks_of_parent, new_networks
from stylealign.training.state import claimed
from stylealign.training.workers import Workers, connected
from stylealign.versions import version
from stylealign.work.durations import duration

EXIT_INTERRUPTED = 75  # EX_TEMPFAIL: the same command goes on from the saved state


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
    if arguments.init_from is not None:
        settings = settings.of_child()
    require_writable(arguments.out_dir, folder=True)
    if arguments.init_from is not None and arguments.architecture is not None:
        raise StyleAlignError("--architecture: a child has its parent's shape; leave out --architecture or --init-from")
    if arguments.init_from is None and settings.keep != KeepSettings():
        raise StyleAlignError("keep: holds a child near its parent; name the parent with --init-from, or leave it out")
    for flag, given in (("--freeze-d", settings.freeze_d), ("--train-only", settings.train_only)):
        if arguments.init_from is None and given:
            raise StyleAlignError(f"{flag}: keeps weights of a parent; name it with --init-from, or leave it out")
    if arguments.init_from is None and settings.select in ALIGNED:
        raise StyleAlignError(f"select {settings.select}: needs a parent; name it with --init-from")
    if (arguments.encoder is not None) != (settings.keep.code.weight > 0):
        raise StyleAlignError("--encoder: goes with a weight of keep.code; give both or neither")
    settings = settings.without_idle(is_child=arguments.init_from is not None)
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


def _train(arguments: argparse.Namespace, settings: TrainSettings, workers: Workers) -> None:
    images = TrainingImages(arguments.data, minimum=settings.batch_size)
    if settings.measures and len(images) < FEWEST_MEASURED:
        raise StyleAlignError(
            f"{arguments.data}: has {len(images)} images, FID and KID need at least {FEWEST_MEASURED}; add images, or"
            " leave out evaluate_kimg and keep.pull"
        )
    networks, origin = _networks(arguments, settings, images.resolution_px)
    encoder = None if arguments.encoder is None else load_encoder(arguments.encoder, origin["parent"])
    identity = {"data": sha256_of_file(arguments.data), **origin}
    if arguments.encoder is not None:
        identity["encoder"] = sha256_of_file(arguments.encoder)
    if workers.is_first:
        selftest.apply(arguments.run_dir, networks[0].architecture, settings, workers.count, workers.device)
    os.environ.update(workers.from_first({name: os.environ[name] for name in selftest.NAMES if name in os.environ}))
    for network in networks:
        network.to(workers.device)
    provenance = _provenance(arguments, settings, identity, images.attribution)
    parent = copy.deepcopy(networks[1])  # of a child: a saved state replaces the networks' weights
    evaluation = _evaluation(arguments, settings)
    alignment = None
    if arguments.init_from is not None and settings.alignment_latents is not None and workers.is_first:
        alignment = Alignment(parent, settings.alignment_latents, settings.seed, _tell)
    finish = _finish(parent, settings, _evaluation_of_pull(arguments, settings, evaluation), alignment)
    outputs = Outputs(provenance, lambda path, samples, columns: save_png(path, grid(samples, columns)), finish)
    hooks = _hooks(arguments, outputs, evaluation, alignment)
    training = TrainingRun(*networks, images, settings, arguments.run_dir, identity, hooks, workers, True, encoder)
    if training.run_dir != arguments.run_dir:
        _tell(f"{arguments.run_dir} is further than {settings.kimg:g} kimg; this run takes {training.run_dir}")
    if workers.is_first:
        _tell(_start_of(training))
    training.train()
    if workers.is_first:
        outputs.export(training, arguments.out_dir, is_child=arguments.init_from is not None)


def _networks(
    arguments: argparse.Namespace, settings: TrainSettings, resolution_px: int
) -> tuple[Networks, dict[str, str]]:
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
    begun = begun_with([arguments.run_dir], settings, is_child=arguments.init_from is not None)
    used = begun.model_dump(mode="json", exclude=set(UPKEEP))
    owed = {} if attribution is None else {"attribution": attribution}
    made = provenance_of("train", version("train"), used, inputs, known_sha256=identity, **owed)
    return {"settings": made.pop("settings"), **identity, "provenance": made}


def _weights(arguments: argparse.Namespace, settings: TrainSettings) -> Path | None:
    """Return the file of the feature network's weights, None where nothing is measured with it."""
    return weights_of(arguments, settings.evaluate_features) if settings.measures else None


def _evaluation(arguments: argparse.Namespace, settings: TrainSettings, images: int | None = None) -> Evaluation:
    return Evaluation(
        lambda: ImageZip(arguments.data).read(),
        images or settings.evaluate_images,
        settings.evaluate_features,
        settings.seed,
        _weights(arguments, settings),
        _tell,
    )


def _evaluation_of_pull(arguments: argparse.Namespace, settings: TrainSettings, evaluation: Evaluation) -> Evaluation:
    """Return what the pull measures by: the training's own, which has seen the real images, for as many images."""
    images = settings.keep.pull.images
    return evaluation if images in (None, settings.evaluate_images) else _evaluation(arguments, settings, images)


def _finish(
    parent: Generator, settings: TrainSettings, evaluation: Evaluation, alignment: Alignment | None
) -> Finish | None:
    """Return what pulls a child back towards its parent when it is done; None where nothing is to be pulled."""
    pull, name = settings.keep.pull, f"fid[{settings.evaluate_features}]"
    if pull.is_off:
        return None

    def finish(child: Generator, raw: Generator) -> Finished:
        for network in (child, raw):  # those that were selected come from a file
            network.to(parent.mapping.w_avg.device)
        found = pulled(child, parent, lambda one: evaluation(one)[name], pull.tolerance, pull.shares)
        shares = found.shares
        _tell(f"shares of the parent's weights: {', '.join(f'{place} {share:g}' for place, share in shares.items())}")
        if all(share == 1 for share in shares.values()):
            _tell("the child is its parent again; lower keep.pull.tolerance, or train it longer")
        measured = {name: found.fid, "fid_limit": found.limit}
        measured |= {} if alignment is None else alignment(found.generator)
        # The next child starts from the raw generator: unpulled, it would go back to what was taken away.
        return Finished(found.generator, between(raw, parent, shares), {"pulled": shares, "pulled_measured": measured})

    return finish


def _hooks(
    arguments: argparse.Namespace, outputs: Outputs, evaluation: Evaluation, alignment: Alignment | None
) -> Hooks:
    return Hooks(
        snapshot=outputs.snapshot,
        keep=outputs.keep if arguments.init_from is not None else lambda training: None,
        progress=_print_progress,
        evaluate=lambda training: evaluation(training.networks.average),
        align=lambda training: {} if alignment is None else alignment(training.networks.average),
        candidate=outputs.candidate,
    )


def _start_of(training: TrainingRun) -> str:
    """Say at once that the run begins: its first numbers take a while."""
    if training.steps_done:
        return f"goes on from {training.kimg:.2f} kimg ({training.run_dir})"
    return f"begins: {training.settings.kimg:g} kimg, a line about every {LOG_EVERY_IMAGES} images"


def _tell(text: str) -> None:
    print(f"stylealign train: {text}", file=sys.stderr, flush=True)


def _print_progress(progress: Progress) -> None:
    losses = "  ".join(f"{name} {value:.3f}" for name, value in progress.scalars.items())
    print(
        f"{progress.kimg:8.1f} / {progress.total_kimg:g} kimg  {progress.images_per_s:6.1f} images/s"
        f"  {duration(progress.seconds_left)} left  {losses}",
        file=sys.stderr,
    )
