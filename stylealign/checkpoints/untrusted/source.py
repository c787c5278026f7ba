"""A file that is not trusted: read in place, and never asked for more than it holds."""

import mmap
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from stylealign.errors import StyleAlignError

SLACK_BYTES = 1 << 20
MOST_STEPS = 4_000_000
MOST_ECHO = 120


class Source:
    """A file mapped for reading; tensors are read from it one by one, straight into their own memory."""

    def __init__(self, path: str | Path) -> None:
        """Open `path`.

        Raises:
            StyleAlignError: missing, a folder or unreadable.
        """
        self.name = str(path)
        self.steps_left = MOST_STEPS
        try:
            self._file = Path(path).open("rb")  # noqa: SIM115 - closed in __exit__
            self.size = os.fstat(self._file.fileno()).st_size
            # An empty file cannot be mapped, and has nothing to read.
            self.data = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ) if self.size else b""
        except FileNotFoundError as error:
            raise StyleAlignError(f"{path}: no such file") from error
        except IsADirectoryError as error:
            raise StyleAlignError(f"{path}: a folder, not a checkpoint; give the file in it") from error
        except OSError as error:
            raise StyleAlignError(f"{path}: cannot be read ({error.strerror or error})") from error
        self._spent = 0

    def __enter__(self) -> "Source":
        return self

    def __exit__(self, *error: object) -> None:
        if isinstance(self.data, mmap.mmap):
            self.data.close()
        self._file.close()

    def refuse(self, reason: str) -> StyleAlignError:
        """Return the one-line error for a file that will not be read because of `reason`."""
        return StyleAlignError(f"{self.name}: {reason}")

    def spend(self, n_bytes: int) -> None:
        """Count memory that the file asked for; a real checkpoint asks for no more than it is long.

        Raises:
            StyleAlignError: the file claims more data than it holds.
        """
        self._spent += n_bytes
        if self._spent > 2 * self.size + SLACK_BYTES:
            raise self.refuse("claims to hold more data than it is long; the file is damaged or hostile")

    def read_tensor(self, start: int, dtype: torch.dtype, numel: int) -> Tensor:
        """Read `numel` little-endian values at byte `start` into a new tensor `[numel]`."""
        n_bytes = numel * dtype.itemsize
        if start < 0 or start + n_bytes > self.size:
            raise self.refuse("truncated or damaged; make or fetch it again")
        self.spend(n_bytes)
        tensor = torch.empty(numel, dtype=dtype)
        buffer = memoryview(tensor.view(torch.uint8).numpy())  # type: ignore[arg-type]
        done = 0
        while done < n_bytes:
            got = os.preadv(self._file.fileno(), [buffer[done:]], start + done)
            if got == 0:
                raise self.refuse("became shorter while it was read")
            done += got
        return tensor


@dataclass(frozen=True)
class Blob:
    """Bytes of a pickle, left where they are in the file."""

    source: Source
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start

    def read(self, most: int) -> bytes:
        """Return the bytes of a short blob.

        Raises:
            StyleAlignError: longer than `most`.
        """
        if len(self) > most:
            raise self.source.refuse(f"a value of {len(self)} bytes where at most {most} belong; the file is damaged")
        return self.source.data[self.start : self.stop]


def shown(value: Any) -> str:
    """Return text from a file in a form that is safe to print: one line, escaped, short."""
    text = repr(value) if isinstance(value, (str, int, float, bool, type(None))) else f"a {type(value).__name__}"
    return text if len(text) <= MOST_ECHO else text[:MOST_ECHO] + "..."
