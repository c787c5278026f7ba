"""`stylealign morph`: videos in which latent code and network weights move together, and how smooth they are."""

import argparse
import json
import time
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from stylealign.applications.morph_methods import (
    PASSES,
    Frames,
    frames_back,
    measure_methods,
    middle_images,
    spread,
)
from stylealign.applications.morphing import METHODS, Morph, WeightPath
from stylealign.checkpoints import Checkpoint
from stylealign.checkpoints.differences import load_matching
from stylealign.cli.arguments import add_settings, settings_from
from stylealign.cli.models import add_model_pair, add_weights, weights_of
from stylealign.cli.progress import Progress
from stylealign.config import MorphSettings
from stylealign.datasets.images import write_image_zip
from stylealign.devices import compute_device
from stylealign.errors import StyleAlignError
from stylealign.files import require_suffix, require_writable, write_json
from stylealign.latents.codes import Codes
from stylealign.metrics.networks.registry import network_of
from stylealign.metrics.perceptual import perceptual_distance
from stylealign.provenance import provenance_of
from stylealign.report.sheets import enlarge, grid, save_png
from stylealign.report.video import SUFFIXES, video_writer
from stylealign.versions import version

LEAST_HEIGHT_PX = 256


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    add_model_pair(parser)
    parser.add_argument(
        "--target-codes",
        type=Path,
        metavar="NPZ",
        help="codes of the images to end at, found in the target model; without it each image ends at its own "
        "translation",
    )
    parser.add_argument(
        "--out-dir",
        type=Path,
        required=True,
        metavar="DIR",
        help="gets morph.mp4, strip.png, frames.zip, middle.zip, metrics.json, timing.json",
    )
    add_weights(parser)
    parser.add_argument(
        "--video",
        type=Path,
        action="append",
        default=[],
        metavar="PATH",
        help="another video of the same frames (.mp4, .gif or .webp); may be given again",
    )
    parser.add_argument(
        "--play",
        choices=("once", "loop", "ping-pong"),
        default="loop",
        help="how videos play: once, again and again (GIF and WebP; of an MP4 the player decides), or "
        "there and back, again and again (default: loop)",
    )
    add_settings(parser, MorphSettings)


def run(arguments: argparse.Namespace) -> None:
    """Make and measure the morphs; print the mean measures of each method as JSON."""
    settings = settings_from(arguments, MorphSettings)
    require_writable(arguments.out_dir, folder=True)
    for video in arguments.video:
        require_suffix(video, SUFFIXES, "a video")
        require_writable(video)
    inputs = {
        "codes": arguments.codes,
        "source-model": arguments.source_model,
        "target-model": arguments.target_model,
        "target-codes": arguments.target_codes,
        "weights": weights_of(arguments, settings.perceptual),
    }
    provenance = provenance_of(
        "morph", version("morph"), settings, inputs, perceptual=network_of(settings.perceptual).distance
    )
    source, target = load_matching(arguments.source_model, arguments.target_model)
    starts, ends = load_codes(arguments, settings, source, target)
    morph = _morph(source, target, *_first(settings.images, starts, ends))
    distance = perceptual_distance(settings.perceptual, inputs["weights"]).to(compute_device())
    progress = Progress("morph", settings.frames * PASSES, "frames")
    started_s = time.perf_counter()
    found = measure_methods(morph, settings, distance, _Shown(arguments, settings, morph), progress.advance)
    seconds = time.perf_counter() - started_s
    middle = _morph(source, target, *_first(settings.middle_images, starts, ends))
    images, numbers = middle_images(middle, settings, found.even_times, source.architecture.resolution)
    # The classes of `dataset.json` say which method an image is of; each method has the images in one order.
    extra = {"methods": list(METHODS), "sources": starts.names[: len(middle)]}
    if arguments.target_codes is not None:
        extra["targets"] = ends.names[: len(middle)]
    write_image_zip(arguments.out_dir / "middle.zip", images, numbers, extra)
    methods = {method: measure.per_image() for method, measure in found.measures.items()}
    means = {
        method: {name: sum(values) / len(values) for name, values in columns.items()}
        for method, columns in methods.items()
    }
    facts = {"provenance": provenance, "features": settings.perceptual, "images": list(starts.names)}
    write_json(arguments.out_dir / "metrics.json", {**facts, "mean": means, "methods": methods})
    # A file of its own: all the others are the same at every run on one machine.
    drawn = progress.done
    timing = {"seconds": seconds, "frames": drawn, "morphs": len(morph), "frames_per_s": drawn / seconds}
    write_json(arguments.out_dir / "timing.json", timing)
    print(json.dumps({**means, "frames_per_s": timing["frames_per_s"]}))


