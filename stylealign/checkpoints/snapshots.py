"""Snapshots of a training, one uncompressed zip of native checkpoints: `00004.000.safetensors` is after 4 kimg."""

import re
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from stylealign.checkpoints.checkpoint import Checkpoint, load
from stylealign.errors import StyleAlignError
from stylealign.files import atomic_path, opened_zip, tmpdir_named

EARLIEST_DATE = (1980, 1, 1, 0, 0, 0)  # of a zip entry: a fixed one makes equal snapshots equal bytes


def snapshot_name(kimg: float) -> str:
    """Return the file name of a snapshot, which sorts by `kimg`."""
    return f"{kimg:09.3f}.safetensors"


def write_snapshots(path: str | Path, files: Sequence[str | Path]) -> None:
    """Pack snapshot files, named by `snapshot_name`, into one zip, in the order of their names.

    Raises:
        StyleAlignError: the zip cannot be written.
    """
    with atomic_path(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
        for file in sorted(map(Path, files), key=lambda file: file.name):
            archive.writestr(zipfile.ZipInfo(file.name, date_time=EARLIEST_DATE), file.read_bytes())


def count_snapshots(path: str | Path) -> int:
    """Return how many snapshots a zip holds; 0 for one that cannot be read."""
    try:
        with opened_zip(path) as archive:
            return len(_names(archive))
    except (OSError, zipfile.BadZipFile):
        return 0


def _names(archive: zipfile.ZipFile) -> list[str]:
    return sorted(name for name in archive.namelist() if re.fullmatch(r"\d+\.\d{3}\.safetensors", name))


def read_snapshots(path: str | Path) -> Iterator[tuple[float, Checkpoint]]:
    """Yield kimg and checkpoint of each snapshot, from the earliest.

    Raises:
        StyleAlignError: missing, damaged, or not such a zip.
    """
    try:
        with opened_zip(path) as archive, tempfile.TemporaryDirectory() as folder:
            names = _names(archive)
            if not names:
                raise StyleAlignError(f"{path}: holds no snapshots; make it with `stylealign train --init-from`")
            for name in names:
                with tmpdir_named("snapshots are unpacked"):
                    file = Path(archive.extract(name, folder))
                yield float(name.removesuffix(".safetensors")), load(file)
                file.unlink()
    except FileNotFoundError as error:
        raise StyleAlignError(f"{path}: no such file; make it with `stylealign train --init-from`") from error
    except (OSError, zipfile.BadZipFile) as error:
        raise StyleAlignError(f"{path}: not a readable zip ({error}); make it again") from error
