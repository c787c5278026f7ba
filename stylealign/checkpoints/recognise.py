"""What a file is, by its content: the file's name plays no part."""

from pathlib import Path

from stylealign.checkpoints import native
from stylealign.checkpoints.weights import Weights

NATIVE = "native"


def format_of(path: str | Path) -> str:
    """Return the format of a checkpoint file."""
    return NATIVE


def read_weights(path: str | Path) -> Weights:
    """Read a checkpoint of any known format."""
    return native.read(path)
