"""`stylealign pack`: a trained model as a small file to hand on, checked against its own samples."""

import argparse
import json
from pathlib import Path

from stylealign.checkpoints import native
from stylealign.checkpoints.checkpoint import load
from stylealign.checkpoints.packing import pack
from stylealign.checkpoints.recognise import read_any
from stylealign.checkpoints.weights import AVERAGED, Weights
from stylealign.cli.arguments import at_least
from stylealign.errors import StyleAlignError
from stylealign.files import require_suffix, require_writable, sha256_of_file


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("model", type=Path, metavar="MODEL", help="checkpoint of any known format")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FILE", help="file to write (.safetensors): the averaged generator"
    )
    parser.add_argument(
        "--samples", type=at_least(1), default=256, metavar="N", help="samples that must stay as they are. Default: 256"
    )


def run(arguments: argparse.Namespace) -> None:
    """Pack the model; print what was kept, its size and how far its samples changed as JSON."""
    require_suffix(arguments.out, (".safetensors",), "a native checkpoint")
    require_writable(arguments.out)
    if arguments.out.resolve() == arguments.model.resolve():
        raise StyleAlignError(f"{arguments.out}: the model itself, which would lose its other networks; name another")
    weights = read_any(arguments.model).weights
    small, parts, change = pack(weights, arguments.samples)
    packed = {
        "of_sha256": sha256_of_file(arguments.model),
        "half_precision": parts,
        "samples": arguments.samples,
        "largest_change": change.largest,
        "mean_change": change.mean,
        "changed": change.pixels,
    }
    info = weights.info | {"packed": packed}
    half = {name for name, tensor in small.networks[AVERAGED].items() if tensor.element_size() == 2}
    native.write(arguments.out, Weights(small.architecture, small.networks, info), half)
    load(arguments.out)
    size = {"bytes": arguments.out.stat().st_size, "sha256": sha256_of_file(arguments.out)}
    print(json.dumps({"path": str(arguments.out), **size, **packed}, indent=2))
