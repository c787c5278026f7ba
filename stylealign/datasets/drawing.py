"""Drawing a whole data set: training, test and validation images, their annotations and a preview."""

import multiprocessing
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stylealign.config import DatasetSettings
from stylealign.datasets.annotations import Annotations
from stylealign.datasets.avatars import POSE, Avatar, attribute_values, draw_avatar
from stylealign.datasets.domains import domain as drawn_domain
from stylealign.datasets.images import write_image_zip
from stylealign.datasets.label_names import LabelNames
from stylealign.datasets.preview import COLUMNS, ROWS, write_preview
from stylealign.errors import StyleAlignError
from stylealign.files import atomic_files, write_json
from stylealign.interrupts import without_sigint

CHUNK = 50
PROGRESS_INTERVAL_S = 5.0


def draw_dataset(
    settings: DatasetSettings, out_dir: Path, jobs: int = 1, provenance: dict[str, Any] | None = None
) -> dict[str, int]:
    """Draw a domain into `out_dir`; return the number of images a split.

    Writes `{train,test,val}.zip`, `{train,test,val}.annotations.npz`, `preview.png` and `config.json`, the settings.
    `provenance` is kept in the `dataset.json` of the zips.

    Raises:
        StyleAlignError: a resolution too small for the artwork, or a file that cannot be written.
    """
    assert settings.draw is not None
    smallest = drawn_domain(settings.draw).smallest_px
    if settings.resolution_px < smallest:
        raise StyleAlignError(
            f"resolution_px: {settings.resolution_px} is too small for the parts of {settings.draw};"
            f" use {smallest} or more"
        )
    train, test = settings.splits
    counts = {"train": train, "test": test, "val": settings.val_images}
    with atomic_files(out_dir, "config.json") as made:
        for split, count in counts.items():
            avatars = _draw_all(settings, split, count, jobs)
            images = np.stack([avatar.image for avatar in avatars])
            write_image_zip(made / f"{split}.zip", images, extra={"provenance": provenance or {}})
            _annotations(settings.draw, avatars).save(made / f"{split}.annotations.npz")
            if split == "train":
                write_preview(made / "preview.png", images[: COLUMNS * ROWS])
        write_json(made / "config.json", settings.model_dump())
    return counts


def _draw_all(settings: DatasetSettings, split: str, count: int, jobs: int) -> list[Avatar]:
    assert settings.draw is not None
    draw = partial(_draw_one, settings.draw, split, settings.seed, settings.resolution_px)
    jobs = min(jobs, -(-count // CHUNK))  # a process without a chunk would only be started
    if jobs == 1:
        return list(_with_progress(map(draw, range(count)), f"{settings.draw} {split}", count))
    with without_sigint():  # Ctrl-C goes to all processes of the terminal: this one ends the others
        pool = multiprocessing.get_context("spawn").Pool(jobs)
    with pool:
        return list(_with_progress(pool.imap(draw, range(count), CHUNK), f"{settings.draw} {split}", count))


def _draw_one(domain: str, split: str, seed: int, resolution_px: int, index: int) -> Avatar:
    return draw_avatar(domain, split, index, seed, resolution_px)


def _with_progress(avatars: Iterator[Avatar], what: str, count: int) -> Iterator[Avatar]:
    start = last = time.monotonic()
    for done, avatar in enumerate(avatars, 1):
        yield avatar
        now = time.monotonic()
        if now - last >= PROGRESS_INTERVAL_S or done == count:
            left_s = (now - start) / done * (count - done)
            print(f"data: {what}: {done}/{count} images, {left_s:.0f} s left", file=sys.stderr)
            last = now


def _annotations(domain: str, avatars: list[Avatar]) -> Annotations:
    values, what = attribute_values(domain), drawn_domain(domain)
    return Annotations(
        segmentation=np.stack([avatar.segmentation for avatar in avatars]),
        keypoints=np.stack([avatar.keypoints for avatar in avatars]) if what.keypoints else None,
        visible=np.stack([avatar.visible for avatar in avatars]) if what.keypoints else None,
        pose=np.stack([avatar.pose for avatar in avatars]),
        attributes={name: _indices(avatars, name, names) for name, names in values.items()},
        names=LabelNames(what.classes, what.keypoints, POSE, values),
    )


def _indices(avatars: list[Avatar], attribute: str, names: list[str]) -> NDArray[np.int64]:
    return np.array([names.index(avatar.attributes[attribute]) for avatar in avatars], dtype=np.int64)
