"""A data set from somebody's own images: a folder or a zip of whatever a camera or the web left there."""

import hashlib
import sys
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from stylealign.config import FOUND_FACES, DatasetSettings, Splits
from stylealign.datasets.annotations import Annotations
from stylealign.datasets.conversion import NotConvertible, Upright, read_upright
from stylealign.datasets.images import write_image_zip
from stylealign.datasets.lsun import lmdb_sources
from stylealign.datasets.own_labels.collecting import Collected, collecting
from stylealign.datasets.own_labels.counts import labelled_counts
from stylealign.datasets.own_labels.files import LABEL_FILES, write_labels
from stylealign.datasets.own_labels.matching import LabelReport
from stylealign.datasets.preview import COLUMNS, ROWS, write_preview
from stylealign.datasets.sources import PREVIEW, Source, image_sources, is_system_file, no_zip
from stylealign.datasets.splits import SPLITS
from stylealign.datasets.squares import Square, chosen_faces, squares_of
from stylealign.errors import StyleAlignError
from stylealign.files import atomic_files, printable, tmpdir_named, write_json

PROGRESS_INTERVAL_S = 5.0
SPOOLED = "the converted images wait"
OF_THE_SYSTEM = "hidden or left by the operating system"
TOO_FEW_FILES = "too few, as all images of a picture go into one split; ask for fewer images to be held out or add some"


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
        """Note a file that cannot be used and say so on stderr; what the system left there is only counted."""
        self.skipped.append((name, reason))
        if reason != OF_THE_SYSTEM:
            print(f"data: skipped {printable(name)}: {printable(reason)}", file=sys.stderr)

    def skipped_by_reason(self) -> dict[str, int]:
        """Return how many files were skipped for each kind of reason."""
        return dict(Counter(reason.split(" (")[0] for _, reason in self.skipped).most_common())


@dataclass(frozen=True)
class Archive:
    """A published data set on this machine.

    Attributes:
        path: folder, zip, or zip of an LMDB environment.
        train: folder inside it with the training images; empty for all of it but those of `test`.
        test: folder inside it with the published test images; None: test images are drawn from the training ones.
        is_lmdb: whether the images are the values of an LMDB environment.
    """

    path: Path
    train: str = ""
    test: str | None = None
    is_lmdb: bool = False

    def holds(self, name: str) -> bool:
        """Return whether an entry belongs to the set."""
        return self.is_train(name) or self.is_test(name)

    def is_train(self, name: str) -> bool:
        """Return whether an entry is a training image: in the folder of these, and no published test image."""
        return (not self.train or name.startswith(f"{self.train}/")) and not self.is_test(name)

    def is_test(self, name: str) -> bool:
        """Return whether an entry is one of the published test images."""
        return self.test is not None and name.startswith(f"{self.test}/")


OF_OTHER_SETS = (*LABEL_FILES, "val.zip")
"""Files that an imported set may lack: they go when it takes another one's folder."""


@dataclass
class Converted:
    """What became of the pictures of an archive.

    Attributes:
        settings: with the numbers of images.
        images: `[N, 3, H, W]`, every image once; on the disk, for as long as `converted` lasts.
        splits: the images of each split.
        labels: of all images; None where none are asked for.
        files: number of files.
        report, label_report: what could not be used.
    """

    settings: DatasetSettings
    images: NDArray[np.uint8]
    splits: dict[str, NDArray[np.int64]]
    labels: Annotations | None
    files: int
    report: ImportReport
    label_report: LabelReport

    def summary(self) -> dict[str, object]:
        """Return the numbers of files, of images in each split, of conversions and of skipped files; of labels too."""
        counts = {name: len(indices) for name, indices in self.splits.items()}
        labelled = {} if self.labels is None else labelled_counts(self.labels, self.splits, self.label_report)
        return {
            **counts,
            "files": self.files,
            "unused": len(self.images) - sum(counts.values()),
            "converted": dict(self.report.converted.most_common()),
            "skipped": len(self.report.skipped),
            "skipped_by_reason": self.report.skipped_by_reason(),
            **labelled,
        }


