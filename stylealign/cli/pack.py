"""`stylealign pack`: a trained model as a small file to hand on, checked against its own samples."""

import argparse
import json
from pathlib import Path

from stylealign.checkpoints import native
from stylealign.checkpoints.checkpoint import load
from stylealign.checkpoints.packing import pack
from stylealign.checkpoints.recognise import read_any
from stylealign.checkpoints.weights import AVERAGED, Weights
from stylealign.checkpoints.zoo import ZooEntry, list_model
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
    parser.add_argument(
        "--zoo", type=Path, metavar="FILE", help="zoo.yaml, in a folder above --out: gets an entry, named as the file"
    )
    parser.add_argument("--description", default="", metavar="TEXT", help="what --zoo says of the model")
    parser.add_argument("--licence", default="MIT", metavar="TEXT", help="of the weights, for --zoo. Default: MIT")


def run(arguments: argparse.Namespace) -> None:
    """Pack the model; print what was kept, its size and how far its samples changed as JSON."""
    require_suffix(arguments.out, (".safetensors",), "a native checkpoint")
    require_writable(arguments.out)
    if arguments.zoo is not None and not arguments.description:
        raise StyleAlignError("--zoo: goes with --description, a line that a person can choose by")
    if arguments.zoo is not None and not arguments.out.resolve().is_relative_to(arguments.zoo.resolve().parent):
        raise StyleAlignError(f"{arguments.out}: not in a folder beside {arguments.zoo}; its entry names a file there")
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
    if arguments.zoo is not None:
        _list(arguments, small.architecture.resolution)
    size = {"bytes": arguments.out.stat().st_size, "sha256": sha256_of_file(arguments.out)}
    print(json.dumps({"path": str(arguments.out), **size, **packed}, indent=2))


def _list(arguments: argparse.Namespace, resolution_px: int) -> None:
    """Write the entry of the packed file into the zoo."""
    file, folder = arguments.out.resolve(), arguments.zoo.resolve().parent
    entry = ZooEntry(
        description=arguments.description,
        path=file.relative_to(folder).as_posix(),
        sha256=sha256_of_file(file),
        format="native",
        resolution_px=resolution_px,
        discriminator=False,
        licence=arguments.licence,
    )
    list_model(arguments.zoo, arguments.out.stem, entry)
