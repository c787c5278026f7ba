"""`stylealign grow`: a model of twice the resolution, which draws the same images up-sampled until it is trained."""

import argparse
import json
from pathlib import Path

from stylealign.checkpoints import native
from stylealign.checkpoints.checkpoint import load
from stylealign.cli.arguments import at_least
from stylealign.errors import StyleAlignError
from stylealign.files import require_suffix, require_writable, sha256_of_file
from stylealign.networks.growing import grown_discriminator, grown_generator


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("model", type=Path, metavar="MODEL", help="checkpoint of any known format")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the grown model (.safetensors)")
    parser.add_argument(
        "--seed", type=at_least(0, 2**32 - 1), default=0, metavar="N", help="of the new blocks' weights. Default: 0"
    )


def run(arguments: argparse.Namespace) -> None:
    """Grow every network of the model; print the file and its resolution as JSON."""
    require_suffix(arguments.out, (".safetensors",), "a native checkpoint")
    require_writable(arguments.out)
    model = load(arguments.model)
    try:
        generator = grown_generator(model.generator, arguments.seed)
    except StyleAlignError as error:
        raise StyleAlignError(f"{arguments.model}: {error}") from error
    raw = None if model.generator_raw is None else grown_generator(model.generator_raw, arguments.seed)
    judge = None if model.discriminator is None else grown_discriminator(model.discriminator, arguments.seed)
    info = model.info | {"grown_from_sha256": model.sha256}
    native.save(arguments.out, generator=generator, generator_raw=raw, discriminator=judge, info=info)
    made = {"path": str(arguments.out), "resolution_px": generator.architecture.resolution}
    print(json.dumps(made | {"sha256": sha256_of_file(arguments.out)}, indent=2))