def import_dataset(
    settings: DatasetSettings, out_dir: Path, archive: Archive | None = None, provenance: dict[str, Any] | None = None
) -> dict[str, object]:
    """Make `{train,test}.zip`, `preview.png` and `config.json` of a folder or zip of images; with labels of them,
    `{train,test}.annotations.npz`, `annotations.json` and the labels that could not be used, `rejected_labels.csv`;
    with `val_images`, the same of `val`.

    Args:
        settings: size and numbers of the images, and `path` unless an archive is given.
        out_dir: folder of the data set.
        archive: a published data set, with its own split.
        provenance: kept in the `dataset.json` of the zips.

    Returns:
        The numbers of files, of images in each split, of conversions by kind and of skipped files by reason.

    Raises:
        StyleAlignError: no such folder or zip, a damaged zip, fewer usable images than the splits ask for, or files of
            labels that are none.
    """
    with converted(settings, archive) as found:
        # Annotations that lie there belong to other images.
        with atomic_files(out_dir, "config.json", OF_OTHER_SETS) as made:
            for name, indices in found.splits.items():
                chosen = (found.images[index] for index in indices)
                write_image_zip(made / f"{name}.zip", chosen, extra={"provenance": provenance or {}})
            write_preview(made / PREVIEW, np.stack([found.images[i] for i in found.splits["train"][: COLUMNS * ROWS]]))
            if settings.annotations is not None and found.labels is not None:
                write_labels(made, settings.annotations, found.labels, found.splits, found.label_report)
            of_labels = {"annotations", *settings.untouched}
            write_json(made / "config.json", found.settings.model_dump(mode="json", exclude=of_labels))
        return found.summary()


@contextmanager
def converted(settings: DatasetSettings, archive: Archive | None) -> Iterator[Converted]:
    """Yield the square images of an archive, or of the settings' `path`, with their split and their labels.

    Raises:
        StyleAlignError: what `import_dataset` raises.
    """
    archive = archive or Archive(Path(settings.path or ""))
    source = archive.path
    report, label_report = ImportReport(), LabelReport()
    pictures = [] if settings.annotations is None else [name for name, _ in _sources(archive)]
    try:
        # The converted images wait on the disk: a set of photos need not fit into memory.
        with _spool() as spool:
            with collecting(settings.annotations, pictures, settings.resolution_px, label_report) as collected:
                files, names = _convert_all(archive, settings, spool, report, collected)
                labels = None if collected is None else collected.finished()
            settings, splits = _split(settings, archive, names, len(report.skipped))
            images = _spooled(spool, len(names), settings.resolution_px)
            yield Converted(settings, images, splits, labels, files, report, label_report)
    except zipfile.BadZipFile as error:
        raise StyleAlignError(f"{source}: {no_zip(source, error)}") from error
    except OSError as error:
        raise StyleAlignError(f"{error.filename or source}: {error.strerror or error}; nothing was imported") from error


@contextmanager
def _spool() -> Iterator[IO[bytes]]:
    """Yield a file for the converted images that is gone at the end."""
    with tmpdir_named(SPOOLED):
        spool = tempfile.TemporaryFile()  # noqa: SIM115 - closed below, with errors named
    try:
        yield spool
    finally:
        with suppress(OSError):  # what could not be written was said before
            spool.close()


def _convert_all(
    archive: Archive, settings: DatasetSettings, spool: IO[bytes], report: ImportReport, labels: Collected | None
) -> tuple[int, list[str]]:
    """Convert every file into `spool`, with its labels; return the number of files and names of the usable images."""
    first_with: dict[bytes, str] = {}
    files = 0
    last = time.monotonic()
    for files, (name, read) in enumerate(filter(lambda source: archive.holds(source[0]), _sources(archive)), 1):
        if not archive.is_lmdb and is_system_file(name):
            report.skip(name, OF_THE_SYSTEM)
            continue
        for square in _convert_one(name, read, settings, first_with, report):
            with tmpdir_named(SPOOLED):
                spool.write(square.pixels.tobytes())
            if labels is not None:
                labels.add(name, square.placing, square.face, square.faceless, square.is_of_several)
        if time.monotonic() - last >= PROGRESS_INTERVAL_S:
            last = time.monotonic()
            print(f"data: {files} files read, {len(first_with)} images", file=sys.stderr)
    with tmpdir_named(SPOOLED):
        spool.flush()
    return files, list(first_with.values())


