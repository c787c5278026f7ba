"""`stylealign fetch`: a known model, a file or an address becomes a native checkpoint."""

import argparse
import json
import shutil
import sys
from typing import Any

from stylealign.checkpoints.checkpoint import Checkpoint, load
from stylealign.checkpoints.differences import require_same_architecture
from stylealign.checkpoints.fetch import fetch, fetch_file
from stylealign.checkpoints.zoo import default_zoo
from stylealign.cli.downloads import add_download, opened_cache
from stylealign.errors import StyleAlignError
from stylealign.files import atomic_path, require_suffix, require_writable, sha256_of_file
from stylealign.latents.kinship import likeness
from stylealign.latents.relatives import KIN


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of the verb."""
    parser.add_argument("source", metavar="SOURCE", help="name in the zoo, path, or http(s) address")
    parser.add_argument("--out", required=True, metavar="FILE", help="native checkpoint to write (model.safetensors)")
    parser.add_argument("--sha256", metavar="HEX", help="checksum that the source file must have")
    parser.add_argument(
        "--parent", metavar="MODEL", help="model that SOURCE was fine-tuned from, as far as one knows: its weights tell"
    )
    parser.add_argument(
        "--weights",
        action="store_true",
        help="SOURCE is a feature network of the zoo: store its file as it is",
    )
    add_download(parser)


def run(arguments: argparse.Namespace) -> None:
    """Fetch the model and print what was written as JSON."""
    require_writable(arguments.out)
    if arguments.weights:
        _fetch_weights(arguments)
        return
    require_suffix(arguments.out, (".safetensors",), "a native checkpoint")
    zoo = arguments.zoo or default_zoo()
    parent = None if arguments.parent is None else load(arguments.parent)
    with opened_cache(arguments, arguments.source) as cache:
        result = fetch(arguments.source, arguments.out, zoo=zoo, cache=cache, sha256=arguments.sha256)
    if parent is not None:
        result |= _family(arguments.out, arguments.parent, parent)
    for notice in result["notices"]:
        print(f"stylealign fetch: {arguments.source}: {notice}", file=sys.stderr)
    print(json.dumps(result, indent=2))


def _family(child: str, parent: str, other: Checkpoint) -> dict[str, Any]:
    """Say whether a model looks like a child of `parent`; one that does not is named, not refused."""
    own = load(child)
    cosine = likeness(own.generator, other.generator)
    reason = f"cosine of their mapping networks {cosine:.3f}, of a child above {KIN}"
    is_child = cosine > KIN
    try:
        require_same_architecture(other.architecture, own.architecture, (parent, child))
    except StyleAlignError as error:
        reason, is_child = str(error), False
    if not is_child:
        print(
            f"stylealign fetch: {child}: does not look like a child of {parent} ({reason}); what is measured of the two"
            " is that of unrelated models",
            file=sys.stderr,
        )
    return {"parent": parent, "is_child": is_child, "mapping_cosine": cosine}


def _fetch_weights(arguments: argparse.Namespace) -> None:
    """Store a file of weights as it was published."""
    if arguments.parent is not None:
        raise StyleAlignError("--parent: is of models, not of --weights; leave one of them out")
    zoo = arguments.zoo or default_zoo()
    with opened_cache(arguments, arguments.source) as cache:
        file = fetch_file("weights", arguments.source, zoo, cache)
        found = sha256_of_file(file)
    if arguments.sha256 is not None and found != arguments.sha256.lower():
        raise StyleAlignError(f"{file}: its sha256 is {found}, not {arguments.sha256} as --sha256 says")
    with atomic_path(arguments.out) as temporary:
        shutil.copyfile(file, temporary)
    print(json.dumps({"path": arguments.out, "sha256": sha256_of_file(arguments.out)}, indent=2))
