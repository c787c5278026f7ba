"""Files of pickles: plain ones, and the two containers `torch.save` writes: a zip archive (torch >= 1.6), and the older
sequence of pickles.

Both containers hold a pickle whose tensors refer to storages by key; the storages' bytes follow it, uncompressed.
"""

import struct
import zipfile
from typing import Any

from stylealign.checkpoints.untrusted.globals import ALLOWED
from stylealign.checkpoints.untrusted.machine import PickleMachine
from stylealign.checkpoints.untrusted.opcodes import run
from stylealign.checkpoints.untrusted.source import Source, shown
from stylealign.checkpoints.untrusted.storages import STORAGES, StoragesOfFile
from stylealign.checkpoints.untrusted.torch_sequence import read_sequence
from stylealign.files import opened_zip

PICKLE_START = b"\x80"
LEGACY_START = bytes.fromhex("80028a0a6cfc9c46f9206aa850192e")
"""The pickled magic number: how an older torch file begins."""
ZIP_START = b"PK\x03\x04"
MOST_ENTRIES = 100_000


def read_pickle(source: Source) -> Any:
    """Return the object in a pickle.

    Raises:
        StyleAlignError: truncated, damaged, or whatever the unpickler refuses.
    """
    return run(PickleMachine(source, ALLOWED))


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
    storages = StoragesOfFile(source)
    start, stop = entries[names[0]]
    value = run(PickleMachine(source, ALLOWED | STORAGES, start, stop, storages))
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
        with opened_zip(source.name) as archive:
            infos = archive.infolist()
    except (OSError, zipfile.BadZipFile) as error:
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
    return read_sequence(source, 0, source.size, ALLOWED | STORAGES)
