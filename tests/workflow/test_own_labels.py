"""Pictures with masks of one's own, from the folder to the zero-shot tables, as docs/own-labels.md says."""

import csv
import json
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from stylealign.datasets.annotations import Annotations
from stylealign.datasets.images import ImageZip
from stylealign.files import sha256_of_file
from tests.workflow.snakemake import ROOT, planned, snakemake

pytestmark = pytest.mark.workflow

SMALL = (
    "domains={day: {resolution_px: 32, train_images: 24, test_images: 8}, "
    "night: {resolution_px: 32, train_images: 24, test_images: 8, val_images: 4}, rain: {resolution_px: 32}}",
    "models={night: {measured: [alignment_weights, zero_shot]}, rain: {measured: [alignment_weights, zero_shot]}}",
    "train={kimg: 0.032, batch_size: 8}",
    "inversion={images: 4, steps: 2, initial_candidates: 4}",
    "inversion_spaces=[w+]",
    "morphing={frames: 5, images: 2, strip_frames: 3}",
    "metrics={samples: 16, reset_samples: 16, pairs: 16, curve_images: 16, score_latents: 16, direction_samples: 40, "
    "effect_latents: 4, channel_images: 2, bootstrap: 10}",
    "labels={epochs: 1, images: 16, batch_size: 8}",
    "figure_images=2",
)
"""The lines of the document at a small size, and those tables alone."""


def documented() -> str:
    """Return the YAML example of a whole configuration."""
    found = re.search(r"```yaml\n(domains:.*?)```", (ROOT / "docs" / "own-labels.md").read_text(), re.DOTALL)
    assert found
    return found[1]


