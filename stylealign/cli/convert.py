"""`stylealign convert`: a checkpoint in another format."""

import argparse
import json
import sys

from stylealign.checkpoints.convert import convert


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of the verb."""
    parser.add_argument("source", metavar="SRC", help="checkpoint of any known format, recognised by its content")
    parser.add_argument("out", metavar="DST", help="file to write: .safetensors is native, .pt rosinality style")


def run(arguments: argparse.Namespace) -> None:
    """Convert and print what was written as JSON."""
    result = convert(arguments.source, arguments.out)
    for notice in result["notices"]:
        print(f"stylealign convert: {arguments.source}: {notice}", file=sys.stderr)
    print(json.dumps(result, indent=2))
