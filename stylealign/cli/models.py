"""Flags that the verbs which use trained models share."""

import argparse
from pathlib import Path

from stylealign.errors import StyleAlignError
from stylealign.metrics.networks.registry import network_of


def add_model_pair(parser: argparse.ArgumentParser) -> None:
    """Add the flags that name codes, the model they belong to, and the model to move to."""
    parser.add_argument(
        "--codes",
        type=Path,
        required=True,
        metavar="NPZ",
        help="codes.npz of stylealign invert, or codes of another program (.npz, .npy, .pt)",
    )
    parser.add_argument("--source-model", type=Path, required=True, metavar="MODEL", help="model the codes belong to")
    parser.add_argument(
        "--target-model",
        type=Path,
        required=True,
        metavar="MODEL",
        help="model of the same architecture: a child, a parent, a sibling or a control",
    )


def add_weights(parser: argparse.ArgumentParser, setting: str = "--perceptual") -> None:
    """Add the flag that names the weights of the network that `setting` chooses."""
    parser.add_argument(
        "--weights", type=Path, metavar="FILE", help=f"weights of the network of {setting}, where it needs a download"
    )


def weights_of(arguments: argparse.Namespace, network: str) -> Path | None:
    """Return the file of `--weights` that a network takes: None for the one that comes as a package.

    Raises:
        StyleAlignError: a file for a network that needs none.
    """
    weights: Path | None = arguments.weights
    if weights is not None and network_of(network).is_bundled:
        raise StyleAlignError(f"--weights: {network} comes with a package and takes no {weights}; leave it out")
    return weights
