"""Labels for a data set whose images are there already."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stylealign.config import DatasetSettings
from stylealign.datasets.images import ImageZip
from stylealign.datasets.importing import Archive, converted
from stylealign.datasets.large_arrays import parts
from stylealign.datasets.own_labels.files import LABEL_FILES, LABEL_SETTINGS, write_labels
from stylealign.datasets.splits import SPLITS
from stylealign.errors import StyleAlignError
from stylealign.files import atomic_files


def label_dataset(settings: DatasetSettings, out_dir: Path, archive: Archive | None = None) -> dict[str, object]:
    """Write the labels that `import_dataset` would write with the images, to the byte, beside images that are there.

    Args:
        settings: those of the images, with `annotations`.
        out_dir: folder of the data set, with `{train,test}.zip` and, with `val_images`, `val.zip` of these pictures.
        archive: a published data set, with its own split.

    Returns:
        What `import_dataset` returns.

    Raises:
        StyleAlignError: no labels are asked for, the folder has no images or those of other pictures or settings, or
            what `import_dataset` raises.
    """
    if settings.annotations is None:
        raise StyleAlignError("--labels-only: no labels; give masks, keypoints, values or attributes")
    zips = {
        split: _opened(out_dir / f"{split}.zip", settings) for split in SPLITS if split != "val" or settings.val_images
    }
    with converted(settings, archive) as found:
        assert found.labels is not None, "they are asked for"
        for split, indices in found.splits.items():
            if told := _difference(zips[split], found.images, indices):
                raise _other_images(zips[split].path, told)
        with atomic_files(out_dir, LABEL_SETTINGS, LABEL_FILES) as made:
            write_labels(made, settings.annotations, found.labels, found.splits, found.label_report)
        return found.summary()


def _opened(path: Path, settings: DatasetSettings) -> ImageZip:
    """Return the images of a split; they are looked at before the pictures, which may take long."""
    if not path.is_file():
        raise StyleAlignError(f"{path}: no such file; import the images first, without --labels-only")
    images = ImageZip(path)
    if images.resolution_px != settings.resolution_px:
        raise _other_images(path, f"they are of {images.resolution_px} px, not {settings.resolution_px}")
    return images


def _other_images(path: Path, told: str) -> StyleAlignError:
    return StyleAlignError(
        f"{path}: not the images that these pictures and settings give this split ({told}); import them again, without "
        "--labels-only"
    )


def _difference(images: ImageZip, pixels: NDArray[np.uint8], indices: NDArray[np.int64]) -> str | None:
    """Return how the images of a zip differ from those of `pixels` with these indices, None where they are the same."""
    if len(images.names) != len(indices):
        return f"there are {len(images.names)}, not {len(indices)}"
    for part in parts(len(indices), pixels[0].nbytes):
        same = images.read(part) == pixels[indices[part]]
        if not same.all():
            return f"{images.names[part.start + int(np.argmin(same.all(axis=(1, 2, 3))))]} is another one"
    return None
