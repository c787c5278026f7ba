"""Checkpoints: the native format, importers of everyone else's, and downloads. No code from a file ever runs."""

from stylealign.checkpoints.checkpoint import Checkpoint, load
from stylealign.checkpoints.differences import architecture_difference, require_same_architecture

__all__ = ["Checkpoint", "architecture_difference", "load", "require_same_architecture"]
