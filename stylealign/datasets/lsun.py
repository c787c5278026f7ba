"""Images of an LMDB environment inside a zip: how LSUN is published."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from stylealign.errors import StyleAlignError
from stylealign.files import UNREADABLE_ENTRY, opened_zip, tmpdir_named

UNPACKED = "the images are unpacked"


def lmdb_sources(path: Path) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """Yield the key of every value of a zipped LMDB environment, as text, and how to read it, in the order of the keys.

    The environment is unpacked into the folder for temporary files ($TMPDIR), as LMDB maps it from the disk.

    Raises:
        StyleAlignError: no LMDB environment in the zip, a damaged one, or no `lmdb` package.
    """
    try:
        import lmdb
    except ImportError as error:
        raise StyleAlignError(f"{path}: reading it needs the package lmdb: pip install 'stylealign[lsun]'") from error
    with tmpdir_named(UNPACKED):
        temporary = tempfile.TemporaryDirectory()
    with temporary as folder:
        unpacked = Path(folder) / "data.mdb"
        with opened_zip(path) as archive:
            inside = [name for name in archive.namelist() if name.rsplit("/", 1)[-1] == "data.mdb"]
            if not inside:
                raise StyleAlignError(f"{path}: holds no data.mdb, so no LMDB environment; download it again")
            try:
                with (
                    archive.open(inside[0]) as packed,
                    tmpdir_named(UNPACKED),
                    unpacked.open("wb") as file,
                ):
                    shutil.copyfileobj(packed, file, 1 << 20)
            except UNREADABLE_ENTRY as error:
                raise StyleAlignError(f"{path}: {inside[0]} cannot be read ({error}); download it again") from error
        try:
            with lmdb.open(folder, readonly=True, lock=False) as environment, environment.begin() as transaction:
                for key, value in transaction.cursor():
                    yield key.decode("ascii", "backslashreplace"), lambda value=value: bytes(value)  # type: ignore[misc]
        except lmdb.Error as error:
            raise StyleAlignError(f"{path}: not a readable LMDB environment ({error}); download it again") from error
