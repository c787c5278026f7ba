"""Checkpoints: the native format, importers of everyone else's, and downloads. No code from a file ever runs."""

from stylealign.checkpoints.checkpoint import Checkpoint, load

__all__ = ["Checkpoint", "load"]
