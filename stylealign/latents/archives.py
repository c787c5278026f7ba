"""How codes and directions are written: arrays by name in one `.npz` file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from stylealign.files import UNREADABLE_ARRAYS, atomic_path

DIRECTIONS = "stylealign-directions-1"
"""Format of files of directions."""


class Vectors(Protocol):
    """Named vectors of one space of one model."""

    @property
    def values(self) -> NDArray[Any]:
        """`[K, *shape]`."""

    @property
    def space(self) -> str:
        """Name of the space."""

    @property
    def model_sha256(self) -> str:
        """Hash of the model."""

    @property
    def names(self) -> Sequence[str]:
        """`[K]`."""


def form_of(path: str | Path) -> str | None:
    """Return the name of the format of a file that `write_vectors` wrote; None for any other file."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return str(file["format"])
    except UNREADABLE_ARRAYS:
        return None


def write_vectors(path: str | Path, form: str, vectors: Vectors, **others: Any) -> None:
    """Write `path` (.npz), atomically; the same arrays give the same bytes.

    Args:
        path: the file.
        form: name of its format.
        vectors: what is written under the names of `Vectors`.
        others: more arrays, by name.

    Raises:
        StyleAlignError: the operating system refused the write.
    """
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez(
            file,
            format=np.array(form),
            values=vectors.values,
            space=np.array(vectors.space),
            model_sha256=np.array(vectors.model_sha256),
            names=np.array(list(vectors.names), dtype=np.str_),
            **others,
        )
