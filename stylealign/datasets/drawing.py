"""Drawing a whole data set: training, test and validation images, their annotations and a preview."""

import multiprocessing
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stylealign.config import DatasetSettings, PairSettings
from stylealign.datasets.avatars import Avatar, DrawnAnnotations, draw_avatar
from stylealign.datasets.images import write_image_zip
from stylealign.datasets.pairs import drawn_pairs
from stylealign.datasets.preview import COLUMNS, ROWS, write_preview
from stylealign.datasets.splits import SPLITS
from stylealign.files import atomic_files, write_json
from stylealign.interrupts import without_sigint

CHUNK = 50
PROGRESS_INTERVAL_S = 5.0


def draw_dataset(
    settings: DatasetSettings,
    out_dir: Path,
    jobs: int = 1,
    provenance: Mapping[str, dict[str, Any]] | None = None,
    splits: Sequence[str] = SPLITS,
) -> dict[str, int]:
    """Draw a domain into `out_dir`; return the number of images a split.

    Writes `SPLIT.zip` and `SPLIT.annotations.npz` of each of `splits`, and with the training images `preview.png` and
    `config.json`, the settings. Other splits that are there already stay. `provenance` of a split is kept in the
    `dataset.json` of its zip.

    Raises:
        StyleAlignError: a file that cannot be written.
    """
    assert settings.draw is not None
    assert settings.val_images is not None, "the settings of a drawn domain are completed"
    train, test = settings.splits
    numbers = {"train": train, "test": test, "val": settings.val_images}
    counts = {split: numbers[split] for split in SPLITS if split in splits}
    with atomic_files(out_dir, "config.json" if "train" in counts else f"{[*counts][-1]}.zip") as made:
        for split, count in counts.items():
            drawn = _Drawn(settings, split, count, jobs)
            write_image_zip(
                made / f"{split}.zip", drawn.images(), extra={"provenance": (provenance or {}).get(split, {})}
            )
            drawn.annotations.all().save(made / f"{split}.annotations.npz")
            if split == "train":
                write_preview(made / "preview.png", np.stack(drawn.first))
                not_drawn = {f"{other}_images" for other in SPLITS if other not in counts}
                write_json(made / "config.json", settings.model_dump(exclude=settings.untouched | not_drawn))
    return counts


def draw_pairs(settings: PairSettings, out_dir: Path, provenance: dict[str, Any] | None = None) -> dict[str, int]:
    """Draw pairs of two domains into `out_dir`; return how many.

    Writes `{source,target}.zip` and `{source,target}.annotations.npz`, row by row pairs, and `config.json`.

    Raises:
        StyleAlignError: a kind of pairs that the two domains do not have, or a file that cannot be written.
    """
    sides = drawn_pairs(
        settings.source, settings.target, settings.kind, settings.pairs, settings.seed, settings.resolution_px
    )
    with atomic_files(out_dir, "config.json") as made:
        for side, (images, annotations) in zip(("source", "target"), sides, strict=True):
            write_image_zip(made / f"{side}.zip", images, extra={"provenance": provenance or {}})
            annotations.save(made / f"{side}.annotations.npz")
        write_json(made / "config.json", settings.model_dump())
    return {"pairs": settings.pairs}


class _Drawn:
    """A split that is drawn while its images are written: of them only the first are held, and all annotations."""

    def __init__(self, settings: DatasetSettings, split: str, count: int, jobs: int) -> None:
        assert settings.draw is not None
        self.first: list[NDArray[np.uint8]] = []
        self.annotations = DrawnAnnotations(settings.draw, count, settings.resolution_px)
        self._avatars = _draw_all(settings, split, count, jobs)

    def images(self) -> Iterator[NDArray[np.uint8]]:
        for avatar in self._avatars:
            self.annotations.add(avatar)
            if len(self.first) < COLUMNS * ROWS:
                self.first.append(avatar.image)
            yield avatar.image


def _draw_all(settings: DatasetSettings, split: str, count: int, jobs: int) -> Iterator[Avatar]:
    assert settings.draw is not None
    draw = partial(_draw_one, settings.draw, split, settings.seed, settings.resolution_px)
    jobs = min(jobs, -(-count // CHUNK))  # a process without a chunk would only be started
    if jobs == 1:
        yield from _with_progress(map(draw, range(count)), f"{settings.draw} {split}", count)
        return
    with without_sigint():  # Ctrl-C goes to all processes of the terminal: this one ends the others
        pool = multiprocessing.get_context("spawn").Pool(jobs)
    with pool:
        yield from _with_progress(pool.imap(draw, range(count), CHUNK), f"{settings.draw} {split}", count)


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
