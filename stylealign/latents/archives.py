"""How codes and directions are written: arrays by name in one `.npz` file."""

from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from stylealign.files import atomic_path


def write_npz(path: str | Path, **arrays: ArrayLike) -> None:
    """Write `path` (.npz), atomically; the same arrays give the same bytes.

    Raises:
        StyleAlignError: the operating system refused the write.
    """
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)
