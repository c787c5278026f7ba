"""A domain of one's own as docs/own-domain.md says, from a folder of pictures to the tables; runs side by side."""

import csv
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.workflow.snakemake import ROOT, snakemake, start_snakemake

pytestmark = pytest.mark.workflow

SMALL = (
    "domains={human: {train_images: 48, test_images: 12}, mine: {train_images: 24, test_images: 8}}",
    "train={kimg: 0.032, batch_size: 8}",
    "inversion={images: 4, steps: 2, initial_candidates: 4}",
    "inversion_spaces=[w+]",
    "labels={images: 32, epochs: 1, batch_size: 8}",
    "morphing={frames: 5, images: 2, strip_frames: 3}",
    "metrics={samples: 16, reset_samples: 16, pairs: 16, curve_images: 16, score_latents: 16, direction_samples: 40, "
    "effect_latents: 4, channel_images: 2, bootstrap: 10}",
    "figure_images=2",
)
"""The lines of the document with fewer images and steps."""


def documented() -> str:
    """Return the first YAML example of the document."""
    found = re.search(r"```yaml\n(.*?)```", (ROOT / "docs" / "own-domain.md").read_text(), re.DOTALL)
    assert found
    return found[1]


def draw_photos(folder: Path, count: int = 32) -> None:
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for index in range(count):
        colours = rng.integers(0, 256, (4, 4, 3), dtype=np.uint8)
        Image.fromarray(colours).resize((90, 80), Image.Resampling.BICUBIC).save(folder / f"{index}.jpg")


def test_the_documented_lines_are_five() -> None:
    assert len(documented().splitlines()) == 5


def test_five_lines_and_a_folder_of_pictures_become_tables(tmp_path: Path) -> None:
    run, config = tmp_path / "runs" / "mine", tmp_path / "mine.yaml"
    draw_photos(run / "photos")
    config.write_text(documented())
    done = snakemake(run, "--cores", "2", "--config", *SMALL, config=config)
    assert done.returncode == 0, done.stderr
    with (run / "results/tables/all.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["table"] for row in rows} == {
        "generators",
        "coverage",
        "coverage_attributes",
        "inversion",
        "translation",
        "morphing",
        "alignment_weights",
        "alignment_reset",
        "alignment_pointwise",
        "alignment_score",
        "alignment_semantic",
        "alignment_curve",
        "zero_shot_segmentation",
        "zero_shot_keypoints",
        "zero_shot_regression",
    }
    assert {row["child"] for row in rows} == {"human", "mine"}
    translation = {row["metric"] for row in rows if row["table"] == "translation"}
    assert {"fid", "kid"} <= translation
    assert not {"keypoint_error", "rotation_error"} & translation
    zero_shot = [row for row in rows if row["table"].startswith("zero_shot")]
    assert {(row["child"], row["method"]) for row in zero_shot} == {("human", "labeller")}, (
        "the pictures have no labels"
    )
    assert (run / "results/figures/zero-shot-mine.png").is_file()
    assert {path.name for path in tmp_path.iterdir()} == {"runs", "mine.yaml"}, "nothing outside the run's folder"


def test_runs_side_by_side_share_nothing(tmp_path: Path) -> None:
    draw_photos(tmp_path / "photos", 12)
    target = "data/prepared/mine/train.zip"
    runs = []
    for name, px in (("a", 16), ("b", 32)):
        config = tmp_path / f"{name}.yaml"
        domain = f"{{path: {tmp_path / 'photos'}, resolution_px: {px}, train_images: 8, test_images: 4}}"
        model = "{domain: mine, architecture: {}, train: {batch_size: 8}}"
        config.write_text(f"domains: {{mine: {domain}}}\nmodels: {{mine: {model}}}\n")
        runs.append(start_snakemake(tmp_path / "runs" / name, "--cores", "1", "--", target, config=config))
    for run in runs:
        _, told = run.communicate()
        assert run.returncode == 0, told
    made = {path.relative_to(tmp_path).parts[:2] for path in tmp_path.rglob("*.zip")}
    assert made == {("runs", "a"), ("runs", "b")}
    assert {path.name for path in tmp_path.iterdir()} == {"photos", "runs", "a.yaml", "b.yaml"}
    for name in ("a", "b"):
        again = snakemake(tmp_path / "runs" / name, "--cores", "1", "--", target, config=tmp_path / f"{name}.yaml")
        assert "Nothing to be done" in again.stderr
