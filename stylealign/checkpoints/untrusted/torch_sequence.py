"""The older container of `torch.save`: a sequence of pickles, and behind it the bytes of the storages."""

import struct
from typing import Any

from stylealign.checkpoints.untrusted.machine import Constructor, PickleMachine
from stylealign.checkpoints.untrusted.opcodes import run
from stylealign.checkpoints.untrusted.source import Blob, Source
from stylealign.checkpoints.untrusted.storages import STORAGES, StoragesOfFile
from stylealign.checkpoints.untrusted.values import Storage

MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
LEGACY_PROTOCOL = 1001


def read_nested_storage(blob: Blob) -> Storage:
    """Return the storage that a torch file inside a pickle holds (nothing else is allowed in there).

    Raises:
        StyleAlignError: anything else.
    """
    storage = read_sequence(blob.source, blob.start, blob.stop, STORAGES | {("collections", "OrderedDict"): None})
    if not isinstance(storage, Storage):
        raise blob.source.refuse("calls torch.storage._load_from_bytes on what is no storage; refused")
    return storage


def read_sequence(source: Source, start: int, stop: int, allowed: dict[tuple[str, str], Constructor | None]) -> Any:
    """Read magic number, protocol, system, object and keys (five pickles), then the storages in the keys' order."""
    position = start

    def following(globals_: dict[tuple[str, str], Constructor | None], persistent: Any = None) -> Any:
        nonlocal position
        machine = PickleMachine(source, globals_, position, stop, persistent)
        value = run(machine)
        position = machine.position
        return value

    magic, protocol, system = following({}), following({}), following({})
    if type(magic) is not int or magic != MAGIC_NUMBER or type(protocol) is not int or protocol != LEGACY_PROTOCOL:
        raise source.refuse("not a file that torch.save wrote; truncated or damaged")
    if not isinstance(system, dict) or system.get("little_endian") is not True:
        raise source.refuse("written on a big-endian machine; convert it there")
    storages = StoragesOfFile(source)
    value = following(allowed, storages)
    keys = following({})
    if not isinstance(keys, list):
        raise source.refuse("has no list of storages; truncated or damaged")
    for key in keys:
        if not isinstance(key, (str, int)) or str(key) not in storages.by_key:
            raise source.refuse("lists a storage that nothing refers to; the file is damaged")
        storage = storages.by_key[str(key)]
        position = _place(source, storage, position, stop)
    return value


def _place(source: Source, storage: Storage, position: int, stop: int) -> int:
    """Place a storage at `position` (its length as 8 bytes, then its values) and return the byte behind it."""
    (numel,) = struct.unpack("<q", source.data[position : position + 8].ljust(8, b"\0"))
    if numel != storage.numel or position + 8 > stop:
        raise source.refuse("a storage has another length than the file says; truncated or damaged")
    storage.place(position + 8, stop)
    return position + 8 + storage.numel * storage.dtype.itemsize
