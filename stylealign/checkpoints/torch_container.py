"""The two containers `torch.save` writes: a zip archive (torch >= 1.6), and the older sequence of pickles.

Both hold a pickle whose tensors refer to storages by key; the storages' bytes follow it, uncompressed.
"""

import struct
import zipfile
from typing import Any

from stylealign.checkpoints.pickle_globals import ALLOWED, STORAGES, storage_dtype
from stylealign.checkpoints.pickle_machine import Constructor, Global, PickleMachine
from stylealign.checkpoints.pickle_values import Storage
from stylealign.checkpoints.source import Blob, Source, shown

MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
LEGACY_PROTOCOL = 1001
LEGACY_START = bytes.fromhex("80028a0a6cfc9c46f9206aa850192e")
"""The pickled magic number: how an older torch file begins."""
ZIP_START = b"PK\x03\x04"
MOST_ENTRIES = 100_000


class _Storages:
    """The storages a pickle refers to, by key."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.by_key: dict[str, Storage] = {}

    def __call__(self, reference: Any) -> Storage | Global:
        """Return the storage of a persistent id ("storage", type, key, location, numel(, None)).

        Older files name the class of a whole module like this too, with its source text, which is dropped unread:
        ("module", class, file, source).
        """
        if isinstance(reference, tuple) and len(reference) == 4 and reference[0] == "module":
            if not isinstance(reference[1], Global):
                raise self.source.refuse("refers to outside data in an unknown way; refused")
            return reference[1]
        if (
            not isinstance(reference, tuple)
            or len(reference) not in (5, 6)
            or reference[0] != "storage"
            or reference[5:] not in ((), (None,))
        ):
            raise self.source.refuse("refers to outside data in an unknown way; refused")
        _, kind, key, _, numel = reference[:5]
        if not isinstance(kind, Global) or (kind.module, kind.name) not in STORAGES or not isinstance(key, (str, int)):
            raise self.source.refuse("refers to outside data in an unknown way; refused")
        if type(numel) is not int or not 0 <= numel <= self.source.size:
            raise self.source.refuse(
                f"a storage claims {shown(numel)} values, more than the file holds; truncated or damaged"
            )
        storage = self.by_key.setdefault(str(key), Storage(self.source, storage_dtype(kind.name), numel))
        if storage.numel != numel or storage.dtype != storage_dtype(kind.name):
            raise self.source.refuse("describes one storage in two ways; the file is damaged")
        return storage


def read_zip(source: Source) -> Any:
    """Return the object in a zip-format torch file.

    Raises:
        StyleAlignError: not such a file, a compressed entry (torch writes none, zip bombs are), overlapping or
            truncated data, or whatever the unpickler refuses.
    """
    entries = _entries(source)
    names = [name for name in entries if _is_skeleton(name)]
    if len(names) != 1:
        raise source.refuse("a zip file, but not one that torch.save wrote; not a model")
    prefix = names[0].removesuffix("data.pkl")
    order = entries.get(f"{prefix}byteorder")
    if order is not None and source.data[slice(*order)] != b"little":
        raise source.refuse("written on a big-endian machine; convert it there")
    storages = _Storages(source)
    start, stop = entries[names[0]]
    value = PickleMachine(source, ALLOWED | STORAGES, start, stop, storages).run()
    for key, storage in storages.by_key.items():
        if f"{prefix}data/{key}" not in entries:
            raise source.refuse(f"storage {shown(key)} is missing; truncated or damaged, make or fetch it again")
        storage.place(*entries[f"{prefix}data/{key}"])
    return value


def _is_skeleton(name: str) -> bool:
    return name.endswith("/data.pkl") and name.count("/") == 1


def _entries(source: Source) -> dict[str, tuple[int, int]]:
    """Return the byte range of every entry of the archive, which must all be stored as they are."""
    try:
        with zipfile.ZipFile(source.name) as archive:
            infos = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, struct.error, NotImplementedError) as error:
        raise source.refuse(f"truncated or damaged zip file ({shown(str(error))}); make or fetch it again") from error
    if not any(_is_skeleton(info.filename) for info in infos):
        raise source.refuse("a zip file, but not one that torch.save wrote; not a model")
    if len(infos) > MOST_ENTRIES:
        raise source.refuse(f"a zip file of {len(infos)} entries, more than any known checkpoint has")
    ranges = {}
    end = 0
    for info in sorted(infos, key=lambda info: info.header_offset):
        if info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size or info.flag_bits & 1:
            raise source.refuse(
                f"entry {shown(info.filename)} is compressed or encrypted, which torch.save never does; refused"
            )
        start = _data_start(source, info.header_offset)
        if info.header_offset < end or start + info.file_size > source.size:
            raise source.refuse(f"entry {shown(info.filename)} overlaps another or the file's end; damaged or hostile")
        end = start + info.file_size
        ranges[info.filename] = (start, end)
    return ranges


def _data_start(source: Source, header: int) -> int:
    """Return where an entry's bytes begin: behind its local header, a name and padding of the lengths given there."""
    local = source.data[header : header + 30]
    if len(local) < 30 or local[:4] != ZIP_START:
        raise source.refuse("damaged zip file; make or fetch it again")
    name, extra = struct.unpack("<HH", local[26:30])
    return header + 30 + name + extra


def read_legacy(source: Source) -> Any:
    """Return the object in an older torch file (before 1.6).

    Raises:
        StyleAlignError: truncated, damaged, or whatever the unpickler refuses.
    """
    return _read_sequence(source, 0, source.size, ALLOWED | STORAGES)


def read_nested_storage(blob: Blob) -> Storage:
    """Return the storage that a torch file inside a pickle holds (nothing else is allowed in there).

    Raises:
        StyleAlignError: anything else.
    """
    storage = _read_sequence(blob.source, blob.start, blob.stop, STORAGES | {("collections", "OrderedDict"): None})
    if not isinstance(storage, Storage):
        raise blob.source.refuse("calls torch.storage._load_from_bytes on what is no storage; refused")
    return storage


def _read_sequence(source: Source, start: int, stop: int, allowed: dict[tuple[str, str], Constructor | None]) -> Any:
    """Read magic number, protocol, system, object and keys (five pickles), then the storages in the keys' order."""
    position = start

    def following(globals_: dict[tuple[str, str], Constructor | None], persistent: Any = None) -> Any:
        nonlocal position
        machine = PickleMachine(source, globals_, position, stop, persistent)
        value = machine.run()
        position = machine.position
        return value

    magic, protocol, system = following({}), following({}), following({})
    if type(magic) is not int or magic != MAGIC_NUMBER or type(protocol) is not int or protocol != LEGACY_PROTOCOL:
        raise source.refuse("not a file that torch.save wrote; truncated or damaged")
    if not isinstance(system, dict) or system.get("little_endian") is not True:
        raise source.refuse("written on a big-endian machine; convert it there")
    storages = _Storages(source)
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
