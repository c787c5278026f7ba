"""Domains whose images a network of one's own labels."""

from pathlib import Path

import pytest

from stylealign.errors import StyleAlignError
from tests.experiment.common import experiment

DOMAINS = {
    "human": {"draw": "human"},
    "animal": {"draw": "animal"},
    "mine": {"path": "mine", "labellers": {"segmentation": "parser.yaml"}},
    "theirs": {"path": "theirs"},
}
MODELS = """
mine: {domain: mine, fetch: human-64-a}
child: {domain: theirs, parent: mine}
"""


def write(folder: Path, onnx: bool = True) -> None:
    (folder / "parser.yaml").write_text("{task: segmentation, names: [a, b], onnx: net.onnx}")
    if onnx:
        (folder / "net.onnx").write_bytes(b"a network")
    for name in ("mine", "theirs"):
        (folder / name).mkdir(exist_ok=True)
        for number in range(4):
            (folder / name / f"{number}.png").write_bytes(b"")


def test_its_labels_are_carried_over_and_nothing_is_trained_on_annotations(tmp_path: Path) -> None:
    write(tmp_path)
    asked = experiment(tmp_path, MODELS, domains=DOMAINS)
    assert asked.problems() == []
    assert asked.zero_shot_tasks("child") == ["segmentation"]
    networks = asked.zero_shot_networks("segmentation", "child")
    assert networks["source-only"] == "results/zero_shot/segmentation/mine/labeller.safetensors"
    assert "oracle" not in networks
    assert asked.labels_shown("child") == list(networks.items())
    assert not [row for row in asked.all_rows() if "zero_shot" in row], "no image has annotations to test with"


def test_missing_files_are_named_before_anything_runs(tmp_path: Path) -> None:
    write(tmp_path, onnx=False)
    problems = experiment(tmp_path, MODELS, domains=DOMAINS).problems()
    assert len(problems) == 1
    assert problems[0].startswith("domains.mine.labellers.segmentation: ")
    assert problems[0].endswith("net.onnx: no such file, but parser.yaml names it")
    (tmp_path / "parser.yaml").write_text("{task: segmentation, names: [a, b], outputs: x}")
    with pytest.raises(StyleAlignError, match=r"unknown key 'outputs'; did you mean 'output'\?"):
        experiment(tmp_path, MODELS, domains=DOMAINS).problems()


def test_a_labeller_changes_no_image_and_its_content_counts(tmp_path: Path) -> None:
    write(tmp_path)
    with_labels = experiment(tmp_path, MODELS, domains=DOMAINS)
    without = experiment(tmp_path, MODELS, domains={**DOMAINS, "mine": {"path": "mine"}})
    assert with_labels.identity.data_of("mine") == without.identity.data_of("mine")
    assert with_labels.identity.settings_of("mine") == without.identity.settings_of("mine")
    before = with_labels.identity.labeller_of("segmentation", "mine")
    (tmp_path / "net.onnx").write_bytes(b"another network")
    after = experiment(tmp_path, MODELS, domains=DOMAINS).identity.labeller_of("segmentation", "mine")
    assert before[0] == after[0]
    assert before[1] != after[1]