def _convert_one(
    name: str,
    read: Callable[[], bytes],
    settings: DatasetSettings,
    first_with: dict[bytes, str],
    report: ImportReport,
) -> list[Square]:
    """Return the images of a file that are not in the set yet, none of one that cannot be used."""
    try:
        picture = read_upright(read())
        squares = squares_of(picture, settings.resolution_px, settings.fit, settings.faces)
    except NotConvertible as error:
        report.skip(name, str(error))
        return []
    found, repeated = [], []
    for square in squares:
        digest = hashlib.sha256(square.pixels.tobytes()).digest()
        if digest in first_with:  # a picture must not be in both splits
            repeated.append(first_with[digest])
            continue
        first_with[digest] = name
        report.converted.update(square.changes)
        found.append(_with_face(square, picture, settings))
    if repeated and not found:
        report.skip(name, f"duplicate (the same picture as {repeated[0]})")
    elif repeated:
        said = f"{len(repeated)} of {len(squares)} faces left out (the same as one of {repeated[0]})"
        print(f"data: {printable(name)}: {printable(said)}", file=sys.stderr)
    return found


def _with_face(square: Square, picture: Upright, settings: DatasetSettings) -> Square:
    """Return a square with the points of the face in it, where they are its labels and were not found before."""
    if settings.annotations is None or settings.annotations.keypoints != FOUND_FACES or square.face is not None:
        return square
    try:
        return replace(square, face=chosen_faces(picture, settings.faces)[0])
    except NotConvertible as error:
        return replace(square, faceless=str(error))  # its labels are not known


def _split(
    settings: DatasetSettings, archive: Archive, names: list[str], skipped: int
) -> tuple[DatasetSettings, dict[str, NDArray[np.int64]]]:
    """Return the settings with the numbers of images that there are, and the images of each split.

    All images of a file go into one split. Validation images are taken from what is not tested: the test split is the
    same with and without them.
    """
    if archive.test is not None:
        splits = _published_split(settings, archive, names, skipped)
    else:
        splits = _own_split(settings, archive, names, skipped)
    return settings.model_copy(update={f"{name}_images": len(own) for name, own in splits.items()}), splits


def _own_split(
    settings: DatasetSettings, archive: Archive, names: list[str], skipped: int
) -> dict[str, NDArray[np.int64]]:
    found = f"{archive.path}: {len(names)} usable images ({skipped} files skipped)"
    numbers = settings.split(len(names))
    if numbers is None:
        given = {name: value for name in Splits._fields if (value := getattr(settings, name)) is not None}
        if settings.val_images is not None:
            raise StyleAlignError(
                f"{found}, too few for {settings.wanted(len(names))}; lower one of them or add images"
            )
        if not given:
            raise StyleAlignError(f"{found}, and one is held out for testing; add images")
        raise StyleAlignError(
            f"{found}, fewer than {' + '.join(given)} = {' + '.join(map(str, given.values()))}"
            f"{'' if len(given) == 2 else ' and one for the other split'}; lower them or add images"
        )
    train, test = numbers
    val, files = settings.val_images, _images_by_file(names)
    order = [files[place] for place in np.random.default_rng(settings.seed).permutation(len(files))]
    tested, others = _parted(order, settings.train_images or len(names) - test, test, spare=1)
    held, others = ([], others) if val is None else _parted(others, train, val, spare=1)
    trained = others if settings.train_images is None else _parted(others, 0, train, spare=0)[0]
    chosen = {"train": trained, "test": tested} | ({} if val is None else {"val": held})
    if not all(chosen.values()):
        raise StyleAlignError(f"{found}, of {len(files)} pictures, {TOO_FEW_FILES}")
    splits = {name: _images_of(own) for name, own in chosen.items()}
    if settings.train_images is None or settings.test_images is None:
        held_out = f"{len(splits['test'])} held out for testing"
        held_out += "" if val is None else f", {len(splits['val'])} for validation"
        said = f"{len(splits['train'])} images for training, {held_out}; train_images and test_images choose others"
        print(f"data: {said}", file=sys.stderr)
    return splits


