"""The registry of label tasks: a further task is a module and an entry, and everything takes it from there."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from stylealign.applications.labels.tasks import TASKS, comparing, drawn, names, scored, transferred

MODULE = """
    import torch
    from torch.nn import functional as F
    from stylealign.applications.labels.networks import LabelSpec
    from stylealign.metrics.bootstrap import Ratio

    def spec(resolution_px, annotations):
        values = annotations.names.attributes.get("kind")
        return None if values is None else LabelSpec("kind", tuple(values), resolution_px, 0, len(values))

    def annotated(annotations, spec):
        return {"kind": torch.from_numpy(annotations.attributes["kind"])}

    def mirrored(labels, which, spec):
        return labels

    def loss(outputs, labels):
        return F.cross_entropy(outputs["numbers"], labels["kind"])

    def decode(outputs, spec):
        return {"kind": outputs["numbers"].argmax(dim=1)}

    def pseudo(outputs, spec):
        return decode(outputs, spec)

    def scores(predicted, annotations, spec):
        right = predicted["kind"] == annotations.attributes["kind"]
        return {("accuracy", ""): Ratio.mean(right)}
"""

ADDED = """
    import stylealign.applications.labels as package
    from stylealign.applications.labels import tasks
    from stylealign.metrics.declared import Metric

    package.__path__.append(sys.argv[1])  # the folder that the module lies in
    accuracy = Metric("accuracy", True, "share of images whose kind is right")
    table = tasks.LabelTable("zero_shot_kind", "Zero-shot kinds", (accuracy,), "argmax of the scores", "accuracy")
    tasks.TASKS += (tasks.LabelTask("kind", labels=("attributes",), pseudo="the labeller's kind", table=table),)
"""

USED = """
    import contextlib
    import io
    import numpy as np
    import torch
    from stylealign.checkpoints import native
    from stylealign.cli.main import main
    from stylealign.datasets.annotations import Annotations
    from stylealign.datasets.images import write_image_zip
    from stylealign.datasets.label_names import LabelNames
    from stylealign.measurements import registry
    from stylealign.measurements.rows import read_rows
    from stylealign.networks.architecture import Architecture
    from stylealign.networks.generator import Generator

    folder = sys.argv[1]
    kinds = np.random.default_rng(0).integers(0, 2, 64)
    pixels = np.random.default_rng(1).integers(0, 100, (64, 3, 16, 16)) + 120 * kinds[:, None, None, None]
    write_image_zip(f"{folder}/images.zip", pixels.astype(np.uint8))
    named = LabelNames(attributes={"kind": ["dark", "bright"]})
    Annotations(attributes={"kind": kinds}, names=named).save(f"{folder}/labels.npz")
    torch.manual_seed(0)
    tiny = Architecture(resolution=16, z_dim=6, w_dim=6, mapping_layers=2, channel_base=64, channel_max=8)
    native.save(f"{folder}/model.safetensors", generator=Generator(tiny), info={})

    data = ["--data", f"{folder}/images.zip", "--annotations", f"{folder}/labels.npz"]
    short = ["--settings", '{"epochs": 4, "images": 64, "batch_size": 16, "learning_rate": 0.01}']
    assert main(["supervise", "--task", "kind", *data, *short, "--out", f"{folder}/kind.safetensors"]) == 0
    models = ["--parent", f"{folder}/model.safetensors", "--child", f"{folder}/model.safetensors"]
    labeller = ["--labeller", f"{folder}/kind.safetensors"]
    assert main(["transfer", "--task", "kind", *models, *labeller, *short, "--out", f"{folder}/moved"]) == 0
    rows = ["--child-name", "x", "--task", "kind", *data, "--settings", '{"bootstrap": 5}']
    oracle = f"oracle={folder}/kind.safetensors"
    assert main(["evaluate", "zero-shot", oracle, *rows, "--out", f"{folder}/rows.json"]) == 0
    found = {row.metric: (row.table, row.value) for row in read_rows(f"{folder}/rows.json")[0]}
    assert found["accuracy"] == ("zero_shot_kind", 1.0)
    assert registry.table("zero_shot_kind").title == "Zero-shot kinds"
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.suppress(SystemExit):
        main(["evaluate", "zero-shot", "--help"])
    assert "kind" in said.getvalue()
"""


def test_a_further_task_is_a_module_and_an_entry(tmp_path: Path) -> None:
    (tmp_path / "kind.py").write_text(textwrap.dedent(MODULE), encoding="utf-8")
    code = "import sys\n" + textwrap.dedent(ADDED) + textwrap.dedent(USED)
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_tasks_are_named_without_torch() -> None:
    code = "import sys, stylealign.applications.labels.tasks; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_what_the_entries_say() -> None:
    assert names() == ("segmentation", "keypoints", "pose", "attributes")
    assert transferred() == names()
    assert drawn() == ("segmentation", "keypoints")
    assert [task.name for task in comparing()] == ["keypoints", "pose", "segmentation"]
    assert [task.table.name for task in scored() if task.table] == [
        "zero_shot_segmentation",
        "zero_shot_keypoints",
        "zero_shot_regression",
    ]


@pytest.mark.parametrize("task", TASKS, ids=names())
def test_every_task_has_the_functions_that_its_entry_promises(task) -> None:  # type: ignore[no-untyped-def]
    wanted = ["spec", "annotated", "mirrored", "loss", "decode"]
    wanted += ["pseudo", "kept", "between"] if task.pseudo else []
    wanted += ["scores"] if task.table else []
    wanted += ["comparison"] if task.agreement else []
    assert [name for name in wanted if not callable(getattr(task.functions, name, None))] == []
