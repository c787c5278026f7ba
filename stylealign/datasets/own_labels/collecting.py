"""The labels of an import: what is known of each square image, collected picture by picture."""

import sys
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stylealign.config import FOUND_FACES, AnnotationSettings
from stylealign.datasets import large_arrays
from stylealign.datasets.annotations import UNKNOWN_CLASS, UNKNOWN_VALUE, Annotations
from stylealign.datasets.conversion import NotConvertible
from stylealign.datasets.face_finding import EYE_CORNERS, NAMES
from stylealign.datasets.label_names import LabelNames, sides_of
from stylealign.datasets.own_labels.arrays import framed, reordered, stacked, turned
from stylealign.datasets.own_labels.classes import read_classes
from stylealign.datasets.own_labels.coco import CocoMasks, CocoPoints
from stylealign.datasets.own_labels.coco_file import CocoFile
from stylealign.datasets.own_labels.masks import BACKGROUND, FolderMasks, Masked, PartMasks, masks_in
from stylealign.datasets.own_labels.matching import SHOWN, LabelReport, PictureNames
from stylealign.datasets.own_labels.points import CsvPoints, Points
from stylealign.datasets.own_labels.sides import sides_exchanged, with_shared_values
from stylealign.datasets.own_labels.tables import Attributes, Values
from stylealign.datasets.placing import Placing
from stylealign.datasets.sources import files_of, no_zip
from stylealign.errors import StyleAlignError
from stylealign.files import own_path, printable, tmpdir_named

KINDS_OF_FILES = {"masks": "segmentation", "keypoints": "keypoints", "values": "pose", "attributes": "attributes"}
OF_SEVERAL = "a picture of several faces (any of them may be meant)"


