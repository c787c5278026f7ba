"""A data set from somebody's own images: a folder or a zip of whatever a camera or the web left there."""

import hashlib
import sys
import tempfile
import time
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from stylealign.config import DatasetSettings
from stylealign.datasets.conversion import NotConvertible, convert_image
from stylealign.datasets.images import write_image_zip
from stylealign.datasets.preview import COLUMNS, ROWS, write_preview
from stylealign.errors import StyleAlignError
from stylealign.files import write_json

PROGRESS_INTERVAL_S = 5.0
LARGEST_FILE_BYTES = 1 << 30

Source = tuple[str, Callable[[], bytes]]
"""A file's name and how to read it."""


@dataclass
class ImportReport:
    """What became of the files.

    Attributes:
        converted: conversion -> number of images that went through it.
        skipped: (file, reason) of every file that is not in the set.
    """

    converted: Counter[str] = field(default_factory=Counter)
    skipped: list[tuple[str, str]] = field(default_factory=list)

    def skip(self, name: str, reason: str) -> None:
        """Note a file that cannot be used and say so on stderr."""
        self.skipped.append((name, reason))
        print(f"data: skipped {name}: {reason}", file=sys.stderr)

    def skipped_by_reason(self) -> dict[str, int]:
        """Return how many files were skipped for each kind of reason."""
        return dict(Counter(reason.split(" (")[0] for _, reason in self.skipped).most_common())


def import_dataset(
    settings: DatasetSettings, out_dir: Path, provenance: dict[str, Any] | None = None
) -> dict[str, object]:
    """Make `{train,test}.zip`, `preview.png` and `config.json` of a folder or zip of images.

    `provenance` is kept in the `dataset.json` of the zips.

    Returns:
        The numbers of files, of images in each split, of conversions by kind and of skipped files by reason.

    Raises:
        StyleAlignError: no such folder or zip, a damaged zip, or fewer usable images than both splits ask for.
    """
    assert settings.path is not None
    source = Path(settings.path)
    report = ImportReport()
    try:
        # The converted images wait on the disk: a set of photos need not fit into memory.
        with tempfile.TemporaryFile() as spool:
            files, usable = _convert_all(source, settings.resolution_px, spool, report)
            splits = _split(settings, usable, len(report.skipped))
            images = _spooled(spool, usable, settings.resolution_px)
            for name, indices in splits.items():
                chosen = (images[index] for index in indices)
                write_image_zip(out_dir / f"{name}.zip", chosen, extra={"provenance": provenance or {}})
            write_preview(out_dir / "preview.png", np.stack([images[i] for i in splits["train"][: COLUMNS * ROWS]]))
    except zipfile.BadZipFile as error:
        raise StyleAlignError(f"{source}: not a readable zip ({error}); download or pack it again") from error
    except OSError as error:
        raise StyleAlignError(f"{error.filename or source}: {error.strerror or error}; nothing was imported") from error
    write_json(out_dir / "config.json", settings.model_dump())
    return _summary(files, usable, splits, report)


def _summary(files: int, usable: int, splits: dict[str, NDArray[np.int64]], report: ImportReport) -> dict[str, object]:
    counts = {name: len(indices) for name, indices in splits.items()}
    return {
        **counts,
        "files": files,
        "unused": usable - sum(counts.values()),
        "converted": dict(report.converted.most_common()),
        "skipped": len(report.skipped),
        "skipped_by_reason": report.skipped_by_reason(),
    }


def _convert_all(source: Path, size_px: int, spool: IO[bytes], report: ImportReport) -> tuple[int, int]:
    """Convert every file into `spool`; return the numbers of files and of usable images."""
    first_with: dict[bytes, str] = {}
    files = 0
    last = time.monotonic()
    for files, (name, read) in enumerate(_sources(source), 1):
        image = _convert_one(name, read, size_px, first_with, report)
        if image is not None:
            spool.write(image.tobytes())
        if time.monotonic() - last >= PROGRESS_INTERVAL_S:
            last = time.monotonic()
            print(f"data: {files} files read, {len(first_with)} images", file=sys.stderr)
    spool.flush()
    return files, len(first_with)


def _convert_one(
    name: str, read: Callable[[], bytes], size_px: int, first_with: dict[bytes, str], report: ImportReport
) -> NDArray[np.uint8] | None:
    try:
        image, conversions = convert_image(read(), size_px)
    except NotConvertible as error:
        report.skip(name, str(error))
        return None
    digest = hashlib.sha256(image.tobytes()).digest()
    if digest in first_with:  # a picture must not be in both splits
        report.skip(name, f"duplicate (the same picture as {first_with[digest]})")
        return None
    first_with[digest] = name
    report.converted.update(conversions)
    return np.ascontiguousarray(image)


def _split(settings: DatasetSettings, usable: int, skipped: int) -> dict[str, NDArray[np.int64]]:
    wanted = settings.train_images + settings.test_images
    if usable < wanted:
        raise StyleAlignError(
            f"{settings.path}: {usable} usable images ({skipped} files skipped), fewer than train_images + test_images "
            f"= {settings.train_images} + {settings.test_images}; lower them or add images"
        )
    order = np.random.default_rng(settings.seed).permutation(usable)
    return {"train": order[: settings.train_images], "test": order[settings.train_images : wanted]}


def _spooled(spool: IO[bytes], count: int, size_px: int) -> NDArray[np.uint8]:
    return np.memmap(spool, dtype=np.uint8, mode="r", shape=(count, 3, size_px, size_px))


def _sources(source: Path) -> Iterator[Source]:
    """Yield every file of a folder, with its folders, or of a zip, in the order of the names."""
    if source.is_dir():
        for path in sorted(path for path in source.rglob("*") if path.is_file()):
            yield str(path.relative_to(source)), lambda path=path: _read_file(path)  # type: ignore[misc]
    elif source.is_file():
        with zipfile.ZipFile(source) as archive:
            for entry in sorted(archive.infolist(), key=lambda entry: entry.filename):
                if not entry.is_dir():
                    yield entry.filename, lambda entry=entry: _read_entry(archive, entry)  # type: ignore[misc]
    else:
        raise StyleAlignError(f"{source}: no such folder or zip")


def _read_file(path: Path) -> bytes:
    try:
        if path.stat().st_size > LARGEST_FILE_BYTES:
            raise NotConvertible("larger than 1 GiB")
        return path.read_bytes()
    except OSError as error:
        raise NotConvertible(f"not readable ({error.strerror})") from error


def _read_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    if entry.file_size > LARGEST_FILE_BYTES:
        raise NotConvertible("larger than 1 GiB")
    try:
        return archive.read(entry)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, NotImplementedError) as error:
        raise NotConvertible(f"not readable ({error})") from error
