"""`stylealign morph`: videos in which latent code and network weights move together, and how smooth they are."""

import argparse
import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from stylealign.applications import morphing as m
from stylealign.applications.morph_measures import MorphMeasures, MorphMeter
from stylealign.applications.morphing import METHODS, PATHS, Morph, WeightPath, linear_times, middle_positions
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
from stylealign.images import to_pixels
from stylealign.latents.codes import Codes
from stylealign.metrics.networks.registry import network_of
from stylealign.metrics.perceptual import perceptual_distance
from stylealign.provenance import provenance_of
from stylealign.report.sheets import enlarge, grid, save_png
from stylealign.report.video import SUFFIXES, video_writer
from stylealign.sampling import images_per_batch
from stylealign.versions import version

EVEN_ROUNDS = 2
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
    maker = _Maker(arguments, settings, _morph(source, target, *_first(settings.images, starts, ends)))
    started_s = time.perf_counter()
    measures = maker.make_all()
    seconds = time.perf_counter() - started_s
    maker.write_middle(_morph(source, target, *_first(settings.middle_images, starts, ends)))
    methods = {method: measure.per_image() for method, measure in measures.items()}
    means = {
        method: {name: sum(values) / len(values) for name, values in columns.items()}
        for method, columns in methods.items()
    }
    facts = {"provenance": provenance, "features": settings.perceptual, "images": list(starts.names)}
    write_json(arguments.out_dir / "metrics.json", {**facts, "mean": means, "methods": methods})
    # A file of its own: all the others are the same at every run on one machine.
    drawn = maker.progress.done
    timing = {"seconds": seconds, "frames": drawn, "morphs": len(starts), "frames_per_s": drawn / seconds}
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


class _Maker:
    """Makes the morphs by every method, and writes files while their frames pass by."""

    def __init__(self, arguments: argparse.Namespace, settings: MorphSettings, morph: "Morph") -> None:
        self.arguments, self.settings, self.morph = arguments, settings, morph
        self.out_dir: Path = arguments.out_dir
        self.path = PATHS[settings.path]
        self.times = linear_times(settings.frames)
        self.end = morph.images((1.0, 1.0))
        self.distance = perceptual_distance(settings.perceptual, weights_of(arguments, settings.perceptual)).to(
            self.end.device
        )
        self.even_times = self.times
        self.progress = Progress("morph", settings.frames * (4 + EVEN_ROUNDS), "frames")

    def make_all(self) -> dict[str, "MorphMeasures"]:
        """Return the measures by method."""
        path, frames, times = self.path, self.morph.frames, self.times
        measures = {m.JOINT: self._make(m.JOINT, frames(path, times), None if self.settings.even else times)}
        latest = measures[m.JOINT]
        for last in [False] * (EVEN_ROUNDS - 1) + [True]:
            times = m.even_times(times, latest.steps)
            latest = self._make(m.EVEN, frames(path, times), times if last and self.settings.even else None)
        self.even_times, measures[m.EVEN] = times, latest
        measures[m.CODES_ONLY] = self._make(m.CODES_ONLY, frames(lambda t: (path(t)[0], 0.0), self.times))
        measures[m.WEIGHTS_ONLY] = self._make(m.WEIGHTS_ONLY, frames(lambda t: (0.0, path(t)[1]), self.times))
        measures[m.CROSS_FADE] = self._make(m.CROSS_FADE, self.morph.cross_fade(self.times))
        return measures

    def _make(self, method: str, frames: Iterator["Tensor"], shown: "np.ndarray | None" = None) -> "MorphMeasures":
        """Return the measures of the frames; with the times `shown` of the frames, write them too."""
        meter = MorphMeter(self.distance)
        pixels = self._metered(frames, meter)
        if shown is not None:
            self._write_shown(method, pixels, shown)
        else:
            for _ in pixels:
                pass
        return meter.result(self.end)

    def _metered(self, frames: Iterator["Tensor"], meter: Any) -> Iterator["np.ndarray"]:
        """Yield each frame `[N, 3, r, r]` as uint8 once it is measured."""
        for frame in frames:
            meter.add(frame)
            self.progress.advance()
            yield to_pixels(frame)

    def _write_shown(self, method: str, frames: Iterator["np.ndarray"], times: "np.ndarray") -> None:
        """Write morph.mp4 and the other videos, strip.png and frames.zip (frame after frame, each of N images)."""
        fps = self.settings.frames / self.settings.duration_s
        in_strip = spread(self.settings.frames, self.settings.strip_frames)
        strip: list[np.ndarray] = []
        with ExitStack() as stack:
            videos = [self.out_dir / "morph.mp4", *self.arguments.video]
            loop = self.arguments.play != "once"
            writers = [stack.enter_context(video_writer(video, fps, loop)) for video in videos]

            def show(frame: "np.ndarray") -> None:
                row = grid(enlarge(frame, -(-LEAST_HEIGHT_PX // frame.shape[-1])), video_columns(len(frame)))
                for write in writers:
                    write(row)

            def images() -> Iterator["np.ndarray"]:
                for number, frame in enumerate(frames):
                    show(frame)
                    strip.extend([frame] if number in in_strip else [])
                    yield from frame

            count = len(self.morph)
            extra = {"method": method, "frames": self.settings.frames, "images": count}
            write_image_zip(self.out_dir / "frames.zip", images(), extra=extra)
            if self.arguments.play == "ping-pong":  # drawn again: memory does not grow with the frames
                for back in self.morph.frames(self.path, times[-2:0:-1]):
                    show(to_pixels(back))
        tiles = np.stack(strip, axis=1)
        save_png(self.out_dir / "strip.png", grid(tiles.reshape(-1, *tiles.shape[2:]), len(strip), gap=2))

    def write_middle(self, morph: "Morph") -> None:
        """Write the frame half-way of each of a morph's images, method after method.

        The labels of `dataset.json` say which method an image is of.
        """
        positions = middle_positions(self.path, self.even_times)
        frames = morph.middle(positions, images_per_batch(self.end.shape[-1]))
        images = (image for _, frame in frames for image in to_pixels(frame))
        labels = [label for label in range(len(METHODS)) for _ in range(len(morph))]
        write_image_zip(self.out_dir / "middle.zip", images, labels, {"methods": list(METHODS)})


def spread(frames: int, count: int) -> list[int]:
    """Return up to `count` different frame numbers spread evenly over a morph."""
    last = frames - 1
    count = min(count, frames)
    steps = max(count - 1, 1)
    return sorted({round(last * step / steps) for step in range(count)})


def video_columns(images: int) -> int:
    """Return the columns of a video's grid: up to four morphs side by side, more in rows."""
    return min(images, 4)
