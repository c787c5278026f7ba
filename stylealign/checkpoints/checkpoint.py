"""A checkpoint in memory: the networks of a file, ready to use."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from torch import nn

from stylealign.checkpoints.recognise import read_any
from stylealign.checkpoints.weights import AVERAGED, DISCRIMINATOR, RAW, Weights, empty_network
from stylealign.files import sha256_of_file
from stylealign.networks.architecture import Architecture
from stylealign.networks.discriminator import Discriminator
from stylealign.networks.generator import Generator


@dataclass(frozen=True)
class Checkpoint:
    """The networks of a checkpoint, on the CPU, in evaluation mode, without gradients."""

    architecture: Architecture
    generator: Generator
    """The averaged generator: the one to use."""
    generator_raw: Generator | None
    """The generator as training left it, to go on training from."""
    discriminator: Discriminator | None
    info: dict[str, Any]
    """What the file says beside the weights: `kimg`, `notices`, where it was converted from."""
    sha256: str
    """Hexadecimal SHA-256 of the file."""


def load(path: str | Path) -> Checkpoint:
    """Load a checkpoint: native, or of any format that can be imported, recognised by its content.

    Raises:
        StyleAlignError: a missing, truncated, damaged or unknown file.
    """
    return build(read_any(path).weights, sha256_of_file(path))


def build(weights: Weights, sha256: str) -> Checkpoint:
    """Return the networks of `weights` (checked tensors, which they take over without a copy)."""
    networks = {name: _network(weights, name) for name in weights.networks}
    return Checkpoint(
        architecture=weights.architecture,
        generator=cast(Generator, networks[AVERAGED]),
        generator_raw=cast("Generator | None", networks.get(RAW)),
        discriminator=cast("Discriminator | None", networks.get(DISCRIMINATOR)),
        info=weights.info,
        sha256=sha256,
    )


def _network(weights: Weights, name: str) -> nn.Module:
    network = empty_network(weights.architecture, name)
    network.load_state_dict(weights.networks[name], assign=True)
    return network.eval().requires_grad_(False)