def draw_scenes(folder: Path, sky: int, roof: int, count: int = 36) -> None:
    """Draw houses under a sky with a mask each: 0 the sky, 1 the wall and, with this number, the roof."""
    (folder / "pictures").mkdir(parents=True)
    (folder / "masks").mkdir()
    rng = np.random.default_rng(sky)
    for index in range(count):
        picture = Image.fromarray(rng.integers(sky, sky + 40, (60, 70, 3), dtype=np.uint8))
        mask = Image.new("L", picture.size, 0)
        x, y, width = (int(value) for value in rng.integers((10, 25, 25), (25, 35, 40)))
        for drawn, wall, top in ((picture, (120, 90, 60), (160, 30, 30)), (mask, 1, roof)):
            ImageDraw.Draw(drawn).rectangle((x, y, x + width, 59), fill=wall)
            ImageDraw.Draw(drawn).polygon([(x, y), (x + width, y), (x + width // 2, y - 15)], fill=top)
        picture.save(folder / "pictures" / f"{index}.jpg", quality=95)
        if index % 9:  # some have none
            mask.save(folder / "masks" / f"{index}.png")


READ_LABELS = {
    *("label_domain", "label_validated_domain", "supervise", "transfer", "transfer_bounds", "transfer_untested"),
    *("predict", "zero_shot", "zero_shot_labeller", "figure_zero_shot", "wide_tables", "tables"),
}
"""The rules of the run above that labels concern: of images, features, models and codes there is none."""


def rules_run(done: subprocess.CompletedProcess[str]) -> set[str]:
    """Return the rules whose jobs started."""
    return set(re.findall(r"^\[ *\d+/\d+\] start  (\w+)", done.stderr, re.MULTILINE))


def test_pictures_with_masks_become_zero_shot_tables(tmp_path: Path) -> None:
    run, config = tmp_path / "runs" / "houses", tmp_path / "houses.yaml"
    for number, name in enumerate(("day", "night", "rain")):
        draw_scenes(run / name, sky=(180, 10, 90)[number], roof=(2, 3, 2)[number])
    config.write_text(re.sub(r"\n +annotations: .*|\nlabels: .*", "", documented()))
    done = snakemake(run, "--cores", "2", "--config", *SMALL, config=config)
    assert done.returncode == 0, done.stderr
    told = (run / "results/tables/summary.md").read_text()
    assert "No zero-shot rows for night, rain: day has no labels to carry over; set domains.day.annotations" in told
    trained = {path: sha256_of_file(path) for path in run.glob("results/models/*/model.safetensors")}
    assert len(trained) == 5

    config.write_text(documented())
    done = snakemake(run, "--cores", "2", "--config", *SMALL, "--", "results/tables/all.csv", config=config)
    assert done.returncode == 0, done.stderr
    assert rules_run(done) == READ_LABELS
    assert "No zero-shot rows" not in (run / "results/tables/summary.md").read_text()
    assert {path: sha256_of_file(path) for path in trained} == trained, "labels that come later train no model again"
    with (run / "results/tables/all.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["table"] == "zero_shot_segmentation"]
    night = [row for row in rows if row["child"] == "night"]
    assert {row["method"] for row in night} >= {"source-only", "zero-shot", "zero-shot unaligned", "oracle"}
    assert {row["setting"] for row in night if row["metric"] == "iou"} == {"sky", "wall", "attic"}
    shared = {row["setting"] for row in night if row["metric"] == "shared_iou"}
    assert shared == {"sky", "wall", "top"}, "the domains call their roofs differently"
    lacking = [row for row in night if (row["method"], row["setting"]) == ("source-only", "attic")]
    assert [float(row["value"]) for row in lacking] == [0.0]
    assert [row["value"] for row in night if (row["method"], row["metric"]) == ("zero-shot", "shared_miou")]
    rain = [row for row in rows if row["child"] not in ("night",)]
    chosen = json.loads((run / "results/metrics/zero_shot/segmentation/night.json").read_text())["provenance"]["best"]
    best, own = ([row["value"] for row in night if row["method"] == name] for name in ("zero-shot best", chosen))
    assert best == own != [], "it was chosen on validation images"
    assert {(row["child"], row["method"]) for row in rain} == {("day", "labeller")}
    for name in ("night", "rain"):
        assert (run / "results/figures" / f"zero-shot-{name}.png").is_file()
    masks = list((run / "results/zero_shot/segmentation/rain/predictions/masks").rglob("*.png"))
    assert len(masks) == 3, "a tenth of the pictures without labels is held out"
    again = snakemake(run, "-n", "--config", *SMALL, config=config)
    assert "Nothing to be done" in again.stdout + again.stderr
    mask = next((run / "night" / "masks").iterdir())
    Image.new("L", (70, 60), 0).save(mask)
    changed = snakemake(run, "-n", "--config", *SMALL, config=config)
    assert set(planned(changed)) <= READ_LABELS
    assert planned(changed)["label_validated_domain"] == 1, "the day's masks are as they were"
    assert planned(changed)["label_domain"] == 0


def test_labels_follow_their_pictures_and_images_do_not_follow_labels(tmp_path: Path) -> None:
    draw_scenes(tmp_path / "day", sky=180, roof=2, count=12)
    labels = "annotations: {masks: day/masks}"
    text = "domains: {day: {path: day/pictures, resolution_px: 16, %s}}\n"
    text += "models: {day: {domain: day, architecture: {}, train: {batch_size: 8}}}"
    config, folder = tmp_path / "day.yaml", tmp_path / "data" / "prepared" / "day"
    files = [f"data/prepared/day/{name}" for name in ("train.zip", "train.annotations.npz")]

    def run(*flags: str, file: int = 1) -> set[str]:
        done = snakemake(tmp_path, "--cores", "1", *flags, "--", files[file], config=config)
        assert done.returncode == 0, done.stderr
        return rules_run(done)

    config.write_text(text % "")
    assert run(file=0) == {"import_domain"}
    images = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    config.write_text(text % labels)
    assert run() == {"label_domain"}
    Image.new("L", (70, 60), 1).save(tmp_path / "day" / "masks" / "1.png")
    assert run() == {"label_domain"}
    assert {path: path.stat().st_mtime_ns for path in images} == images
    config.write_text(text % "")
    assert run(file=0) == set(), "labels that are not asked for any more lie there"
    config.write_text(text % labels)
    assert run() == set(), "and are the same when they are"

    assert run("--forcerun", "import_domain", file=0) == {"import_domain"}
    assert not (folder / "train.annotations.npz").exists(), "an import leaves no labels, which may be of other images"
    assert run() == {"label_domain"}, "and Snakemake sees that"
    draw_scenes(tmp_path / "more", sky=180, roof=2, count=13)
    (tmp_path / "more" / "pictures" / "12.jpg").rename(tmp_path / "day" / "pictures" / "12.jpg")
    assert run() == {"import_domain", "label_domain"}
    assert len(Annotations.load(folder / "train.annotations.npz")) == len(ImageZip(folder / "train.zip").names) == 12
