"""Exactly what changed runs again: pictures of one's own, the place of the repository, settings that change nothing."""

import os
import shutil
from pathlib import Path

import pytest

from tests.workflow.snakemake import ROOT, planned, snakemake
from tests.workflow.test_own_domain import draw_photos

pytestmark = pytest.mark.workflow

CONFIG = """
domains: {mine: {path: photos, resolution_px: 16}}
models:
  mine: {domain: mine, architecture: {z_dim: 8, w_dim: 8, mapping_layers: 2, channel_base: 64, channel_max: 8}}
train: {kimg: KIMG, batch_size: 8, threads: 1, state_interval_s: 30}
"""
MODEL = "results/models/mine/model.safetensors"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run outside of the repository with a model of pictures of one's own."""
    folder = tmp_path_factory.mktemp("made")
    draw_photos(folder / "photos" / "deep", 12)
    (folder / "mine.yaml").write_text(CONFIG.replace("KIMG", "0.016"))
    done = snakemake(folder, "--cores", "1", "--", MODEL, config=folder / "mine.yaml")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def run(made: Path, tmp_path: Path) -> Path:
    """A copy of that run for one test."""
    return shutil.copytree(made, tmp_path / "run")


def again(run: Path, root: Path = ROOT) -> dict[str, int]:
    """Return the jobs that another run would do."""
    done = snakemake(run, "-n", "--", MODEL, config=run / "mine.yaml", snakefile=root / "workflow" / "Snakefile")
    if "Nothing to be done" in done.stdout + done.stderr:
        return {}
    return dict(planned(done))


def test_a_repository_that_is_reached_in_another_way_is_the_same(run: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(ROOT)
    assert again(run) == again(run, tmp_path / "link") == {}


def test_what_was_only_touched_or_copied_is_not_imported_again(run: Path) -> None:
    for path in (run / "photos").rglob("*"):
        os.utime(path)
    assert again(run) == {}


def test_a_picture_added_deep_is_imported(run: Path) -> None:
    draw_photos(run / "more", 13)
    shutil.copy2(run / "more" / "12.jpg", run / "photos" / "deep" / "12.jpg")
    assert again(run) == {"import_domain": 1, "train_parent": 1}


def test_a_picture_replaced_by_one_of_the_same_size_and_time_is_imported(run: Path) -> None:
    picture = run / "photos" / "deep" / "3.jpg"
    content, times = picture.read_bytes(), picture.stat()
    picture.write_bytes(content[:-3] + bytes([content[-3] ^ 1]) + content[-2:])
    os.utime(picture, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert again(run) == {"import_domain": 1, "train_parent": 1}


def test_what_changes_nothing_of_a_training_does_not_repeat_it(run: Path) -> None:
    config = (run / "mine.yaml").read_text()
    (run / "mine.yaml").write_text(
        config.replace("state_interval_s: 30", "state_interval_s: 1, snapshot_kimg: 0.008, curve_kimg: [1]")
    )
    assert again(run) == {}


def test_a_longer_training_goes_on_from_its_state(run: Path) -> None:
    (run / "mine.yaml").write_text(CONFIG.replace("KIMG", "0.024"))
    done = snakemake(run, "--cores", "1", "--", MODEL, config=run / "mine.yaml")
    assert done.returncode == 0, done.stderr
    assert "goes on from 0.02 kimg" in (run / "results/logs/train_parent/mine.log").read_text()


def test_more_drawn_images_to_test_with_repeat_no_training(tmp_path: Path) -> None:
    def planned_with(**numbers: int) -> dict[str, int]:
        told = "".join(f", {key}: {value}" for key, value in numbers.items())
        drawn = CONFIG.replace("path: photos", f"draw: mosaic{told}").replace("KIMG", "0.008")
        (tmp_path / "mine.yaml").write_text(drawn)
        return again(tmp_path)

    few = {"train_images": 12, "test_images": 2, "val_images": 1}
    planned_with(**few)
    held_out = [f"data/prepared/mine/{split}.zip" for split in ("test", "val")]
    done = snakemake(tmp_path, "--cores", "1", "--", MODEL, *held_out, config=tmp_path / "mine.yaml")
    assert done.returncode == 0, done.stderr
    assert planned_with(train_images=12, test_images=3, val_images=2) == {}
    assert planned_with(**few | {"train_images": 9}) == {"draw_domain": 1, "train_parent": 1}
    planned_with(**few | {"test_images": 3})
    done = snakemake(tmp_path, "-n", "--", MODEL, *held_out, config=tmp_path / "mine.yaml")
    assert planned(done) == {"draw_held_out": 1}