def _images_by_file(names: list[str]) -> list[list[int]]:
    """Return the images of each file."""
    found: dict[str, list[int]] = {}
    for image, name in enumerate(names):
        found.setdefault(name, []).append(image)
    return list(found.values())


def _images_of(files: list[list[int]]) -> NDArray[np.int64]:
    return np.array([image for images in files for image in images], dtype=np.int64)


def _parted(files: list[list[int]], start: int, wanted: int, spare: int) -> tuple[list[list[int]], list[list[int]]]:
    """Return files with `wanted` images, as nearly as whole files allow, and the other files.

    Args:
        files: the images of each.
        start: number of images that stand before the first file that is looked at; those come last.
        wanted: number of images, 1 or more.
        spare: number of files that are left at least.
    """
    sizes = [len(images) for images in files]
    first = int(np.searchsorted(np.cumsum(sizes) - sizes, start))
    turn = [*range(first, len(files)), *range(first)]
    taken, missing = set[int](), wanted
    for place in turn:
        if sizes[place] <= missing and len(files) - len(taken) > spare:
            taken.add(place)
            missing -= sizes[place]
    others = [place for place in turn if place not in taken]
    if len(others) > spare:
        smallest = min(others, key=sizes.__getitem__)
        if not taken or sizes[smallest] < 2 * missing:  # nearer with it than without
            taken.add(smallest)
    return (
        [files[place] for place in turn if place in taken],
        [images for place, images in enumerate(files) if place not in taken],
    )


def _published_split(
    settings: DatasetSettings, archive: Archive, names: list[str], skipped: int
) -> dict[str, NDArray[np.int64]]:
    """Return random images of each published split, all of it where as many are wanted; of that for training, the
    validation images too."""
    rng = np.random.default_rng(settings.seed)
    train, test = settings.splits
    of_train = {"train": train} | ({} if settings.val_images is None else {"val": settings.val_images})
    splits, files = {}, _images_by_file(names)
    for folder, counts in (("train", of_train), ("test", {"test": test})):
        belongs = archive.is_test if folder == "test" else archive.is_train
        members = np.array([place for place, own in enumerate(files) if belongs(names[own[0]])], dtype=np.int64)
        usable = sum(len(files[place]) for place in members)
        if usable < sum(counts.values()):
            keys = " + ".join(f"{split}_images" for split in counts)
            raise StyleAlignError(
                f"{archive.path}: {usable} usable images in {getattr(archive, folder)}/ ({skipped} files "
                f"skipped), fewer than {keys} = {' + '.join(map(str, counts.values()))}; lower "
                f"{'it' if len(counts) == 1 else 'one of them'}"
            )
        order = [files[place] for place in rng.permutation(members)]
        for place, (split, count) in enumerate(counts.items(), 1):
            chosen, order = _parted(order, 0, count, spare=len(counts) - place)
            if not chosen:
                raise StyleAlignError(
                    f"{archive.path}: {len(members)} pictures in {getattr(archive, folder)}/, {TOO_FEW_FILES}"
                )
            splits[split] = _images_of(chosen)
    return {split: splits[split] for split in SPLITS if split in splits}


def _spooled(spool: IO[bytes], count: int, size_px: int) -> NDArray[np.uint8]:
    return np.memmap(spool, dtype=np.uint8, mode="r", shape=(count, 3, size_px, size_px))


def _sources(archive: Archive) -> Iterator[Source]:
    """Yield every file of an archive in the order of the names."""
    return lmdb_sources(archive.path) if archive.is_lmdb else image_sources(archive.path)
