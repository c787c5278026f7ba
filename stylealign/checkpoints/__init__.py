"""Checkpoints: the native format, importers of everyone else's, and downloads. No code from a file ever runs.

The names below bring torch and are imported when they are first used: the list of known models and downloads do
without it.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stylealign.checkpoints.checkpoint import Checkpoint, load
    from stylealign.checkpoints.differences import architecture_difference, require_same_architecture

__all__ = ["Checkpoint", "architecture_difference", "load", "require_same_architecture"]

_MODULES = {"Checkpoint": "checkpoint", "load": "checkpoint"}


def __getattr__(name: str) -> Any:
    """Import the module of a name at its first use."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES.get(name, 'differences')}"), name)
