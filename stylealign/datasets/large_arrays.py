"""Arrays that may be larger than a machine's memory, such as the masks of a large set: looked at and filled in parts.

One of `LARGE_BYTES` or more lies in a file that is gone with it: the system keeps in memory what of it is used, and as
much as there is room for. Its numbers are those of an array in memory.
"""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from math import prod

import numpy as np
from numpy.typing import DTypeLike, NDArray

LARGE_BYTES = 1 << 30
PART_BYTES = 1 << 26
"""Size of the rows that are worked on at once."""


def empty(shape: Sequence[int], dtype: DTypeLike) -> NDArray:
    """Return an array to be filled; a large one in a file in the folder for temporary files, where that has room."""
    dtype, shape = np.dtype(dtype), tuple(shape)
    size = prod(shape) * dtype.itemsize
    if size >= LARGE_BYTES:
        try:
            with tempfile.TemporaryFile() as file:
                _reserve(file.fileno(), size)
                return np.asarray(np.memmap(file, dtype, "r+", shape=shape))
        except OSError:  # no room there: memory has it, or nothing has
            pass
    return np.empty(shape, dtype)


@contextmanager
def spool() -> Iterator["tempfile.SpooledTemporaryFile[bytes]"]:
    """Yield a file for rows that are added one by one: in memory until they are large, and gone at the end."""
    file = tempfile.SpooledTemporaryFile(max_size=max(1, LARGE_BYTES - 1))  # noqa: SIM115 - closed below
    try:
        yield file
    finally:
        with suppress(OSError):  # what could not be written was said before
            file.close()


def spooled(file: "tempfile.SpooledTemporaryFile[bytes]", row_shape: Sequence[int], dtype: DTypeLike) -> NDArray | None:
    """Return the rows of a file of `spool`, None where there are none; they stay when it is closed."""
    size, dtype = file.tell(), np.dtype(dtype)
    shape = (size // (prod(row_shape) * dtype.itemsize), *row_shape)
    if size == 0:
        return None
    if size >= LARGE_BYTES:
        file.flush()
        return np.asarray(np.memmap(file, dtype, "r+", shape=shape))
    found = np.empty(shape, dtype)
    file.seek(0)
    file.readinto(found.data.cast("B"))
    return found


def _reserve(file: int, size: int) -> None:
    """Make a file as large as this; raise OSError where there is no room, not only when it is written to."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file, 0, size)
    elif shutil.disk_usage(tempfile.gettempdir()).free < size:  # such as on a Mac
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    else:
        os.truncate(file, size)


def parts(count: int, row_bytes: int) -> Iterator[slice]:
    """Yield the slices of `count` rows that are worked on at once."""
    step = max(1, PART_BYTES // max(1, row_bytes))
    return (slice(start, min(start + step, count)) for start in range(0, count, step))


def parts_of(array: NDArray) -> Iterator[slice]:
    """Yield the slices of an array's rows that are worked on at once."""
    return parts(len(array), array.nbytes // max(1, len(array)))


def rows(array: NDArray, chosen: NDArray[np.integer]) -> NDArray:
    """Return `array[chosen]`, a copy of some rows."""
    found = empty((len(chosen), *array.shape[1:]), array.dtype)
    for part in parts_of(found):
        found[part] = array[chosen[part]]
    return found
