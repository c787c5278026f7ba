"""What the names on the allow-list stand for: tensors, arrays and plain objects, described but not yet read."""

import math
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from stylealign.checkpoints.untrusted.machine import PickleMachine, Stateful
from stylealign.checkpoints.untrusted.source import Blob, Source, shown

DTYPES = {
    "f2": torch.float16,
    "f4": torch.float32,
    "f8": torch.float64,
    "i1": torch.int8,
    "i2": torch.int16,
    "i4": torch.int32,
    "i8": torch.int64,
    "u1": torch.uint8,
    "b1": torch.bool,
}
"""Array types by NumPy's names."""


@dataclass
class Storage:
    """The flat values that tensors are views of."""

    source: Source
    dtype: torch.dtype
    numel: int
    start: int | None = None
    """First byte in the file, once known."""

    def place(self, start: int, stop: int) -> None:
        """Note where in the file the values are.

        Raises:
            StyleAlignError: there is not room for all of them.
        """
        if self.numel * self.dtype.itemsize > stop - start:
            raise self.source.refuse(
                f"a storage claims {self.numel} values, more than the file holds; truncated or damaged"
            )
        self.start = start


@dataclass(frozen=True)
class StoredTensor:
    """A tensor of the file: a view of a storage."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def read(self) -> Tensor:
        """Read the tensor, contiguous, in its own memory."""
        storage = self.storage
        if storage.start is None:
            raise storage.source.refuse("a tensor has no data in the file; truncated or damaged")
        n_dense = math.prod(self.shape)
        start = storage.start + self.offset * storage.dtype.itemsize
        if self.strides == _dense_strides(self.shape):
            return storage.source.read_tensor(start, storage.dtype, n_dense).reshape(self.shape)
        span = (
            1 + sum((size - 1) * stride for size, stride in zip(self.shape, self.strides, strict=True))
            if n_dense
            else 0
        )
        storage.source.spend(n_dense * storage.dtype.itemsize)
        return storage.source.read_tensor(start, storage.dtype, span).as_strided(self.shape, self.strides).contiguous()


def make_tensor(m: PickleMachine, storage: Any, offset: Any, shape: Any, strides: Any) -> StoredTensor:
    """Return a view of a storage.

    Raises:
        StyleAlignError: a view that repeats values or leaves the storage.
    """
    sizes = (*shape, *strides, offset) if isinstance(shape, tuple) and isinstance(strides, tuple) else (None,)
    if not isinstance(storage, Storage) or any(type(size) is not int or size < 0 for size in sizes) or len(shape) > 8:
        raise m.unexpected("rebuilds a tensor")
    if len(shape) != len(strides):
        raise m.unexpected("rebuilds a tensor")
    numel = math.prod(shape)
    last = sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True)) if numel else -1
    if numel > storage.numel or offset + last >= max(storage.numel, 1):
        raise m.source.refuse("a tensor claims more values than its storage has; the file is damaged or hostile")
    return StoredTensor(storage, offset, shape, strides)


def _dense_strides(shape: tuple[int, ...]) -> tuple[int, ...]:
    strides: list[int] = []
    step = 1
    for size in reversed(shape):
        strides.insert(0, step)
        step *= max(size, 1)
    return tuple(strides)


class Dtype(Stateful):
    """A NumPy type: little-endian numbers only."""

    def __init__(self, m: PickleMachine, name: Any) -> None:
        text = name.lstrip("<|=") if isinstance(name, str) else name
        if not isinstance(text, str) or text not in DTYPES:
            raise m.source.refuse(f"an array of type {shown(name)}, which no known checkpoint holds")
        self.dtype = DTYPES[text]

    def set_state(self, machine: PickleMachine, state: Any) -> None:
        """Check version, byte order, and that there are no fields, names or sub-arrays."""
        plain = (
            isinstance(state, tuple)
            and len(state) >= 5
            and state[0] in (3, 4)
            and all(part is None for part in state[2:5])
        )
        if not plain or state[1] not in ("<", "|", "="):
            raise machine.unexpected("builds numpy.dtype")


class Array(Stateful):
    """A NumPy array of the file."""

    def __init__(self) -> None:
        self.shape: tuple[int, ...] = (0,)
        self.dtype = torch.float32
        self.fortran = False
        self.data: Blob | bytes = b""

    def set_state(self, machine: PickleMachine, state: Any) -> None:
        """Take over (version, shape, dtype, Fortran order, bytes)."""
        if not isinstance(state, tuple) or len(state) != 5 or not isinstance(state[2], Dtype):
            raise machine.unexpected("builds numpy.ndarray")
        _, shape, dtype, fortran, data = state
        self.fill(machine, shape, dtype.dtype, bool(fortran), data)

    def fill(self, m: PickleMachine, shape: Any, dtype: torch.dtype, fortran: bool, data: Any) -> None:
        """Describe the array.

        Raises:
            StyleAlignError: the shape does not fit the data.
        """
        if isinstance(data, str):  # bytes as Python 2 wrote them
            data = as_bytes(m, data)
        good_shape = (
            isinstance(shape, tuple) and len(shape) <= 8 and all(type(size) is int and size >= 0 for size in shape)
        )
        if not good_shape or not isinstance(data, (Blob, bytes)):
            raise m.unexpected("builds numpy.ndarray")
        if math.prod(shape) * dtype.itemsize != len(data):
            raise m.source.refuse("an array claims another size than its data has; the file is damaged or hostile")
        self.shape, self.dtype, self.fortran, self.data = shape, dtype, fortran, data

    def read(self) -> Tensor:
        """Read the array as a contiguous tensor in its own memory."""
        numel = math.prod(self.shape)
        if isinstance(self.data, Blob):
            flat = self.data.source.read_tensor(self.data.start, self.dtype, numel)
        else:
            flat = (
                torch.frombuffer(bytearray(self.data), dtype=self.dtype) if numel else torch.empty(0, dtype=self.dtype)
            )
        if not self.fortran:
            return flat.reshape(self.shape)
        return flat.reshape(self.shape[::-1]).permute(*reversed(range(len(self.shape)))).contiguous()


@dataclass
class Instance(Stateful):
    """An object of a class that is known by name only: its class and its attributes."""

    class_name: str
    state: dict[str, Any] = field(default_factory=dict)

    def set_state(self, machine: PickleMachine, state: Any) -> None:
        """Keep the attributes."""
        if not isinstance(state, dict):
            raise machine.unexpected(f"sets the state of {shown(self.class_name)}")
        self.state = state


class Module(Instance):
    """A module that `torch.save` pickled whole: its attributes hold its tensors and its children."""


def as_bytes(m: PickleMachine, text: str) -> bytes:
    """Return bytes that an old pickle protocol spells as Latin-1 text."""
    m.source.spend(len(text))
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError as error:
        raise m.unexpected("calls _codecs.encode") from error
