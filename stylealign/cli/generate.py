"""`stylealign generate`: samples of a model, by seed."""

import argparse
import json
import math
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from stylealign import load
from stylealign.applications.samples import one_hot_label, samples_of
from stylealign.cli.arguments import at_least, psi
from stylealign.cli.progress import Progress
from stylealign.datasets.images import write_image_zip
from stylealign.devices import compute_device
from stylealign.errors import StyleAlignError
from stylealign.files import require_suffix, require_writable
from stylealign.provenance import provenance_of
from stylealign.report.sheets import PICTURES, Pixels, grid, save_picture
from stylealign.versions import version

MOST_SEEDS = 1_000_000
MOST_ON_A_SHEET = 10_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("model", type=Path, metavar="MODEL", help="checkpoint")
    parser.add_argument(
        "--seeds", type=parse_seeds, default="0-63", metavar="SEEDS", help="e.g. 0-63 or 1,5,9-12 (default: 0-63)"
    )
    parser.add_argument("--grid", type=Path, metavar="PNG", help="sheet of the samples (.png, .jpg or .webp)")
    parser.add_argument("--zip", type=Path, metavar="ZIP", help="image zip of the samples")
    parser.add_argument(
        "--columns",
        type=at_least(1),
        metavar="N",
        help="columns of the sheet (default: the square root of the samples)",
    )
    parser.add_argument(
        "--truncation-psi",
        type=psi,
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
        first, last = int(match[1]), int(match[2] or match[1])
        if last >= 2**32:
            raise argparse.ArgumentTypeError(f"{text!r}: a seed is less than 2^32")
        if len(seeds) + last - first >= MOST_SEEDS:
            raise argparse.ArgumentTypeError(f"{text!r}: more than {MOST_SEEDS} seeds; draw them in several parts")
        seeds.extend(range(first, last + 1))
    return seeds


def run(arguments: argparse.Namespace) -> None:
    """Draw the samples; print their number as JSON."""
    if arguments.grid is None and arguments.zip is None:
        raise StyleAlignError("--grid, --zip: give at least one of them, or nothing is written")
    for path, suffixes, what in ((arguments.grid, PICTURES, "a picture"), (arguments.zip, (".zip",), "an image zip")):
        if path is not None:
            require_suffix(path, suffixes, what)
            require_writable(path)

    seeds = arguments.seeds
    if arguments.grid is not None and len(seeds) > MOST_ON_A_SHEET:
        raise StyleAlignError(
            f"--grid: at most {MOST_ON_A_SHEET} samples, not {len(seeds)}; give fewer --seeds, or --zip"
        )

    checkpoint = load(arguments.model)
    shown: list[Pixels] = []
    label = one_hot_label(arguments.label, checkpoint.architecture.c_dim, str(arguments.model))
    progress = Progress("generate", len(seeds), "images")
    generator = checkpoint.generator.to(compute_device())
    images = samples_of(generator, seeds, arguments.truncation_psi, arguments.noise_mode, label, progress.advance)
    if arguments.grid is not None:
        images = _collected(images, shown)
    if arguments.zip is None:
        for _ in images:
            pass
    else:
        settings = {
            "seeds": seeds,
            "truncation_psi": arguments.truncation_psi,
            "noise_mode": arguments.noise_mode,
            "label": arguments.label,
        }
        made = provenance_of(
            "generate", version("generate"), settings, {"model": arguments.model}, {"model": checkpoint.sha256}
        )
        write_image_zip(arguments.zip, images, extra={"seeds": seeds, "provenance": made})
    if arguments.grid is not None:
        save_picture(arguments.grid, grid(np.stack(shown), arguments.columns or math.ceil(math.sqrt(len(shown)))))
    print(json.dumps({"images": len(seeds)}))


def _collected(images: Iterator[Pixels], shown: list[Pixels]) -> Iterator[Pixels]:
    """Yield images on, and collect them in `shown`."""
    for image in images:
        shown.append(image)
        yield image
