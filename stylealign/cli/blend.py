"""`stylealign blend`: a model whose coarse layers come from one model and whose fine ones from an aligned one."""

import argparse
import json
from pathlib import Path

from stylealign.applications.blending import blend, resolution_shares
from stylealign.checkpoints import native
from stylealign.checkpoints.differences import load_matching
from stylealign.cli.arguments import add_settings, settings_from
from stylealign.config import BlendSettings
from stylealign.files import require_writable
from stylealign.provenance import provenance_of
from stylealign.versions import version


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("first", type=Path, metavar="FIRST", help="model of the coarse layers (pose, shape)")
    parser.add_argument("second", type=Path, metavar="SECOND", help="model of the fine layers (texture, colour)")
    parser.add_argument("--out", type=Path, required=True, metavar="MODEL", help="the blended model (.safetensors)")
    add_settings(parser, BlendSettings)


def run(arguments: argparse.Namespace) -> None:
    """Blend; print the share of the second model at each resolution as JSON."""
    settings = settings_from(arguments, BlendSettings)
    require_writable(arguments.out)

    first, second = load_matching(arguments.first, arguments.second)
    shares = {str(resolution): share for resolution, share in resolution_shares(first.architecture, settings).items()}
    inputs = {"first": arguments.first, "second": arguments.second}
    made = provenance_of(
        "blend", version("blend"), settings, inputs, known_sha256={"first": first.sha256, "second": second.sha256}
    )
    info = {"blend": {"shares": shares, "mapping": settings.mapping}, "provenance": made}
    native.save(arguments.out, generator=blend(first.generator, second.generator, settings), info=info)
    print(json.dumps(shares))
