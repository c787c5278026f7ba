"""Image zips: uncompressed PNG entries with a `dataset.json`, in the layout StyleGAN2-ADA reads."""

import copy
import io
import json
import sys
import zipfile
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stylealign.datasets import large_arrays
from stylealign.datasets.conversion import NotConvertible, open_upright
from stylealign.datasets.sources import is_system_file, read_entry
from stylealign.errors import StyleAlignError
from stylealign.files import atomic_path, opened_zip

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

    A damaged zip counts as one: `ImageZip` says what is wrong with it.
    """
    path = Path(path)
    if path.suffix.lower() != ".zip" or not path.exists():
        return False
    try:
        with opened_zip(path) as archive:
            return _json_entry(archive) is not None
    except (OSError, zipfile.BadZipFile):
        return True


def _json_entry(archive: zipfile.ZipFile) -> str | None:
    """Return the entry name of `dataset.json`: at the top, or in the one folder that a set was packed again as."""
    names = [name for name in archive.namelist() if not is_system_file(name)]
    found = [name for name in names if PurePosixPath(name).name == DATASET_JSON]
    shallow = [name for name in found if len(PurePosixPath(name).parts) <= 2]
    return min(shallow, key=len) if shallow else None


class ImageZip:
    """Square RGB images of one size in a zip, in the order of their names.

    Attributes:
        path: the zip.
        names: entry names.
        resolution_px: height and width of every image.
    """

    def __init__(self, path: str | Path) -> None:
        """Open a zip and look at its first image.

        Raises:
            StyleAlignError: missing, not a zip, truncated, or without square RGB images.
        """
        self.path = Path(path)
        self._folder = ""
        self._said: set[str] = set()
        try:
            with opened_zip(self.path) as archive:
                self.names = sorted(name for name in archive.namelist() if _is_image(name))
                self._json = self._read_json(archive)
                if not self.names:
                    raise StyleAlignError(f"{self.path}: holds no PNG images; make it with `stylealign data`")
                first = self._decode(archive, self.names[0])[0]
        except FileNotFoundError as error:
            raise StyleAlignError(f"{self.path}: no such file; make it with `stylealign data`") from error
        except IsADirectoryError as error:
            raise StyleAlignError(f"{self.path}: a folder; make a zip of it with `stylealign data import`") from error
        except (OSError, zipfile.BadZipFile) as error:
            raise StyleAlignError(f"{self.path}: not a readable zip ({error}); make it again") from error
        self.resolution_px = int(first.shape[1])

    @cached_property
    def info(self) -> dict[str, Any]:
        """The object in `dataset.json`, {} where there is none.

        Raises:
            StyleAlignError: not JSON, or `names`, `methods` or `outputs` in it that are none.
        """
        if self._json is None:
            return {}
        try:
            info = json.loads(self._json)
        except ValueError as error:
            raise StyleAlignError(f"{self.path}: {DATASET_JSON} cannot be read ({error}); make it again") from error
        info = info if isinstance(info, dict) else {}
        for key in ("names", "methods"):
            self._require_names(key, info.get(key, []))
        outputs = info.get("outputs", 1)
        if not isinstance(outputs, int) or outputs < 1:
            raise StyleAlignError(f"{self.path}: outputs in {DATASET_JSON} is no number of images; make it again")
        return info

    def listed(self, key: str) -> list[str] | None:
        """Return the names that `dataset.json` has under a key, None where it has none.

        Raises:
            StyleAlignError: something else under that key.
        """
        given = self.info.get(key)
        return None if given is None else self._require_names(key, given)

    def _require_names(self, key: str, given: Any) -> list[str]:
        if not isinstance(given, list) or not all(isinstance(name, str) for name in given):
            raise StyleAlignError(f"{self.path}: {key} in {DATASET_JSON} is no list of names; make it again")
        return given

    @property
    def attribution(self) -> str | None:
        """Whose artwork the images show, as a sentence; None where the file does not say."""
        provenance = self.info.get("provenance")
        owed = provenance.get("attribution") if isinstance(provenance, dict) else None
        return owed if isinstance(owed, str) else None

    @property
    def labels(self) -> list[int] | None:
        """The class of each image; None where `dataset.json` has no labels, or none for some image.

        Raises:
            StyleAlignError: labels that are no classes.
        """
        given = self.info.get("labels")
        if not given:
            return None
        try:
            if not isinstance(given, dict) and not all(isinstance(pair, list) and len(pair) == 2 for pair in given):
                raise ValueError("they are no pairs")
            pairs = dict(given)
            labels = [pairs.get(name, pairs.get(name.removeprefix(self._folder))) for name in self.names]
            return None if None in labels else [_class_index(label) for label in labels]
        except (TypeError, ValueError) as error:
            raise StyleAlignError(
                f"{self.path}: the labels in {DATASET_JSON} are no classes ({error}); give [[name, index], ...] there"
            ) from error

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.names)

    def first(self, count: int) -> "ImageZip":
        """Return the first `count` images as a zip of their own."""
        part = copy.copy(self)
        part.names = self.names[:count]
        return part

    def read(self, indices: Sequence[int] | NDArray[np.integer] | slice | None = None) -> NDArray[np.uint8]:
        """Return images as uint8 [N, 3, H, W] RGB, all of them by default; many lie in a file (`large_arrays`).

        Raises:
            StyleAlignError: an image cannot be read or is of another size; the message names it.
        """
        if indices is None or isinstance(indices, slice):
            names = self.names[indices or slice(None)]
        else:
            names = [self.names[int(index)] for index in indices]
        images = large_arrays.empty((len(names), 3, self.resolution_px, self.resolution_px), np.uint8)
        changed: Counter[str] = Counter()
        try:
            with opened_zip(self.path) as archive:
                for row, name in enumerate(names):
                    image, changes = self._decode(archive, name)
                    if image.shape != images.shape[1:]:
                        raise StyleAlignError(
                            f"{self.path}: {name} is {image.shape[2]}x{image.shape[1]}, the first image "
                            f"{self.resolution_px} px; make the zip again with `stylealign data import`"
                        )
                    images[row] = image
                    changed.update(changes)
        except (OSError, zipfile.BadZipFile) as error:
            raise StyleAlignError(f"{self.path}: not a readable zip ({error}); make it again") from error
        self._say(changed)
        return images

    def _say(self, changed: Counter[str]) -> None:
        """Name on stderr what images went through to become RGB, each thing once."""
        for change in changed.keys() - self._said:
            print(f"{self.path}: {changed[change]} images or more: {change}", file=sys.stderr)
        self._said |= changed.keys()

    def _decode(self, archive: zipfile.ZipFile, name: str) -> tuple[NDArray[np.uint8], list[str]]:
        """Return an image `[3, H, W]` as an import would take it, and what that took."""
        try:
            image, changes = open_upright(read_entry(archive, archive.getinfo(name)))
        except NotConvertible as error:
            raise StyleAlignError(f"{self.path}: {name} cannot be read ({error}); make the zip again") from error
        if image.width != image.height:
            raise StyleAlignError(f"{self.path}: {name} is not square; prepare it with `stylealign data import`")
        return np.asarray(image).transpose(2, 0, 1), changes

    def _read_json(self, archive: zipfile.ZipFile) -> bytes | None:
        """Return the bytes of `dataset.json`: a verb that needs nothing of them does not mind what they are."""
        name = _json_entry(archive)
        if name is None:
            return None
        self._folder = name.removesuffix(DATASET_JSON)
        try:
            return read_entry(archive, archive.getinfo(name))
        except NotConvertible:
            return b""


def _is_image(name: str) -> bool:
    return name.lower().endswith(".png") and not is_system_file(name)


def _class_index(label: Any) -> int:
    """Return the class that a label is: a whole number; raise TypeError or ValueError for others."""
    if isinstance(label, bool) or not isinstance(label, (int, float)) or int(label) != label or label < 0:
        raise ValueError(f"a label is {label!r}")
    return int(label)
