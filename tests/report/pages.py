"""A small run to make report pages from: rows, figures, a morph video, benchmarks and a configuration."""

import functools
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from PIL import Image

from stylealign.applications.labels.methods import BEST
from stylealign.config import Config
from stylealign.measurements.rows import Row, write_rows
from stylealign.report.page.document import Sources
from stylealign.report.sheets import ROWS_NOTE, labelled_rows, rows_note, save_picture
from stylealign.report.video import video_writer

CONFIG = """
domains:
  human: {draw: human, resolution_px: 32, train_images: 64, test_images: 16}
  animal: {draw: animal, resolution_px: 32, train_images: 64, test_images: 16}
models:
  human: {domain: human, fetch: human-64-a}
  human-control: {domain: human, fetch: human-64-b}
  animal: {domain: animal, parent: human, train: {kimg: 40}}
  animal-unaligned: {domain: animal, parent: human-control, control_of: animal}
inversion_spaces: [w+]
"""
PROTOCOL = "samples of the averaged generator & <script>alert(1)</script>"


def row(table: str, method: str, metric: str, value: float | None, spread: float = 0.0, **columns: Any) -> Row:
    """Return a row of the child `animal`, with an interval of `spread` to both sides if there is one."""
    ends = {"ci_low": value - spread, "ci_high": value + spread} if spread and value is not None else {}
    labels = {"parent": "human", "child": "animal", "setting": "", "features": "", "n": 32}
    return Row(table=table, method=method, metric=metric, value=value, **(labels | ends | columns))


SHADES = {"human": 40, "animal": 120, "animal-unaligned": 220}
"""Grey level of each model's images in the figure of aligned samples."""
FEATURES = {"features": "efficientnet-lite0"}
ROWS = {
    "generators/parent": [row("generators", "parent", "fid", 2327.0, **FEATURES)],
    "generators/child": [row("generators", "child", "fid", 998.5, **FEATURES)],
    "generators/unaligned": [row("generators", "unaligned", "fid", 1353.0, **FEATURES)],
    "translation/w+": [
        row("translation", "w+", "kid", 7.9, 3.0, setting="to test images", **FEATURES),
        row("translation", "w+", "kid", 7.2, 3.0, setting="to training images", **FEATURES),
        row("translation", "w+", "keypoint_error", 0.25, 0.03),
    ],
    "translation/unaligned": [
        row("translation", "unaligned", "kid", 27.3, 5.0, setting="to test images, w+", **FEATURES),
        row("translation", "unaligned", "kid", 25.7, 5.0, setting="to training images, w+", **FEATURES),
        row("translation", "unaligned", "keypoint_error", 0.27, 0.03, setting="w+"),
    ],
    "translation/untouched": [row("translation", "untouched", "keypoint_error", 0.1, 0.01)],
    "zero_shot/oracle": [
        row("zero_shot_segmentation", "oracle", "iou", 0.9, setting="skin"),
        row("zero_shot_segmentation", "oracle", "iou", None, setting="clothes"),
        row("zero_shot_segmentation", "oracle", "miou", 0.9),
    ],
    "zero_shot/zero-shot": [
        row("zero_shot_segmentation", "zero-shot", "iou", 0.4, setting="skin"),
        row("zero_shot_segmentation", "zero-shot", "iou", 0.2, setting="clothes"),
        row("zero_shot_segmentation", "zero-shot", "miou", 0.3),
    ],
}


def labels(method: str, miou: float, difference: float | None = None) -> list[Row]:
    """Return rows of transferred labels, with their difference from source-only if it is known."""
    rows = [row("zero_shot_segmentation", method, "miou", miou, 0.01)]
    if difference is not None:
        to = {"setting": "minus source-only"}
        rows.append(row("zero_shot_segmentation", method, "miou_difference", difference, 0.005, **to))
    return rows


WITH_LABELS = ROWS | {
    "zero_shot/zero-shot": labels("zero-shot", 0.44, -0.08),
    "zero_shot/unaligned": labels("zero-shot unaligned", 0.33),
    "zero_shot/best": labels(BEST, 0.54, 0.02),
    "zero_shot/best-unaligned": labels(f"{BEST} unaligned", 0.34),
    "zero_shot/source-only": labels("source-only", 0.52),
}
"""The same with labels that are compared with source-only."""


def sources(directory: Path, own: Mapping[str, list[Row]] = ROWS) -> Sources:
    """Write the files of the run below `directory` and return them."""
    provenance = {
        "version": "0.1.0",
        "verb": "evaluate",
        "verb_version": 2,
        "seed": 0,
        "settings": {"samples": 32},
        "inputs_sha256": {"model": "0" * 64},
        "protocol": PROTOCOL,
        "real_images": 4000,
    }
    rows = []
    for name, found in own.items():
        rows.append(directory / "metrics" / f"{name}.json")
        write_rows(rows[-1], found, provenance)
    figures = [
        _picture(directory / "figures" / f"{name}.png", 640, 320)
        for name in (
            "samples",
            "translation-animal",
            "multi-modal-animal",
            "multi-modal-other",
            "morphing-animal",
            "zero-shot-animal",
        )
    ]
    figures.insert(1, directory / "figures" / "aligned-human.png")
    sheet = labelled_rows([(name, np.full((3, 3, 64, 64), shade, np.uint8)) for name, shade in SHADES.items()])
    save_picture(figures[1], sheet, {ROWS_NOTE: rows_note(list(SHADES), 3, *sheet.shape[1:])})
    video = directory / "morph.mp4"
    video.write_bytes(_video())
    artifact = directory / "models" / "animal" / "model.safetensors"
    artifact.parent.mkdir(parents=True)
    artifact.write_bytes(b"weights")
    return Sources(
        rows=rows,
        figures=figures,
        videos={"animal": video},
        previews={name: _picture(directory / name / "preview.png", 96, 64) for name in ("human", "animal")},
        artifacts=[artifact],
        benchmarks=_benchmarks(directory / "benchmarks"),
        config=Config.model_validate(yaml.safe_load(CONFIG)),
    )


@functools.cache
def _video() -> bytes:
    """Return an MP4 of two seconds."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "video.mp4"
        write_video(path, (np.full((3, 64, 128), 20 * index, np.uint8) for index in range(10)), fps=5)
        return path.read_bytes()


def _picture(path: Path, width: int, height: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.effect_noise((width, height), 64).convert("RGB").save(path)
    return path


def _benchmarks(folder: Path) -> Path:
    for name, seconds, memory in (
        ("train_child/animal", "600", "990.5"),
        ("train_child/other", "30", "-"),
        ("tables", "0.26", "NA"),
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.tsv").write_text(f"s\th:m:s\tmax_rss\n{seconds}\t0:10:00\t{memory}\n")
    return folder


def write_video(path: Path, frames: Iterable[np.ndarray], fps: float) -> int:
    """Write frames `[3, H, W]` uint8 as a video; return how many were written."""
    count = 0
    with video_writer(path, fps) as write:
        for frame in frames:
            write(frame)
            count += 1
    return count
