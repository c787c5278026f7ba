"""`stylealign convert`: a checkpoint in another format."""

import argparse
import json
import sys

HELP = "convert a checkpoint of any known format to the native one"
VERSION = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of the verb."""
    parser.add_argument("source", metavar="SRC", help="checkpoint of any known format, recognised by its content")
    parser.add_argument("out", metavar="DST", help="file to write: .safetensors (native)")


def run(arguments: argparse.Namespace) -> None:
    """Convert and print what was written as JSON."""
    from stylealign.checkpoints.fetch import to_native
    from stylealign.files import sha256_of_file

    found = sha256_of_file(arguments.source)
    source_format = to_native(arguments.source, arguments.out, {"source_sha256": found})
    print(json.dumps({"path": arguments.out, "sha256": sha256_of_file(arguments.out), "source_format": source_format}))
    print(f"stylealign convert: wrote {arguments.out}", file=sys.stderr)
