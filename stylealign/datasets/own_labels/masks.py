"""Masks of pictures: a folder or zip of PNGs by the pictures' names, or the part masks of CelebAMask-HQ's layout."""

import io
import re
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stylealign.datasets.conversion import DAMAGED, NotConvertible, turned_upright
from stylealign.datasets.own_labels.classes import ClassTable, UnknownIdError
from stylealign.datasets.own_labels.matching import WITHOUT_PICTURE, LabelReport, PictureNames, bound
from stylealign.datasets.sources import is_system_file
from stylealign.files import printable

PARTS = (
    *("skin", "nose", "eye_g", "l_eye", "r_eye", "l_brow", "r_brow", "l_ear", "r_ear", "mouth", "u_lip", "l_lip"),
    *("hair", "hat", "ear_r", "neck_l", "neck", "cloth"),
)
"""Parts of CelebAMask-HQ from the lowest layer (Lee et al. 2020, arXiv 1907.11922)."""
BACKGROUND = "background"

_PART = re.compile(rf"0*(\d+)_({'|'.join(PARTS)})")
_UNREADABLE = (*DAMAGED, Image.DecompressionBombError)

Reader = Callable[[], bytes]


class Masked:
    """A mask in its own pixels.

    Attributes:
        classes: `[h, w]` uint8.
        is_scaled: whether it may be a smaller or larger version of the picture.
        is_turned: whether a note of its own turned it upright.
    """

    def __init__(self, classes: NDArray[np.uint8], is_scaled: bool = False, is_turned: bool = False) -> None:
        self.classes, self.is_scaled, self.is_turned = classes, is_scaled, is_turned

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height."""
        return self.classes.shape[1], self.classes.shape[0]


class FolderMasks:
    """One PNG a picture."""

    def __init__(
        self, files: Mapping[str, Reader], table: ClassTable, pictures: PictureNames, file: str, report: LabelReport
    ) -> None:
        self.file, self._table = file, table
        own = ((name, (name, read)) for name, read in files.items() if not is_system_file(name) and _is_mask(name))
        self._masks = bound(own, pictures, file, report)

    @property
    def names(self) -> list[str]:
        """Names of the classes."""
        return self._table.names

    def sorted_names(self) -> list[str]:
        """Return the names in their final order."""
        return self._table.sorted_names()

    def __len__(self) -> int:
        """Return the number of pictures with a mask."""
        return len(self._masks)

    def of(self, picture: str) -> Masked | None:
        """Return the mask of a picture, None where it has none.

        Raises:
            NotConvertible: it cannot be read, or has an id without a name.
        """
        if picture not in self._masks:
            return None
        mask, turn = _opened(*self._masks[picture])
        try:
            return Masked(self._table.classes_of(mask), is_turned=turn is not None)
        except UnknownIdError as error:
            raise NotConvertible(str(error)) from error


class PartMasks:
    """CelebAMask-HQ: `00012_hair.png`, white where the part is, for the picture `12.jpg`, which may be larger."""

    def __init__(self, files: Mapping[str, Reader], pictures: PictureNames, file: str, report: LabelReport) -> None:
        self.file = file
        self.names = [BACKGROUND, *PARTS]
        self._parts: dict[str, dict[str, Reader]] = {}
        for name, read in files.items():
            match = _PART.fullmatch(PurePosixPath(name).stem)
            if is_system_file(name) or not _is_mask(name):
                continue
            if match is None:
                report.reject(file, name, f"an unknown part ({PurePosixPath(name).stem.partition('_')[2] or 'none'})")
                continue
            number, part = match.groups()
            padded = PurePosixPath(name).stem.partition("_")[0]
            own = pictures.of_stem(padded) or pictures.of_stem(number)
            if len(own) != 1:
                report.reject(file, name, WITHOUT_PICTURE if not own else "several pictures of that name")
                continue
            if part in self._parts.setdefault(own[0], {}):
                report.reject(file, name, f"a second mask of one part ({own[0]}, {part})")
                continue
            self._parts[own[0]][part] = read

    def sorted_names(self) -> list[str]:
        """Return the names in their final order."""
        return list(self.names)

    def __len__(self) -> int:
        """Return the number of pictures with masks."""
        return len(self._parts)

    def of(self, picture: str) -> Masked | None:
        """Return the parts of a picture, one over another, None where it has none.

        Raises:
            NotConvertible: a part cannot be read, or is of another size than the others.
        """
        parts = self._parts.get(picture)
        if parts is None:
            return None
        whole: NDArray[np.uint8] | None = None
        for place, part in enumerate(PARTS, 1):
            if part not in parts:
                continue
            mask, _ = _opened(part, parts[part])
            covered = np.asarray(mask.convert("L")) > 127
            if whole is None:
                whole = np.zeros(covered.shape, np.uint8)
            if covered.shape != whole.shape:
                raise NotConvertible(f"parts of different sizes ({part})")
            whole[covered] = place
        assert whole is not None, "a picture has a part"
        return Masked(whole, is_scaled=True)


def masks_in(
    files: Mapping[str, Reader], table: ClassTable, pictures: PictureNames, path: Path, report: LabelReport
) -> FolderMasks | PartMasks:
    """Return the masks of a folder or zip, in the layout that its names show."""
    stems = [PurePosixPath(name).stem for name in files if _is_mask(name)]
    if stems and sum(bool(_PART.fullmatch(stem)) for stem in stems) > len(stems) / 2:
        return PartMasks(files, pictures, path.name, report)
    return FolderMasks(files, table, pictures, path.name, report)


def _is_mask(name: str) -> bool:
    return PurePosixPath(name).suffix.lower() in (".png", ".bmp", ".gif", ".tif", ".tiff")


def _opened(name: str, read: Reader) -> tuple[Image.Image, Image.Transpose | None]:
    """Return a mask as it is shown, with what turned it upright, None for nothing."""
    try:
        return turned_upright(Image.open(io.BytesIO(read())))[:2]
    except _UNREADABLE as error:
        raise NotConvertible(f"not a readable mask ({printable(name)})") from error
