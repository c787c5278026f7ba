"""The files of a folder or zip, as cameras, desktops and the web leave them."""

import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from stylealign.datasets.conversion import NotConvertible
from stylealign.errors import StyleAlignError
from stylealign.files import UNREADABLE_ENTRY, files_below, opened_zip

LARGEST_FILE_BYTES = 1 << 30
SYSTEM_FOLDERS = ("__macosx", "@eadir", "$recycle.bin", "system volume information")
SYSTEM_FILES = ("thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r")
PREVIEW = "preview.png"
SET_FILES = ("train.zip", "test.zip", "config.json")
"""What stands beside the preview of a prepared data set."""

Source = tuple[str, Callable[[], bytes]]
"""A file's name and how to read it."""


def is_system_file(name: str) -> bool:
    """Return whether a path inside a folder or zip is hidden, or something that an operating system left there."""
    parts = [part.lower() for part in PurePosixPath(name).parts]
    hidden = any(part.startswith(".") and part not in (".", "..") for part in parts)
    return hidden or any(part in SYSTEM_FOLDERS for part in parts) or parts[-1:] in [[name] for name in SYSTEM_FILES]


def image_sources(source: Path) -> Iterator[Source]:
    """Yield every file of a folder, with its folders and the folders that are links, or of a zip, by its name.

    A folder and a zip of it have the same order. Reading what is no picture for certain raises NotConvertible.

    Raises:
        StyleAlignError: no such folder or zip.
        zipfile.BadZipFile: not a zip, or a damaged one.
    """
    with files_of(source) as readers:
        yield from readers.items()


@contextmanager
def files_of(source: Path) -> Iterator[dict[str, Callable[[], bytes]]]:
    """Yield the same as name -> how to read the file, for as long as the block lasts."""
    if source.is_dir():
        paths = {path.relative_to(source).as_posix(): path for path in files_below(source)}
        yield _in_order(
            {
                name: lambda path=path: read_file(path)  # type: ignore[misc]
                for name, path in paths.items()
            }
        )
    elif source.is_file():
        with opened_zip(source) as packed:
            yield _in_order(
                {
                    entry.filename: lambda entry=entry: read_entry(packed, entry)  # type: ignore[misc]
                    for entry in packed.infolist()
                    if not entry.is_dir()
                }
            )
    else:
        raise StyleAlignError(f"{source}: no such folder or zip")


def no_zip(path: Path, error: zipfile.BadZipFile) -> str:
    """Return why a source cannot be read, and the remedy: `error` of one that is neither a folder nor a zip."""
    if zipfile.is_zipfile(path) or path.suffix.lower() == ".zip":
        return f"not a readable zip ({error}); download or pack it again"
    return "neither a folder nor a zip; give the folder of the images, or unpack an archive of another kind"


def _in_order(readers: dict[str, Callable[[], bytes]]) -> dict[str, Callable[[], bytes]]:
    names = sorted(readers, key=lambda name: PurePosixPath(name).parts)
    return {name: _refuse_preview if _is_preview(name, readers) else readers[name] for name in names}


def _is_preview(name: str, names: dict[str, Callable[[], bytes]]) -> bool:
    """Return whether a file is the contact sheet of a data set that was prepared into the folder."""
    path = PurePosixPath(name)
    return path.name == PREVIEW and any(path.with_name(beside).as_posix() in names for beside in SET_FILES)


def _refuse_preview() -> bytes:
    raise NotConvertible("preview of a data set")


def read_file(path: Path) -> bytes:
    """Return a file's bytes; raise NotConvertible where there are none to have."""
    try:
        if path.stat().st_size > LARGEST_FILE_BYTES:
            raise NotConvertible("larger than 1 GiB")
        return path.read_bytes()
    except OSError as error:
        raise NotConvertible(f"not readable ({error.strerror})") from error


def read_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """Return the bytes of a zip's entry; raise NotConvertible where there are none to have."""
    if entry.file_size > LARGEST_FILE_BYTES:
        raise NotConvertible("larger than 1 GiB")
    try:
        return archive.read(entry)
    except UNREADABLE_ENTRY as error:
        raise NotConvertible(f"not readable ({error})") from error
