"""`stylealign generate`: samples of a model, by seed."""

import argparse
import json
import math
import re
from pathlib import Path

import numpy as np
import torch

from stylealign import load
from stylealign.cli.models import compute_device
from stylealign.cli.progress import Progress
from stylealign.datasets.images import write_image_zip
from stylealign.errors import StyleAlignError
from stylealign.files import require_suffix, require_writable
from stylealign.provenance import provenance_of
from stylealign.report.sheets import PICTURES, grid, save_picture, to_uint8
from stylealign.versions import version

BATCH = 32


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("model", type=Path, metavar="MODEL", help="checkpoint")
    parser.add_argument(
        "--seeds", type=parse_seeds, default="0-63", metavar="SEEDS", help="e.g. 0-63 or 1,5,9-12 (default: 0-63)"
    )
    parser.add_argument("--grid", type=Path, metavar="PNG", help="sheet of the samples (.png, .jpg or .webp)")
    parser.add_argument("--zip", type=Path, metavar="ZIP", help="image zip of the samples")
    parser.add_argument(
        "--columns", type=int, metavar="N", help="columns of the sheet (default: the square root of the samples)"
    )
    parser.add_argument(
        "--truncation-psi",
        type=float,
        default=1.0,
        metavar="PSI",
        help="1 keeps w, 0 draws the mean image (default: 1)",
    )
    parser.add_argument(
        "--noise-mode", choices=("const", "random", "none"), default="const", help="noise maps (default: const)"
    )
    parser.add_argument("--label", type=int, metavar="INDEX", help="class of a conditional model")


def parse_seeds(text: str) -> list[int]:
    """Return the seeds that a text such as `0-63` or `1,5,9-12` names, in its order.

    Raises:
        argparse.ArgumentTypeError: not such a text.
    """
    seeds: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d+)(?:-(\d+))?\s*", part)
        if match is None or (match[2] is not None and int(match[2]) < int(match[1])):
            raise argparse.ArgumentTypeError(f"{text!r} is no list of seeds; write e.g. 0-63 or 1,5,9-12")
        seeds.extend(range(int(match[1]), int(match[2] or match[1]) + 1))
    if max(seeds) >= 2**32:
        raise argparse.ArgumentTypeError(f"{text!r}: a seed is less than 2^32")
    return seeds


def run(arguments: argparse.Namespace) -> None:
    """Draw the samples; print their number as JSON."""
    if arguments.grid is None and arguments.zip is None:
        raise StyleAlignError("--grid, --zip: give at least one of them, or nothing is written")
    if arguments.columns is not None and arguments.columns < 1:
        raise StyleAlignError(f"--columns: must be at least 1, not {arguments.columns}")
    for path, suffixes, what in ((arguments.grid, PICTURES, "a picture"), (arguments.zip, (".zip",), "an image zip")):
        if path is not None:
            require_suffix(path, suffixes, what)
            require_writable(path)

    checkpoint = load(arguments.model)
    generator = checkpoint.generator.to(compute_device())
    label = _label(arguments, checkpoint.architecture.c_dim)
    seeds = arguments.seeds
    progress = Progress("generate", len(seeds), "images")
    images = []
    for start in range(0, len(seeds), BATCH):
        part = seeds[start : start + BATCH]
        # One stream per seed, on the CPU: a seed is the same image on every device and in every batch.
        z = np.concatenate([np.random.RandomState(seed).randn(1, checkpoint.architecture.z_dim) for seed in part])
        torch.manual_seed(part[0])
        with torch.inference_mode():
            latents = torch.from_numpy(z.astype(np.float32)).to(generator.mapping.w_avg)
            c = None if label is None else label.to(latents).expand(len(part), -1)
            images.append(to_uint8(generator(latents, c, arguments.truncation_psi, noise_mode=arguments.noise_mode)))
        progress.advance(len(part))
    pixels = np.concatenate(images)
    if arguments.grid is not None:
        save_picture(arguments.grid, grid(pixels, arguments.columns or math.ceil(math.sqrt(len(pixels)))))
    if arguments.zip is not None:
        settings = {"seeds": seeds, "truncation_psi": arguments.truncation_psi, "noise_mode": arguments.noise_mode,
                    "label": arguments.label}  # fmt: skip
        made = provenance_of(
            "generate", version("generate"), settings, {"model": arguments.model}, {"model": checkpoint.sha256}
        )
        write_image_zip(arguments.zip, pixels, extra={"seeds": seeds, "provenance": made})
    print(json.dumps({"images": len(pixels)}))


def _label(arguments: argparse.Namespace, classes: int):  # type: ignore[no-untyped-def]
    """Return the one-hot label `[1, classes]`, or None for an unconditional model."""
    if classes == 0:
        if arguments.label is not None:
            raise StyleAlignError(f"--label: {arguments.model} has no classes; leave it out")
        return None
    if arguments.label is None or not 0 <= arguments.label < classes:
        raise StyleAlignError(f"--label: {arguments.model} has {classes} classes; give --label from 0 to {classes - 1}")
    return torch.nn.functional.one_hot(torch.tensor([arguments.label]), classes)