def load_codes(
    arguments: argparse.Namespace, settings: MorphSettings, source: "Checkpoint", target: "Checkpoint"
) -> tuple["Codes", "Codes"]:
    """Return the codes the morphs and their middles start and end at, the same number of each.

    Raises:
        StyleAlignError: codes of the wrong model or space.
    """
    wanted = max(settings.images, settings.middle_images)
    starts = Codes.load(arguments.codes, None, source.sha256, source.architecture)
    if arguments.target_codes is None:
        return starts.first(wanted), starts.first(wanted)
    ends = Codes.load(arguments.target_codes, starts.space, target.sha256, target.architecture)
    if ends.truncation_psi != starts.truncation_psi:
        raise StyleAlignError(
            f"{arguments.target_codes}: found under truncation_psi {ends.truncation_psi:g}, {arguments.codes} under "
            f"{starts.truncation_psi:g}; invert both with the same --truncation-psi"
        )
    count = min(wanted, len(starts), len(ends))
    return starts.first(count), ends.first(count)


def _first(count: int, starts: "Codes", ends: "Codes") -> tuple["Codes", "Codes"]:
    return starts.first(count), ends.first(count)


def _morph(source: "Checkpoint", target: "Checkpoint", starts: "Codes", ends: "Codes") -> "Morph":
    device = compute_device()
    weights = WeightPath(source.generator.to(device), target.generator.to(device))
    codes = [torch.from_numpy(codes.values).to(device) for codes in (starts, ends)]
    return Morph(weights, codes[0], codes[1], starts.space, starts.truncation_psi)


class _Shown:
    """Writes the files of the method that is shown while its frames pass by."""

    def __init__(self, arguments: argparse.Namespace, settings: MorphSettings, morph: Morph) -> None:
        self.settings, self.morph = settings, morph
        self.out_dir: Path = arguments.out_dir
        self.videos = [self.out_dir / "morph.mp4", *arguments.video]
        self.play: str = arguments.play

    def __call__(self, method: str, frames: Frames, times: NDArray[np.float64]) -> None:
        """Write morph.mp4 and the other videos, strip.png and frames.zip (frame after frame, each of N images)."""
        fps = self.settings.frames / self.settings.duration_s
        in_strip = spread(self.settings.frames, self.settings.strip_frames)
        strip: list[NDArray[np.uint8]] = []
        with ExitStack() as stack:
            loop = self.play != "once"
            writers = [stack.enter_context(video_writer(video, fps, loop)) for video in self.videos]

            def show(frame: NDArray[np.uint8]) -> None:
                row = grid(enlarge(frame, -(-LEAST_HEIGHT_PX // frame.shape[-1])), video_columns(len(frame)))
                for write in writers:
                    write(row)

            def images() -> Frames:
                for number, frame in enumerate(frames):
                    show(frame)
                    strip.extend([frame] if number in in_strip else [])
                    yield from frame

            count = len(self.morph)
            extra = {"method": method, "frames": self.settings.frames, "images": count}
            write_image_zip(self.out_dir / "frames.zip", images(), extra=extra)
            if self.play == "ping-pong":
                for back in frames_back(self.morph, self.settings, times):
                    show(back)
        tiles = np.stack(strip, axis=1)
        save_png(self.out_dir / "strip.png", grid(tiles.reshape(-1, *tiles.shape[2:]), len(strip), gap=2))


def video_columns(images: int) -> int:
    """Return the columns of a video's grid: up to four morphs side by side, more in rows."""
    return min(images, 4)
