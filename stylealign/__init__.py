"""Aligned StyleGAN2 models: train, invert, translate, morph and measure them.

`stylealign.load(path)` reads a checkpoint. Importing the package does not import torch; the first `load` does.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stylealign.checkpoints import Checkpoint, load

__all__ = ["Checkpoint", "load"]


def __getattr__(name: str) -> Any:
    """Import the checkpoints (and torch) when one of their names is first used."""
    if name in __all__:
        from stylealign import checkpoints

        return getattr(checkpoints, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """List the lazily imported names beside the others."""
    return sorted({*globals(), *__all__})
