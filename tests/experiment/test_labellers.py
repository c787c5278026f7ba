"""Domains whose images a network of one's own labels."""

from pathlib import Path
from typing import Any

import pytest

from stylealign.applications.labels.networks import LabelNetwork, LabelSpec, save_label_network
from stylealign.config.labeller_files import whole_onnx
from stylealign.errors import StyleAlignError
from tests.applications.onnx_files import Brightness, write_onnx
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


WHOLE = b"\x08\x08\x3a\x06\x12\x04name"
"""A version and a graph with a name: the fields of an ONNX file."""


def write(folder: Path, onnx: bool = True) -> None:
    (folder / "parser.yaml").write_text("{task: segmentation, names: [a, b], onnx: net.onnx}")
    if onnx:
        (folder / "net.onnx").write_bytes(WHOLE)
    for name in ("mine", "theirs"):
        (folder / name).mkdir(exist_ok=True)
        for number in range(40):
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


@pytest.mark.parametrize("content", [b"", b"hello", WHOLE[:-1], WHOLE[:2], b"\x3a\xff"])
def test_a_part_of_an_onnx_file_is_told_before_anything_runs(tmp_path: Path, content: bytes) -> None:
    write(tmp_path)
    (tmp_path / "net.onnx").write_bytes(content)
    (problem,) = experiment(tmp_path, MODELS, domains=DOMAINS).problems()
    assert problem.startswith("domains.mine.labellers.segmentation: ")
    assert problem.endswith("net.onnx: no ONNX network, or a part of one; export or copy it again")


def test_an_exported_network_is_whole(tmp_path: Path) -> None:
    write_onnx(tmp_path / "net.onnx", Brightness())
    assert whole_onnx(tmp_path / "net.onnx")
    (tmp_path / "net.onnx").write_bytes((tmp_path / "net.onnx").read_bytes()[:-1])
    assert not whole_onnx(tmp_path / "net.onnx")


def test_a_labeller_of_another_task_or_that_is_none_is_told(tmp_path: Path) -> None:
    write(tmp_path)
    domains = {
        **DOMAINS,
        "mine": {"path": "mine", "labellers": {"pose": "parser.yaml", "keypoints": "net.safetensors"}},
    }
    (tmp_path / "net.safetensors").write_bytes(b"no network")
    told = experiment(tmp_path, MODELS, domains=domains).problems()
    assert len(told) == 2
    assert "parser.yaml labels segmentation; give it under segmentation, or a network of pose" in told[0]
    assert "net.safetensors: no label network, or a damaged one" in told[1]
    spec = LabelSpec("keypoints", ("a", "b"), 16, maps=2, numbers=2, width=4)
    save_label_network(tmp_path / "net.safetensors", LabelNetwork(spec), {})
    assert len(experiment(tmp_path, MODELS, domains=domains).problems()) == 1


def labelled(mine: dict[str, Any], theirs: dict[str, Any], **values: Any) -> dict[str, Any]:
    """Return the values of a configuration whose two domains come with labels."""
    return {"domains": {"mine": {"path": "mine"} | mine, "theirs": {"path": "theirs"} | theirs}} | values


def masks(*names: str) -> dict[str, Any]:
    return {"annotations": {"masks": "masks", "classes": dict(enumerate(names))}}


def test_classes_that_no_domain_has_are_told(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "masks").mkdir()
    asked = labelled(masks("sky", "roof"), masks("sky", "attic"), labels={"classes": {"chimney": "top", "roff": "top"}})
    assert experiment(tmp_path, MODELS, **asked).problems() == [
        "labels.classes: no domain has a class 'chimney'; there are attic, roof, sky",
        "labels.classes: no domain has a class 'roff'; did you mean 'roof'?",
    ]
    asked = labelled(masks("sky", "roof"), masks("sky", "attic"), labels={"classes": {"roof": "top", "attic": "top"}})
    assert experiment(tmp_path, MODELS, **asked).problems() == []
    both = masks("roof", "b") | {"labellers": {"segmentation": "parser.yaml"}}
    asked = labelled(both, {}, labels={"classes": {"roof": "a"}})
    assert experiment(tmp_path, MODELS, **asked).problems() == [], "the labeller is tested on the annotations"
    (tmp_path / "coco.json").write_text('{"categories": [{"id": 1, "name": "roof"}]}')
    coco = {"annotations": {"masks": "coco.json"}}
    asked = labelled(coco, masks("background", "attic"), labels={"classes": {"roff": "top"}})
    assert experiment(tmp_path, MODELS, **asked).problems() == [
        "labels.classes: no domain has a class 'roff'; did you mean 'roof'?"
    ]
    unknown = {"annotations": {"masks": "masks"}}  # ids, which the masks say
    asked = labelled(masks("sky", "roof"), unknown, labels={"classes": {"chimney": "top"}})
    assert experiment(tmp_path, MODELS, **asked).problems() == []


