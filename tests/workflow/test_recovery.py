"""A child that is fine-tuned back to its parent's domain, from the tiny run that has all the rest."""

import shutil
from pathlib import Path

import pytest
import yaml
from PIL import Image

from stylealign.measurements.rows import read_rows
from tests.workflow.snakemake import TINY, jobs, snakemake

pytestmark = pytest.mark.workflow


def test_a_way_back_is_trained_and_measured_beside_the_whole_workflow(tiny_run: Path, tmp_path: Path) -> None:
    run = shutil.copytree(tiny_run, tmp_path / "run")
    values = yaml.safe_load(TINY.read_text())
    values["models"]["again"] = {"domain": "human", "parent": "animal"}
    config = tmp_path / "back.yaml"
    config.write_text(yaml.safe_dump(values, sort_keys=False))
    asked = jobs(snakemake(run, "-n", config=config))
    back = {"train_child again", "alignment_recovery again", "figure_recovery again"}
    others = {"translation again", "morph again", "zero_shot segmentation again", "alignment_semantic again"}
    assert back | others < asked, "a child of a child is a child as every other"
    figure = "results/figures/recovery-again.png"
    done = snakemake(run, "--cores", "2", "--resources", "gpu=4", "--", figure, config=config)
    assert done.returncode == 0, done.stderr
    rows, provenance = read_rows(run / "results/metrics/alignment_recovery/again.json")
    assert {(row.parent, row.child) for row in rows} == {("human", "again")}
    assert {row.method for row in rows} == {"child", "unaligned parent"}
    assert "silent" in {row.metric for row in rows if row.setting == ""}
    assert {"parent", "between", "child", "pose", "unaligned parent"} <= set(provenance["inputs"])
    with Image.open(run / figure) as image:
        assert image.width > 300
