"""Atomic writes, hashes and JSON: how every file of the project reaches the disk."""

import fcntl
import hashlib
import json
import os
import re
import secrets
import shutil
import stat
import struct
import tempfile
import time
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from stylealign.errors import StyleAlignError

NEW = ".new-"
"""How the names of temporary folders begin."""
YOUNGEST_LEFT_BEHIND_S = 86400.0
"""Younger folders may be in work where no lock tells: that of a network's file system may hold on one machine alone."""
_TEMPORARY = re.compile(re.escape(NEW) + r"[a-z0-9_]{8}")
"""As `tempfile` names them."""

_LZMA_ERROR: type[Exception] = getattr(getattr(zipfile, "lzma", None), "LZMAError", zlib.error)
UNREADABLE_ENTRY = (zipfile.BadZipFile, zlib.error, _LZMA_ERROR, EOFError, OSError, RuntimeError)
"""What reading an entry of a zip may raise: one that is damaged, encrypted, or packed by an unknown method."""

UNREADABLE_ARRAYS = (*UNREADABLE_ENTRY, ValueError, KeyError, IndexError, TypeError, AttributeError)
"""What reading a file of NumPy's may raise: a damaged one, or one of other arrays."""


@contextmanager
def opened_zip(path: str | Path) -> Iterator[zipfile.ZipFile]:
    """Yield a zip, opened for reading.

    Raises:
        OSError: it cannot be read.
        zipfile.BadZipFile: no zip, or one whose list of entries is damaged, in whatever way.
    """
    try:
        archive = zipfile.ZipFile(path)
    except (NotImplementedError, ValueError, OverflowError, struct.error) as error:
        raise zipfile.BadZipFile(str(error)) from error
    with archive:
        yield archive


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path` that replaces it when the block succeeds.

    The temporary file keeps the suffix of `path`, so writers that choose a format by suffix work. On any
    error, a full disk included, the temporary file is removed, with folders that were made for it, and an older `path`
    stays as it was. The umask decides who may read the file.

    Raises:
        StyleAlignError: the operating system refused the write (full disk, missing permission).
    """
    path = Path(path)
    temporary = None
    new_folders = [folder for folder in path.parents if not folder.exists()]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = _new_file(path)
        permissions = stat.S_IMODE(temporary.stat().st_mode)
        yield temporary
        temporary.chmod(permissions)  # safetensors puts a file of its own there, for its owner's eyes alone
        _flush_to_disk(temporary)
        temporary.replace(path)
    except OSError as error:
        raise StyleAlignError(f"{path}: cannot be written ({error.strerror or error}); nothing was changed") from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        with suppress(OSError):  # not empty: the file, or another one, is there
            for folder in new_folders:
                folder.rmdir()


@contextmanager
def atomic_files(folder: str | Path, last: str, removed: Iterable[str] = ()) -> Iterator[Path]:
    """Yield a temporary folder whose files and folders move into `folder` together when the block succeeds.

    On any error an older content of `folder` stays as it was. What a process that was killed left there goes.

    Args:
        folder: where the files belong; it need not exist yet.
        last: the file that moves last, so that it stands for all of them.
        removed: names in `folder` that go where the block made no such file: what belonged to an older content.

    Raises:
        StyleAlignError: the operating system refused the write (full disk, missing permission).
    """
    folder = Path(folder)
    existed = folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _remove_left_behind(folder)
        temporary = Path(tempfile.mkdtemp(dir=folder, prefix=NEW))
    except OSError as error:
        raise StyleAlignError(
            f"{folder}: cannot be written ({error.strerror or error}); nothing was changed"
        ) from error
    holding = _hold(temporary)
    try:
        yield temporary
        made = sorted(temporary.iterdir(), key=lambda path: path.name == last)
        for name in {last, *removed} - {path.name for path in made[:-1]}:
            _remove(folder / name)
        for path in made:
            if path.is_dir():  # takes the place of no other folder by itself
                _remove(folder / path.name)
            path.replace(folder / path.name)
    except OSError as error:
        raise StyleAlignError(f"{folder}: cannot be written ({error.strerror or error})") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        if holding is not None:
            os.close(holding)
        if not existed:
            with suppress(OSError):  # not empty: the files have moved
                folder.rmdir()


def _hold(folder: Path) -> int | None:
    """Mark a folder as one that a process works in, until the returned file is closed; None where another one does."""
    try:
        file = os.open(folder, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # held, or a file system without locks
        os.close(file)
        return None
    return file


def _remove_left_behind(folder: Path) -> None:
    """Remove the temporary folders in a folder that no process works in any more."""
    for path in (path for path in folder.glob(f"{NEW}*") if _TEMPORARY.fullmatch(path.name)):
        with suppress(OSError):
            if time.time() - path.stat().st_mtime < YOUNGEST_LEFT_BEHIND_S:
                continue
            holding = _hold(path)
            if holding is not None:
                shutil.rmtree(path, ignore_errors=True)
                os.close(holding)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def require_writable(path: str | Path, folder: bool = False) -> None:
    """Check before long work that a file, or files of a folder that need not exist yet, can be written at its end.

    Raises:
        StyleAlignError: a file in the way of a folder, a folder in the way of the file, or no permission.
    """
    place = Path(path).absolute()
    if not folder and place.is_dir():
        raise StyleAlignError(f"{path}: a folder; name a file in it")
    place = place if folder else place.parent
    while not (place.exists() or place.is_symlink()):
        place = place.parent
    if not place.is_dir():
        raise StyleAlignError(f"{path}: {place} is no folder; name another place for the results")
    if not os.access(place, os.W_OK | os.X_OK):
        raise StyleAlignError(f"{path}: cannot be written ({place} is protected); name another place for the results")


def require_outside(folder: str | Path, pictures: str | Path) -> None:
    """Check that results go into no folder of pictures, which would be taken for more of them, or take their place.

    Raises:
        StyleAlignError: they would.
    """
    place, read = Path(folder).resolve(), Path(pictures).resolve()
    if read.is_dir() and (place == read or read in place.parents):
        raise StyleAlignError(f"--out-dir: {folder} lies in the folder of the pictures; name another")


def require_suffix(path: str | Path, suffixes: Iterable[str], what: str) -> None:
    """Check that a file's name ends in one of `suffixes`, which tell its format.

    Raises:
        StyleAlignError: it does not.
    """
    if Path(path).suffix.lower() not in suffixes:
        raise StyleAlignError(f"{path}: {what} ends in {', '.join(suffixes)}; name it so")


@contextmanager
def tmpdir_named(what: str) -> Iterator[None]:
    """Name the folder for temporary files, and `what` is kept there, where the system refuses to write into it.

    Raises:
        StyleAlignError: a full, missing or protected folder.
    """
    try:
        yield
    except OSError as error:
        folder = tempfile.tempdir or os.environ.get("TMPDIR") or "/tmp"
        raise StyleAlignError(
            f"TMPDIR: {folder}: {error.strerror or error}; {what} there, set TMPDIR to a folder with room for it"
        ) from error


def _new_file(path: Path) -> Path:
    """Create a file of a name of its own beside `path`, with the permissions that the umask leaves, and return it."""
    stem, suffix = (part.encode(errors="replace").decode() for part in (path.stem, path.suffix))
    while True:  # tempfile's files are for the owner alone, whatever the umask
        temporary = path.with_name(f".{stem[:40]}-{secrets.token_hex(6)}{suffix}")
        with suppress(FileExistsError):
            os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o666))
            return temporary


def _flush_to_disk(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


@contextmanager
def utf8_path(path: str | Path) -> Iterator[Path]:
    """Yield a way to a file for a library that takes names in UTF-8 only: `path`, or one through a link.

    The libraries put a new file in the place of the one they write, so the link is to its folder; only a file whose own
    name is not UTF-8 is linked itself, and can be read alone (temporary files of `atomic_path` have other names).
    """
    path = Path(path)
    if _is_utf8(str(path)):
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        link = Path(folder) / "link"
        through = link / path.name if _is_utf8(path.name) else link
        link.symlink_to(path.absolute() if through is link else path.absolute().parent)
        yield through


def _is_utf8(text: str) -> bool:
    return text.encode(errors="replace") == text.encode(errors="surrogatepass")


def printable(name: str) -> str:
    """Return a file's name for a line of text: bytes that are not UTF-8, line breaks and the like are escaped."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in name)


def user_cache() -> Path | None:
    """Return the folder for what is kept between runs: downloads and compiled operations. It need not exist.

    It is `STYLEALIGN_CACHE`, else `stylealign` in `XDG_CACHE_HOME` or in `~/.cache`; None for a user without a home to
    write in, as happens in containers and to daemons: `HOME` is not set and the user is unknown to the machine, or the
    folder does not exist and cannot be made.
    """
    own = os.environ.get("STYLEALIGN_CACHE")
    if own:
        return Path(own)
    try:
        folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "stylealign"
        require_writable(folder, folder=True)
    except (RuntimeError, StyleAlignError):
        return None
    return folder


def own_path(text: str) -> str:
    """Return a path that somebody wrote into a configuration, `~` replaced by the home folder."""
    return os.path.expanduser(text)


def sha256_of_file(path: str | Path) -> str:
    """Return the hexadecimal SHA-256 of a file's bytes."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_of_path(path: str | Path) -> str:
    """Return the SHA-256 of a file's bytes, or of a folder: that of the names and hashes of all files in it."""
    path = Path(path)
    if not path.is_dir():
        return sha256_of_file(path)
    files = sorted(file for file in files_below(path) if file.is_file() and os.access(file, os.R_OK))
    return sha256_of_json([[file.relative_to(path).as_posix(), sha256_of_file(file)] for file in files])


def files_below(folder: str | Path) -> Iterator[Path]:
    """Yield every file of a folder and of its folders, also of those that are links, each folder once.

    A link to nothing and a folder that cannot be read are among them, so that reading names them.
    """
    seen: set[tuple[int, int]] = set()
    unread: list[OSError] = []
    for parent, folders, names in os.walk(folder, onerror=unread.append, followlinks=True):
        place = os.stat(parent)
        if (place.st_dev, place.st_ino) in seen:  # a link back, or a second one to the same folder
            folders.clear()
            continue
        seen.add((place.st_dev, place.st_ino))
        folders.sort()
        for path in (Path(parent, name) for name in names):
            if path.is_file() or not path.exists():
                yield path
    yield from (Path(error.filename) for error in unread if error.filename)


def sha256_of_json(value: Any) -> str:
    """Return the hexadecimal SHA-256 of a JSON value, independent of key order."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def write_json(path: str | Path, value: Any) -> None:
    """Write a JSON file atomically, indented, with a final newline."""
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def safetensors_texts(path: str | Path) -> dict[str, Any]:
    """Return the texts in the header of a safetensors file, without reading its tensors.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no safetensors file, or one without texts.
    """
    texts = _safetensors_header(path).get("__metadata__")
    if not isinstance(texts, dict):
        raise ValueError("no texts in the header")
    return texts


def safetensors_names(path: str | Path) -> list[str]:
    """Return the names of the tensors in a safetensors file, without reading them.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no safetensors file.
    """
    return [name for name in _safetensors_header(path) if name != "__metadata__"]


def _safetensors_header(path: str | Path) -> dict[str, Any]:
    with Path(path).open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > Path(path).stat().st_size:
            raise ValueError("a header longer than the file")
        header = json.loads(file.read(length))
    if not isinstance(header, dict):
        raise ValueError("a header without names")
    return header


def read_json(path: str | Path) -> Any:
    """Read a JSON file.

    Raises:
        StyleAlignError: the file is missing or not JSON.
    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise StyleAlignError(f"{path}: no such file") from error
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise StyleAlignError(f"{path}: not a JSON file ({error}); make it again") from error