def test_domains_that_name_nothing_alike_are_told(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "masks").mkdir()
    told = "name no segmentation alike; map classes onto each other in labels.classes"
    (problem,) = experiment(tmp_path, MODELS, **labelled(masks("sky", "roof"), masks("a", "b"))).problems()
    assert problem == f"models.child: domains mine (sky, ...) and theirs (a, ...) {told}"
    asked = labelled({"labellers": {"segmentation": "parser.yaml"}}, masks("sky", "roof"))
    assert experiment(tmp_path, MODELS, **asked).problems()[0].endswith(told)
    asked = labelled({"labellers": {"segmentation": "parser.yaml"}}, masks("b", "roof"))
    assert experiment(tmp_path, MODELS, **asked).problems() == []
    asked = labelled(masks("sky"), masks("sky"), labels={"classes": {"sky": None}})
    assert experiment(tmp_path, MODELS, **asked).problems()[0].endswith(told)


def test_mirroring_of_what_there_is_not_is_told(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "values.csv").write_text("image;yaw_deg;pitch_deg\n" + "0.png;1,5;2\n" * 9000, encoding="utf-8-sig")
    labels = {"values": "values.csv"}
    asked = labelled({"annotations": labels | {"negated": ["yaw"]}}, {})
    assert experiment(tmp_path, MODELS, **asked).problems() == [
        "domains.mine.annotations.negated: no number 'yaw'; values.csv has yaw_deg, pitch_deg; did you mean 'yaw_deg'?"
    ]
    asked = labelled({"annotations": labels | {"swapped": [["yaw_deg", "b"]]}}, {})
    assert "annotations.swapped: no 'b' among yaw_deg, pitch_deg" in experiment(tmp_path, MODELS, **asked).problems()[0]
    (tmp_path / "attributes.csv").write_text("image,old\n0.png,yes\n1.png,no\n")
    (tmp_path / "list_attr.txt").write_text("1\nold young\n0.png 1 -1\n")
    (tmp_path / "points.csv").write_text("image,ear_x,ear_y\n0.png,1,2\n")
    for beside, known in (
        ({"attributes": "attributes.csv"}, "old"),
        ({"attributes": "list_attr.txt"}, "old, young"),
        ({"keypoints": "points.csv"}, "ear"),
    ):
        asked = labelled({"annotations": beside | {"swapped": [["fruit", "leaf"]]}}, {})
        told = f"domains.mine.annotations.swapped: no 'fruit' among {known}"
        assert experiment(tmp_path, MODELS, **asked).problems() == [told]
    both = labels | {"attributes": "attributes.csv"}
    asked = labelled({"annotations": both | {"swapped": [["yaw_deg", "old"]]}}, {})
    assert experiment(tmp_path, MODELS, **asked).problems()[0].endswith("'yaw_deg' and 'old' are labels of two kinds")
    asked = labelled({"annotations": {"keypoints": "faces", "swapped": [["fruit", "leaf"]]}}, {})
    assert "annotations.swapped: no 'fruit' among " in experiment(tmp_path, MODELS, **asked).problems()[0]
    asked = labelled({"annotations": labels | {"negated": ["yaw_deg"]}}, {})
    assert experiment(tmp_path, MODELS, **asked).problems() == []
    (tmp_path / "classes.yaml").write_text("nothing")
    (tmp_path / "masks").mkdir()
    asked = labelled({"annotations": {"masks": "masks", "classes": "classes.yaml", "negated": ["yaw"]}}, {})
    assert "classes.yaml: no names of classes" in experiment(tmp_path, MODELS, **asked).problems()[0]


def test_labels_are_prepared_of_the_files_of_then(tmp_path: Path) -> None:
    write(tmp_path)
    prepared = tmp_path / "data/prepared/mine"
    prepared.mkdir(parents=True)
    (prepared / "train.annotations.npz").touch()
    asked = experiment(tmp_path, MODELS, **labelled(masks("a"), {}))
    assert asked.problems() == []
    (prepared / "annotations.json").write_text('{"masks": "masks"}')
    assert asked.problems() == []
    (prepared / "annotations.json").write_text('{"masks": "old-masks"}')
    assert asked.problems() == ["domains.mine.annotations.masks: masks: no such file or folder"]
