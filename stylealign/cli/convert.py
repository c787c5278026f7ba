"""`stylealign convert`: a checkpoint in another format, or codes of another program."""

import argparse
import json
import sys
from pathlib import Path

from stylealign import load
from stylealign.checkpoints.convert import convert
from stylealign.files import require_suffix, require_writable
from stylealign.latents.codes import Codes
from stylealign.latents.spaces import names


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of the verb."""
    parser.add_argument(
        "source",
        metavar="SRC",
        help="checkpoint of any known format, recognised by its content; with --codes-of, codes of another program: "
        ".npz, .npy, or tensors saved by torch",
    )
    parser.add_argument(
        "out", metavar="DST", help="file to write: .safetensors is native, .pt rosinality style, .npz for codes"
    )
    parser.add_argument("--codes-of", type=Path, metavar="MODEL", help="SRC holds codes of this model")
    parser.add_argument("--space", choices=names(), help="space of the codes (default: by their shape)")


def run(arguments: argparse.Namespace) -> None:
    """Convert and print what was written as JSON."""
    require_writable(arguments.out)
    if arguments.codes_of is not None:
        _convert_codes(arguments)
        return
    result = convert(arguments.source, arguments.out)
    for notice in result["notices"]:
        print(f"stylealign convert: {arguments.source}: {notice}", file=sys.stderr)
    print(json.dumps(result, indent=2))


def _convert_codes(arguments: argparse.Namespace) -> None:
    require_suffix(arguments.out, (".npz",), "a file of codes")
    model = load(arguments.codes_of)
    codes = Codes.load(arguments.source, arguments.space, model.sha256, model.architecture)
    codes.save(arguments.out)
    result = {"path": arguments.out, "space": codes.space, "codes": len(codes), "model_sha256": codes.model_sha256}
    print(json.dumps(result, indent=2))