class Collected:
    """Labels of the square images of an import, in their order."""

    def __init__(
        self, settings: AnnotationSettings, pictures: PictureNames, size_px: int, report: LabelReport, stack: ExitStack
    ) -> None:
        """Open the files of labels.

        Args:
            settings: where they are.
            pictures: names of the pictures.
            size_px: size of the square images.
            report: gets what cannot be used.
            stack: keeps the files open.

        Raises:
            StyleAlignError: a file that is missing, or not what it should be.
        """
        self._settings, self._size_px, self._report = settings, size_px, report
        self._coco: dict[Path, CocoFile] = {}
        self._pictures = pictures
        self._masks = self._open_masks(stack)
        self._maps = stack.enter_context(large_arrays.spool())
        self._points = self._open_points()
        values, attributes = _path(settings.values), _path(settings.attributes)
        self._values = None if values is None else Values(values, pictures, report)
        self._attributes = None if attributes is None else Attributes(attributes, pictures, report)
        self._rows: dict[str, list[Any]] = {"points": [], "visible": [], "values": [], "attributes": []}
        self._several: set[tuple[str, str]] = set()
        self._is_mirrored: dict[str, list[bool]] = {kind: [] for kind in settings.kinds}

    def _open_masks(self, stack: ExitStack) -> FolderMasks | PartMasks | CocoMasks | None:
        path = _path(self._settings.masks)
        if path is None:
            return None
        if path.suffix.lower() == ".json":
            if self._settings.classes is not None:
                raise StyleAlignError(f"{path}: names its own classes; leave annotations.classes out")
            return CocoMasks(self._coco_file(path))
        table = read_classes(self._settings.classes)
        try:
            files = stack.enter_context(files_of(path))
        except zipfile.BadZipFile as error:
            raise StyleAlignError(f"{path}: {no_zip(path, error)}") from error
        masks = masks_in(files, table, self._pictures, path, self._report)
        if isinstance(masks, PartMasks) and self._settings.classes is not None:
            raise StyleAlignError(f"{path}: masks of parts, which name their classes; leave annotations.classes out")
        if len(masks) == 0:
            raise StyleAlignError(f"{path}: no mask is of a picture; name each like its picture, with the ending .png")
        return masks

    def _open_points(self) -> CocoPoints | CsvPoints | None:
        path = _path(self._settings.keypoints)
        if path is None or self._settings.keypoints == FOUND_FACES:
            return None
        if path.suffix.lower() == ".json":
            return CocoPoints(self._coco_file(path))
        return CsvPoints(path, self._pictures, self._report)

    def _coco_file(self, path: Path) -> CocoFile:
        if path not in self._coco:
            self._coco[path] = CocoFile(path, self._pictures, self._report)
        return self._coco[path]

    def add(
        self,
        picture: str,
        placing: Placing,
        face: NDArray[np.float64] | None,
        faceless: str = "",
        is_of_several: bool = False,
    ) -> None:
        """Take what is known of the next square image.

        Args:
            picture: the picture it is of.
            placing: where it lies in the picture.
            face: `[68, 2]` points of a face that was found, in the upright picture.
            faceless: why none was found.
            is_of_several: whether the picture has several faces that are taken; what a file says of such a picture is
                known of none of them, but for masks.
        """
        for kind in self._is_mirrored:  # those of masks and points tell by their size what they are of
            self._is_mirrored[kind].append(placing.is_mirrored and not self._settings.upright)
        if self._masks is not None:
            with tmpdir_named("large masks wait"):
                self._maps.write(self._map_of(picture, placing).tobytes())
        if self._settings.keypoints is not None:
            positions, visible = self._points_of(picture, placing, face, faceless, is_of_several)
            self._rows["points"].append(positions)
            self._rows["visible"].append(visible)
        for name, source, unknown in (
            ("values", self._values, np.nan),
            ("attributes", self._attributes, UNKNOWN_VALUE),
        ):
            if source is not None:
                row = source.of(picture)
                if row is None:
                    self._report.reject(source.file, picture, "a picture without a row")
                elif is_of_several:
                    self._note_several(source.file, picture)
                    row = None
                self._rows[name].append(np.full(len(source.names), unknown) if row is None else row)

    def _note_several(self, file: str, picture: str) -> None:
        """Note, once a picture, a label that may be of any of its faces."""
        if (file, picture) not in self._several:
            self._several.add((file, picture))
            self._report.reject(file, picture, OF_SEVERAL, is_counted=True)

    def _map_of(self, picture: str, placing: Placing) -> NDArray[np.uint8]:
        assert self._masks is not None, "there are masks"
        try:
            masked = (
                self._coco_mask(picture, placing) if isinstance(self._masks, CocoMasks) else self._masks.of(picture)
            )
            if masked is not None:
                return self._placed_map(masked, placing)
            self._report.reject(self._masks.file, picture, "a picture without a mask")
        except NotConvertible as error:
            self._report.reject(self._masks.file, picture, str(error))
        return np.full((self._size_px, self._size_px), UNKNOWN_CLASS, np.uint8)

    def _coco_mask(self, picture: str, placing: Placing) -> Masked | None:
        """Return what is drawn of a picture, in a size that it has; raise NotConvertible for another one."""
        assert isinstance(self._masks, CocoMasks), "polygons are drawn"
        size = self._masks.size_of(picture) or (placing.upright_px if self._settings.upright else placing.stored_px)
        if self._is_upright(size, placing) is None:
            raise NotConvertible(_of_another_size("a mask", size, placing))
        return self._masks.of(picture, size)

    def _placed_map(self, masked: Masked, placing: Placing) -> NDArray[np.uint8]:
        """Return a mask as the square image's; raise NotConvertible for one of another size."""
        classes = masked.classes
        if masked.is_scaled:
            (width, height), (wide, high) = masked.size_px, placing.upright_px
            is_upright: bool | None = abs(width * high - height * wide) <= max(wide, high)
        else:
            is_turned = masked.is_turned and masked.size_px == placing.upright_px
            is_upright = is_turned or self._is_upright(masked.size_px, placing)
        if is_upright is None or (masked.is_scaled and not is_upright):
            raise NotConvertible(_of_another_size("a mask", masked.size_px, placing))
        if not masked.is_turned:
            self._note_sides("segmentation", placing, is_upright)
        if not is_upright:
            classes = turned(classes, placing)
        return placing.mask(classes)

    def _is_upright(self, size_px: tuple[int, int], placing: Placing) -> bool | None:
        """Return whether labels of this size are of the upright picture; None: they are of another size."""
        fits = size_px == placing.stored_px, size_px == placing.upright_px
        if fits == (True, True):
            return self._settings.upright
        return fits[1] if any(fits) else None

    def _note_sides(self, kind: str, placing: Placing, is_upright: bool) -> None:
        """Note whether left and right change places in the last labels of a kind: in those of a mirrored picture as
        stored."""
        self._is_mirrored[kind][-1] = placing.is_mirrored and not is_upright

    def _points_of(
        self,
        picture: str,
        placing: Placing,
        face: NDArray[np.float64] | None,
        faceless: str,
        is_of_several: bool,
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        names = self._keypoint_names()
        nothing = np.full((len(names), 2), np.nan, np.float32), np.zeros(len(names), bool)
        if self._points is None:
            if face is None:
                self._report.reject(FOUND_FACES, picture, faceless)
                return nothing
            self._note_sides("keypoints", placing, is_upright=True)
            return framed(placing.points(face), np.ones(len(face), bool), self._size_px)
        try:
            found = self._points.of(picture)
            if found is None:
                self._report.reject(self._points.file, picture, "a picture without key points")
                return nothing
            if is_of_several:
                self._note_several(self._points.file, picture)
                return nothing
            upright, visible = self._upright_points(found, picture, placing)
            return framed(placing.points(upright), visible, self._size_px)
        except NotConvertible as error:
            self._report.reject(self._points.file, picture, str(error))
            return nothing

    def _upright_points(
        self, found: Points, picture: str, placing: Placing
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Return points in the upright picture; those that lie outside of it are reported and not known."""
        assert self._points is not None, "there are points"
        is_upright = self._settings.upright
        if found.size_px is not None:
            told = self._is_upright(found.size_px, placing)
            if told is None:
                raise NotConvertible(_of_another_size("key points of a picture", found.size_px, placing))
            is_upright = told
        self._note_sides("keypoints", placing, is_upright)
        positions = found.positions if is_upright else placing.turned(found.positions)
        outside: NDArray[np.bool_] = np.any((positions < 0) | (positions > np.array(placing.upright_px)), axis=1)
        for place in np.flatnonzero(outside):
            name = self._points.names[place]
            told_at = ", ".join(f"{value:g}" for value in found.positions[place])
            self._report.reject(self._points.file, picture, f"a key point outside of the picture ({name} at {told_at})")
        return np.where(outside[:, None], np.nan, positions), found.visible & ~outside

    def _keypoint_names(self) -> tuple[str, ...]:
        if self._settings.keypoints is None:
            return ()
        return NAMES if self._points is None else self._points.names

    def finished(self) -> Annotations:
        """Return the labels of all square images.

        Raises:
            StyleAlignError: declared pairs or signs of names that there are not.
        """
        self._report.close()
        classes = () if self._masks is None else tuple(self._masks.sorted_names())
        names = self._names(classes)
        mirrored = {kind: np.array(flags, bool) for kind, flags in self._is_mirrored.items()}
        with tmpdir_named("large masks wait"):
            maps = large_arrays.spooled(self._maps, (self._size_px, self._size_px), np.uint8)
        if maps is not None and self._masks is not None:
            maps = reordered(maps, list(self._masks.names), list(classes))
        points, visible = stacked(self._rows["points"], np.float32), stacked(self._rows["visible"], np.bool_)
        pose, attributes = stacked(self._rows["values"], np.float32), stacked(self._rows["attributes"], np.int64)
        columns = {} if attributes is None else dict(zip(names.attributes, attributes.T.copy(), strict=True))
        shared = with_shared_values(names, columns)
        found = Annotations(maps, points, visible, pose, shared.attributes, shared.names)
        self._require_some(found)
        self._say_unseen(found)
        return sides_exchanged(found, mirrored) if any(flags.any() for flags in mirrored.values()) else found

    def _require_some(self, found: Annotations) -> None:
        """Refuse labels of which none could be used.

        Raises:
            StyleAlignError: naming the file, and the commonest reason.
        """
        given = {key: getattr(self._settings, key) for key in KINDS_OF_FILES}
        for key, kind in KINDS_OF_FILES.items():
            if given[key] is not None and len(found) and not found.only({kind}).known().any():
                file = FOUND_FACES if given[key] == FOUND_FACES else Path(given[key]).name
                most = self._report.commonest(file)
                raise StyleAlignError(
                    f"annotations.{key}: {given[key]}: no label of it can be used{(most and f' ({most})') or ''}; "
                    "mend the labels"
                )

    def _say_unseen(self, found: Annotations) -> None:
        """Say on stderr which classes no image has, but for those that every file of a layout names."""
        if self._masks is None or found.segmentation is None or isinstance(self._masks, PartMasks):
            return
        seen = {int(place) for own in found.segmentation for place in np.unique(own)}
        usual = (BACKGROUND,) if isinstance(self._masks, CocoMasks) else ()
        unseen = [name for place, name in enumerate(found.names.classes) if place not in seen and name not in usual]
        if unseen:
            more = f" and {len(unseen) - SHOWN} more" if len(unseen) > SHOWN else ""
            said = f"no image has a pixel of the class {', '.join(unseen[:SHOWN])}{more}"
            print(f"data: {printable(self._masks.file)}: {printable(said)}", file=sys.stderr)

    def _names(self, classes: tuple[str, ...]) -> LabelNames:
        settings, points = self._settings, self._keypoint_names()
        swapped = settings.swapped
        if swapped is None and settings.keypoints == FOUND_FACES:
            swapped = tuple(dict.fromkeys([EYE_CORNERS, *sides_of(points), *sides_of(classes)]))
        mirroring: dict[str, Any] = {"swapped": swapped, "negated": settings.negated}
        stated = {key: value for key, value in mirroring.items() if value is not None}
        names = LabelNames(
            classes,
            points,
            () if self._values is None else self._values.names,
            {} if self._attributes is None else self._attributes.names,
            **stated,
        )
        declared = [("swapped", {name for pair in settings.swapped or () for name in pair}, names.all())]
        declared += [("negated", set(settings.negated or ()), names.values)]
        for key, given, known in declared:
            if given - set(known):
                raise StyleAlignError(f"annotations.{key}: no {min(given - set(known))!r} among {', '.join(known)}")
        kinds = (names.classes, names.keypoints, names.values, tuple(names.attributes))
        for pair in settings.swapped or ():
            if not any(set(pair) <= set(own) for own in kinds):
                raise StyleAlignError(f"annotations.swapped: {pair[0]!r} and {pair[1]!r} are labels of two kinds")
        return names


def _path(text: str | None) -> Path | None:
    return None if text is None else Path(own_path(text))


def _of_another_size(what: str, size_px: tuple[int, int], placing: Placing) -> str:
    (width, height), (wide, high) = size_px, placing.stored_px
    return f"{what} of another size ({width}x{height}, the picture has {wide}x{high})"


@contextmanager
def collecting(
    settings: AnnotationSettings | None, pictures: Sequence[str], size_px: int, report: LabelReport
) -> Iterator[Collected | None]:
    """Yield what collects the labels of an import; None where it has none."""
    if settings is None:
        yield None
        return
    with ExitStack() as stack:
        yield Collected(settings, PictureNames(pictures), size_px, report, stack)
