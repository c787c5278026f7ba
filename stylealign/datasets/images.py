"""Image zips: uncompressed PNG entries with a `dataset.json`, in the layout StyleGAN2-ADA reads."""

import copy
import io
import json
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stylealign.errors import StyleAlignError
from stylealign.files import atomic_path

IMAGES_A_FOLDER = 1000
EARLIEST_DATE = (1980, 1, 1, 0, 0, 0)  # of a zip entry: a fixed one makes equal images equal bytes
DATASET_JSON = "dataset.json"


def image_name(index: int) -> str:
    """Return the entry name of an image: `00000/img00000000.png`."""
    return f"{index // IMAGES_A_FOLDER:05d}/img{index:08d}.png"


def write_image_zip(
    path: str | Path,
    images: Iterable[NDArray[np.uint8]],
    labels: Sequence[int] | None = None,
    extra: dict[str, Any] | None = None,
) -> int:
    """Write images as a zip of PNG entries; return how many.

    Args:
        path: the zip, replaced whole or not at all.
        images: uint8 [N, 3, H, W], or an iterable of [3, H, W]; all of one size.
        labels: class of each image, for `dataset.json`.
        extra: more keys for `dataset.json`.

    Raises:
        StyleAlignError: the zip cannot be written.
    """
    names: list[str] = []
    with atomic_path(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
        for index, image in enumerate(images):
            names.append(image_name(index))
            _write_entry(archive, names[-1], encode_png(np.asarray(image)))
        pairs = None if labels is None else [[name, int(label)] for name, label in zip(names, labels, strict=True)]
        _write_entry(archive, DATASET_JSON, json.dumps({"labels": pairs, **(extra or {})}).encode())
    return len(names)


def encode_png(image: NDArray[np.uint8]) -> bytes:
    """Return uint8 [3, H, W] RGB as PNG bytes."""
    assert image.dtype == np.uint8 and image.ndim == 3 and image.shape[0] == 3, (image.dtype, image.shape)
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(image.transpose(1, 2, 0))).save(buffer, format="PNG")
    return buffer.getvalue()


def _write_entry(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    archive.writestr(zipfile.ZipInfo(name, date_time=EARLIEST_DATE), content)


def is_image_zip(path: str | Path) -> bool:
    """Return whether a file is a zip that `write_image_zip`, or a tool of the same layout, made: with a `dataset.json`.

    A missing or damaged file counts as one: `ImageZip` says what is wrong with it.
    """
    path = Path(path)
    if path.suffix.lower() != ".zip":
        return not path.exists()
    try:
        with zipfile.ZipFile(path) as archive:
            return DATASET_JSON in archive.namelist()
    except (OSError, zipfile.BadZipFile):
        return True


class ImageZip:
    """Square RGB images of one size in a zip, in the order of their names.

    Attributes:
        path: the zip.
        names: entry names.
        resolution_px: height and width of every image.
        labels: class of each image, or None.
    """

    def __init__(self, path: str | Path) -> None:
        """Open a zip and look at its first image.

        Raises:
            StyleAlignError: missing, not a zip, truncated, or without square RGB images.
        """
        self.path = Path(path)
        try:
            with zipfile.ZipFile(self.path) as archive:
                self.names = sorted(name for name in archive.namelist() if name.lower().endswith(".png"))
                self.info = self._read_json(archive)
                if not self.names:
                    raise StyleAlignError(f"{self.path}: holds no PNG images; make it with `stylealign data`")
                first = self._decode(archive, self.names[0])
        except FileNotFoundError as error:
            raise StyleAlignError(f"{self.path}: no such file; make it with `stylealign data`") from error
        except (OSError, zipfile.BadZipFile) as error:
            raise StyleAlignError(f"{self.path}: not a readable zip ({error}); make it again") from error
        self.resolution_px = int(first.shape[1])
        pairs = dict(self.info.get("labels") or [])
        self.labels = [int(pairs[name]) for name in self.names] if set(self.names) <= pairs.keys() else None

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.names)

    def first(self, count: int) -> "ImageZip":
        """Return the first `count` images as a zip of their own."""
        part = copy.copy(self)
        part.names = self.names[:count]
        part.labels = None if self.labels is None else self.labels[:count]
        return part

    def read(self, indices: Sequence[int] | NDArray[np.integer] | slice | None = None) -> NDArray[np.uint8]:
        """Return images as uint8 [N, 3, H, W] RGB, all of them by default.

        Raises:
            StyleAlignError: an image cannot be read or is of another size; the message names it.
        """
        if indices is None or isinstance(indices, slice):
            names = self.names[indices or slice(None)]
        else:
            names = [self.names[int(index)] for index in indices]
        images = np.empty((len(names), 3, self.resolution_px, self.resolution_px), dtype=np.uint8)
        try:
            with zipfile.ZipFile(self.path) as archive:
                for row, name in enumerate(names):
                    image = self._decode(archive, name)
                    if image.shape != images.shape[1:]:
                        raise StyleAlignError(
                            f"{self.path}: {name} is {image.shape[2]}x{image.shape[1]}, the first image "
                            f"{self.resolution_px} px; make the zip again with `stylealign data import`"
                        )
                    images[row] = image
        except (OSError, zipfile.BadZipFile) as error:
            raise StyleAlignError(f"{self.path}: not a readable zip ({error}); make it again") from error
        return images

    def _decode(self, archive: zipfile.ZipFile, name: str) -> NDArray[np.uint8]:
        try:
            with Image.open(io.BytesIO(archive.read(name))) as image:
                pixels = np.asarray(image.convert("RGB")).transpose(2, 0, 1)
        except (OSError, SyntaxError, ValueError, zipfile.BadZipFile, Image.DecompressionBombError) as error:
            raise StyleAlignError(f"{self.path}: {name} cannot be read ({error}); make the zip again") from error
        if pixels.shape[1] != pixels.shape[2]:
            raise StyleAlignError(f"{self.path}: {name} is not square; prepare it with `stylealign data import`")
        return pixels

    def _read_json(self, archive: zipfile.ZipFile) -> dict[str, Any]:
        if DATASET_JSON not in archive.namelist():
            return {}
        try:
            info = json.loads(archive.read(DATASET_JSON))
        except (ValueError, zipfile.BadZipFile) as error:
            raise StyleAlignError(f"{self.path}: {DATASET_JSON} cannot be read ({error}); make it again") from error
        return info if isinstance(info, dict) else {}
