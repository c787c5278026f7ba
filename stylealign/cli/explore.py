"""`stylealign explore`: a local page to look through a parent and its children."""

import argparse
import functools
import importlib.util
import socket
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from stylealign.checkpoints.zoo import default_zoo
from stylealign.cli.progress import warn
from stylealign.devices import compute_device
from stylealign.errors import StyleAlignError
from stylealign.explore.desk import Desk
from stylealign.explore.family import Family, family_of
from stylealign.explore.finding import Found, directions_of, found_in, on_device
from stylealign.explore.ports import LOCAL, opened_port
from stylealign.explore.scene import Explorer
from stylealign.latents.encoding import load_encoder
from stylealign.metrics.perceptual import perceptual_distance

PORT = 7860
PERCEPTUAL = "efficientnet-lite0"
"""Comes with a package: pictures are inverted without a download."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument(
        "--model", metavar="MODEL", help="the parent: a file, or the name of a bundled model (default: the bundled one)"
    )
    parser.add_argument(
        "--child",
        type=parse_child,
        action="append",
        default=[],
        metavar="[NAME=]MODEL",
        help="a model fine-tuned from the parent; may be given again (default: the bundled children)",
    )
    parser.add_argument(
        "--directions",
        type=Path,
        action="append",
        default=[],
        metavar="NPZ",
        help="file of stylealign directions, beside those that are found at the start; may be given again",
    )
    parser.add_argument("--codes", type=Path, metavar="FILE", help="codes (or a picture) to start with, not a seed")
    parser.add_argument("--encoder", type=Path, metavar="ENCODER", help="encoder of the parent, for pictures")
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen at (default: 127.0.0.1, this machine alone)"
    )
    parser.add_argument("--port", type=parse_port, default=PORT, help=f"port, 0 for a free one (default: {PORT})")


def parse_child(text: str) -> tuple[str, str]:
    """Return name (empty where none is given) and model of `[NAME=]MODEL`."""
    name, separator, model = text.partition("=")
    return (name, model) if separator and name and model and not Path(text).exists() else ("", text)


def parse_port(text: str) -> int:
    """Return a port.

    Raises:
        argparse.ArgumentTypeError: none.
    """
    if not text.isdecimal() or int(text) > 65_535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port from 0 to 65535")
    return int(text)


def run(arguments: argparse.Namespace) -> None:
    """Serve the page until Ctrl-C; print its address when it can be opened."""
    if importlib.util.find_spec("gradio") is None:
        raise StyleAlignError("gradio is not installed; pip install 'stylealign[explore]'")
    # The address first: the models are not loaded for nothing.
    with closing(opened_port(arguments.host, arguments.port)) as listening:
        _serve(arguments, listening)


def _serve(arguments: argparse.Namespace, listening: socket.socket) -> None:
    from stylealign.explore.serving import serve

    family = _loaded(arguments)
    if sys.stderr.isatty():
        print("stylealign explore: finding directions, some seconds ...", file=sys.stderr, flush=True)
    device = compute_device()
    parent = family.parent
    explorer = Explorer(family, directions_of(parent, arguments.directions))
    encoder = None
    if arguments.encoder is not None:
        encoder = load_encoder(arguments.encoder, parent.checkpoint.sha256).to(device)
    distance = functools.cache(lambda: perceptual_distance(PERCEPTUAL, None).to(device))
    first: Found | None = None
    if arguments.codes is not None:
        first = found_in(arguments.codes, parent, encoder, distance)

    def announce(address: str) -> None:
        names = ", ".join(child.name for child in family.children) or "no child"
        print(f"{parent.name} with {names}: open {address} in a browser (Ctrl-C ends)", flush=True)
        if arguments.host not in LOCAL:
            warn("explore", f"whoever reaches {arguments.host} can use the page: it asks for no password")

    serve(lambda folder: Desk(explorer, encoder, distance, folder, first), listening, arguments.host, announce)


def _loaded(arguments: argparse.Namespace) -> Family:
    """Return the models on the device; say which of them are no relatives."""
    family = family_of(arguments.model, arguments.child, default_zoo())
    for child in family.children:
        if not child.is_kin:
            warn(
                "explore", f"{child.path}: does not look fine-tuned from {family.parent.path}; it is drawn all the same"
            )
    if not family.children:
        print("stylealign explore: no child of this model is bundled; add one with --child MODEL", file=sys.stderr)
    device = compute_device()
    children = [on_device(child, device) for child in family.children]
    return replace(family, parent=on_device(family.parent, device), children=children)
