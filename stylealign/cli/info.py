"""`stylealign info`: what a checkpoint file holds."""

import argparse
import json

from stylealign.checkpoints.recognise import read_any
from stylealign.checkpoints.weights import parameter_counts
from stylealign.files import sha256_of_file


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of the verb."""
    parser.add_argument("model", metavar="MODEL", help="checkpoint of any known format")


def run(arguments: argparse.Namespace) -> None:
    """Print the description."""
    file_format, weights = read_any(arguments.model)
    description = {
        "path": arguments.model,
        "format": file_format,
        "sha256": sha256_of_file(arguments.model),
        "kimg": weights.info.get("kimg"),
        "architecture": weights.architecture.model_dump(),
        "parameters": parameter_counts(weights),
        "info": weights.info,
    }
    print(json.dumps(description, indent=2))
