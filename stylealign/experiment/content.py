"""The content of pictures and models of one's own, by hashes that are kept so that nothing is read twice."""

import os
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

from stylealign.datasets.sources import is_system_file
from stylealign.errors import StyleAlignError
from stylealign.files import opened_zip, read_json, sha256_of_file, sha256_of_json, write_json

LARGE_BYTES = 2e9
"""From here on it is said that files are read."""

Stamp = tuple[int, int, int]
"""Size, time of the content and time of the entry: another stamp may be another content."""


def files_in(source: Path) -> Iterator[tuple[str, Path]]:
    """Yield name and path of every file of a folder and its folders, links followed; of a file, itself."""
    if source.is_file():
        yield source.name, source
        return
    seen: set[str] = set()
    for folder, inner, names in os.walk(source, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:  # a link that leads back
            inner.clear()
            continue
        seen.add(real)
        inner.sort()
        for name in sorted(names):
            path = Path(folder, name)
            if path.is_file():
                yield path.relative_to(source).as_posix(), path


def count_files(source: Path) -> int:
    """Return the number of files of a folder or zip, hidden ones left out; 0 where it cannot be read."""
    if source.is_dir():
        names = [name for name, _ in files_in(source)]
    else:
        try:
            with opened_zip(source) as packed:
                names = [entry.filename for entry in packed.infolist() if not entry.is_dir()]
        except (OSError, zipfile.BadZipFile):
            names = []
    return sum(not name.rpartition("/")[2].startswith(".") for name in names)


def content_of(source: Path, record: Path | None = None) -> str | None:
    """Return the SHA-256 of the names and bytes of a file or folder, None where there is none.

    What an operating system leaves in a folder is no content of it: a look into it is enough to change that. Where a
    record of before counted some, it is counted as it was then, so that nothing is made again for it.

    Args:
        source: file or folder.
        record: JSON file with the hashes found before. A file with the stamp it had then is not read again.
    """
    if not source.exists():
        return None
    known = _read(record)
    is_folder = source.is_dir()
    found = {name: entry for name, entry in known.items() if is_folder and is_system_file(name)}
    files = ((name, path) for name, path in files_in(source) if not (is_folder and is_system_file(name)))
    unread = [(name, path, stamp) for name, path in files if not _take(found, known, name, stamp := _stamp(path))]
    size = sum(stamp[0] for _, _, stamp in unread)
    if size > LARGE_BYTES:
        told = f"reads {len(unread)} files ({size / 1e9:.1f} GB) of {source} once, to know their content"
        print(f"stylealign: {told}", file=sys.stderr)
    for name, path, stamp in unread:
        found[name] = [*stamp, sha256_of_file(path)]
    if record is not None and found != known:
        _write(record, found)
    return sha256_of_json(sorted((name, entry[-1]) for name, entry in found.items()))


def _stamp(path: Path) -> Stamp:
    status = path.stat()
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _take(found: dict[str, list[object]], known: dict[str, list[object]], name: str, stamp: Stamp) -> bool:
    """Take the hash of a file with a known stamp; return whether there is one."""
    entry = known.get(name, [])
    if entry[:-1] != list(stamp):
        return False
    found[name] = entry
    return True


def _read(record: Path | None) -> dict[str, list[object]]:
    if record is None or not record.is_file():
        return {}
    try:
        known = read_json(record)
    except StyleAlignError:  # damaged: the files are read again
        return {}
    return known if isinstance(known, dict) and all(isinstance(entry, list) for entry in known.values()) else {}


def _write(record: Path, found: dict[str, list[object]]) -> None:
    try:
        write_json(record, found)
    except StyleAlignError:  # a folder that may only be read: the files are read again next time
        return
