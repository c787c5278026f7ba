"""`stylealign blend`: layers of two aligned models, the way beyond the second, or the changes of both added."""

import argparse
import json
from pathlib import Path

from stylealign.applications.blending import blend, mapping_share, resolution_shares
from stylealign.checkpoints import native
from stylealign.checkpoints.differences import load_matching
from stylealign.cli.arguments import add_settings, settings_from
from stylealign.cli.progress import warn
from stylealign.config import BlendSettings
from stylealign.files import require_suffix, require_writable
from stylealign.latents.kinship import kin_of_models
from stylealign.provenance import provenance_of
from stylealign.versions import version


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("first", type=Path, metavar="FIRST", help="model of the coarse layers (pose, shape)")
    parser.add_argument("second", type=Path, metavar="SECOND", help="model of the fine layers (texture, colour)")
    parser.add_argument(
        "--base",
        type=Path,
        metavar="PARENT",
        help="add the second model's change since this one: FIRST + amount (SECOND - PARENT)",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="MODEL", help="the blended model (.safetensors)")
    add_settings(parser, BlendSettings)


def run(arguments: argparse.Namespace) -> None:
    """Blend; print the share of the second model at each resolution as JSON."""
    settings = settings_from(arguments, BlendSettings)
    require_suffix(arguments.out, (".safetensors",), "a native checkpoint")
    require_writable(arguments.out)

    first, second = load_matching(arguments.first, arguments.second)
    base = None if arguments.base is None else load_matching(arguments.first, arguments.base)[1]
    added = base is not None
    others = {arguments.second: second} | ({} if base is None else {arguments.base: base})
    unlike = [path for path, model in others.items() if kin_of_models(first, model) is None]
    for path in unlike:
        warn("blend", f"{path} is of another family than {arguments.first}: their weights do not mean the same")
    shares = {str(r): share for r, share in resolution_shares(first.architecture, settings, added).items()}
    inputs = {"first": arguments.first, "second": arguments.second, "base": arguments.base}
    known = {"first": first.sha256, "second": second.sha256} | ({} if base is None else {"base": base.sha256})
    made = provenance_of("blend", version("blend"), settings, inputs, known_sha256=known)
    blended = {"shares": shares, "mapping": mapping_share(settings, added), "family": not unlike}
    info = {"blend": blended, "provenance": made}
    origin = None if base is None else base.generator
    native.save(arguments.out, generator=blend(first.generator, second.generator, settings, origin), info=info)
    print(json.dumps(shares))
