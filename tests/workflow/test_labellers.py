"""Networks of one's own that label a domain's images: planned at the paper's size, run at a small one."""

from pathlib import Path

import pytest
import yaml

from stylealign.applications.labels import onnx_export
from stylealign.applications.labels.networks import LabelNetwork, LabelSpec
from stylealign.datasets.figures import SEGMENTATION_CLASSES
from tests.applications.onnx_files import Brightness, Channels, Colours, write_labeller
from tests.workflow.snakemake import ROOT, jobs, planned, snakemake
from tests.workflow.test_own_domain import draw_photos

PAPER, LABELS = ROOT / "config" / "paper.yaml", ROOT / "config" / "paper-labels.yaml"


def test_the_papers_pairs_with_labels_are_planned(tmp_path: Path) -> None:
    done = snakemake(tmp_path, str(LABELS), "-n", config=PAPER)
    assert done.returncode != 0
    assert "labellers.segmentation: data/labellers/face-parser.yaml: no such file; give the YAML" in done.stderr
    folder = tmp_path / "data" / "labellers"
    folder.mkdir(parents=True)
    write_labeller(folder, Brightness(), "face-parser", task="segmentation", names=["background", "face"])
    write_labeller(folder, Channels(), "landmarks", task="keypoints", names=["left_eye", "right_eye", "nose"])
    write_labeller(folder, Colours(), "head-pose", task="pose", names=["yaw_deg", "pitch_deg", "roll_deg"])
    done = snakemake(tmp_path, str(LABELS), "-n", config=PAPER)
    assert planned(done)["train_child"] == 14
    found = jobs(done)
    assert {f"labeller {task} {domain}" for task in ("segmentation", "keypoints") for domain in ("ffhq-512",)} <= found
    for child in ("dog", "cat", "wild", "metfaces", "mega"):
        assert f"figure_zero_shot {child}" in found
        assert f"transfer_untested segmentation {child}" in found
    assert not [job for job in found if job.startswith(("supervise", "zero_shot"))], "no image has annotations"


@pytest.mark.workflow
def test_a_network_of_ones_own_labels_a_domain_and_its_childs(tmp_path: Path) -> None:
    net = LabelNetwork(LabelSpec("segmentation", SEGMENTATION_CLASSES, 64, len(SEGMENTATION_CLASSES), 0, 4)).eval()
    onnx_export.write(tmp_path / "parser.onnx", net)
    draw_photos(tmp_path / "photos", 12)
    small = {"train_images": 24, "test_images": 8, "val_images": 8}
    values = {
        "domains": {
            "human": {"draw": "human", "labellers": {"segmentation": "parser.yaml"}, **small},
            "ink": {"draw": "ink", **small},
            "mine": {"path": "photos", "test_images": 4},
        },
        "models": {
            "human": {"domain": "human", "fetch": "human-64-a"},
            "ink": {"domain": "ink", "parent": "human", "fetch": "human-64-b", "measured": ["zero_shot"]},
            "mine": {"domain": "mine", "parent": "human", "fetch": "human-64-b"},
        },
        "labels": {"images": 16, "epochs": 1},
        "zero_shot": {"methods": ["student"], "seeds": 1},
        "metrics": {"bootstrap": 10, "pairs": 16},
        "figure_images": 2,
    }
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(values))
    wanted = [
        "results/metrics/zero_shot/segmentation/ink.json",
        "results/metrics/zero_shot/labeller/segmentation/human.json",
        "results/figures/zero-shot-mine.png",
    ]
    done = snakemake(tmp_path, "--cores", "1", "--", *wanted, config=tmp_path / "small.yaml")
    assert done.returncode == 0, done.stderr
    assert all((tmp_path / file).is_file() for file in wanted)
    again = snakemake(tmp_path, "-n", "--", *wanted, config=tmp_path / "small.yaml")
    assert not planned(again)
    text = (tmp_path / "parser.yaml").read_text()
    (tmp_path / "parser.yaml").write_text(f"{text}colours: bgr\n")
    again = snakemake(tmp_path, "-n", "--", *wanted, config=tmp_path / "small.yaml")
    assert planned(again)["labeller"] == 1, "another content of the YAML is another network"
