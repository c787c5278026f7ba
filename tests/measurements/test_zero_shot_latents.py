"""Labels that come with latent codes."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from stylealign import load
from stylealign.applications.labels.learning import predict
from stylealign.applications.labels.networks import load_label_network
from stylealign.applications.labels.tasks import task_of
from stylealign.applications.labels.truth import as_annotations
from stylealign.applications.translation import draw
from stylealign.config import MetricSettings
from stylealign.datasets.images import write_image_zip
from stylealign.errors import StyleAlignError
from stylealign.latents.codes import Codes
from stylealign.measurements import zero_shot
from stylealign.measurements.inputs import Inputs
from tests.measurements.test_kinds import Silent

SETTINGS = MetricSettings(bootstrap=10, pairs=20)


@pytest.fixture(scope="module")
def drawn(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with images that the parent draws of codes, the codes of some, and of those in another order."""
    own = tmp_path_factory.mktemp("drawn")
    parent = load(folder / "parent.safetensors")
    codes = np.random.default_rng(3).normal(size=(12, parent.architecture.num_ws, parent.architecture.w_dim))
    codes = codes.astype(np.float32) * 4
    write_image_zip(own / "test.zip", draw(parent.generator, torch.from_numpy(codes)))
    names = [f"00000/img{place:08d}.png" for place in (4, 2, 9, 0, 7)]
    values = codes[[4, 2, 9, 0, 7]]
    Codes(values, "w+", parent.sha256, names).save(own / "codes.npz")
    Codes(np.roll(values, 1, axis=0), "w+", parent.sha256, names).save(own / "others.npz")
    return own


def inputs(folder: Path, drawn: Path, named: dict[str, Path], parent: str = "parent.safetensors") -> Inputs:
    files: dict[str, Path | None] = dict.fromkeys(("val-data", "val-annotations"))
    files |= {"data": drawn / "test.zip", "annotations": folder / "test.npz"}
    files["parent"] = folder / parent if parent else None
    return Inputs(files, named, {"task": "segmentation"}, "human", "animal")


def test_labels_backwards_are_those_of_the_parents_images_of_the_codes(folder: Path, drawn: Path) -> None:
    named = {
        "source-only": folder / "segmentation.safetensors",
        "zero-shot backwards": drawn / "codes.npz",
        "zero-shot backwards unaligned/two": drawn / "others.npz",
    }
    rows = zero_shot.measure(inputs(folder, drawn, named), SETTINGS, Silent)[0]  # type: ignore[arg-type]
    values = {(row.method, row.metric, row.setting): row for row in rows}
    whole, some = (values["source-only", "miou", setting] for setting in ("", "inverted images"))
    assert (whole.n, some.n) == (12, 5)
    own = values["zero-shot backwards", "miou", "inverted images"]
    assert dataclasses.replace(some, method=own.method) == own
    gain = values["zero-shot backwards", "miou_difference", "minus source-only, inverted images"]
    assert (gain.value, gain.ci_low, gain.ci_high) == (0, 0, 0), "the child is the parent: nothing is gained"
    control = values["zero-shot backwards unaligned", "miou", "inverted images, two"]
    assert control.value != own.value, "images of other codes"
    assert sum(row.method == "source-only" and row.setting == "inverted images" for row in rows) == 1


def test_labels_backwards_need_a_parent_and_a_labeller(folder: Path, drawn: Path) -> None:
    codes, network = drawn / "codes.npz", folder / "segmentation.safetensors"
    for others, parent, message in (
        ({"source-only": network}, "", "needs --parent MODEL"),
        ({"oracle": network}, "parent.safetensors", "needs source-only=NET"),
    ):
        given = inputs(folder, drawn, {**others, "zero-shot backwards": codes}, parent)
        with pytest.raises(StyleAlignError, match=f"zero-shot backwards: {message}"):
            zero_shot.measure(given, SETTINGS, Silent)  # type: ignore[arg-type]


def test_the_transfer_costs_nothing_between_a_model_and_itself(folder: Path, drawn: Path) -> None:
    network = folder / "segmentation.safetensors"
    named = {
        "source-only": network,
        "oracle": network,
        "transferred labels": folder / "parent.safetensors",
        "transferred labels unaligned/two": folder / "child.safetensors",
    }
    rows = zero_shot.measure(inputs(folder, drawn, named), SETTINGS, Silent)[0]  # type: ignore[arg-type]
    found = {(row.method, row.metric, row.setting): row for row in rows if row.table == "zero_shot_costs"}
    assert {method for method, _, _ in found} == {
        "transferred labels",
        "transferred labels shuffled",
        "transferred labels unaligned",
        "source-only",
    }
    assert (found["transferred labels", "miou", ""].value, found["transferred labels", "miou", ""].n) == (1, 20)
    assert found["source-only", "miou", ""].value == 1, "the child's images are the parent's"
    assert 0 <= (found["transferred labels shuffled", "miou", ""].value or 0) < 1
    assert 0 <= (found["transferred labels unaligned", "miou", "two"].value or 0) < 1
    classes = {setting for method, metric, setting in found if (method, metric) == ("transferred labels", "iou")}
    assert len(classes) > 1, "class by class"
    with pytest.raises(StyleAlignError, match="transferred labels: needs oracle=NET"):
        zero_shot.measure(
            inputs(folder, drawn, {name: file for name, file in named.items() if name != "oracle"}),
            SETTINGS,
            Silent,  # type: ignore[arg-type]
        )


@pytest.mark.parametrize("task", ["segmentation", "keypoints", "pose", "attributes"])
def test_what_a_network_says_is_scored_as_annotations(task: str, folder: Path) -> None:
    network = load_label_network(folder / f"{task}.safetensors")[0]
    images = np.random.default_rng(0).integers(0, 256, (6, 3, 16, 16), dtype=np.uint8)
    predicted = predict(network, images)
    annotations = as_annotations(network.spec, predicted)
    if task == "attributes":
        assert annotations is None
        return
    assert annotations is not None and annotations.belong_to(6, 16)
    functions = task_of(task).functions
    assert functions.spec(16, annotations).names == network.spec.names
    headline = {"segmentation": "miou", "keypoints": "nme", "pose": "mae"}[task]
    best = {"segmentation": 1.0, "keypoints": 0.0, "pose": 0.0}[task]
    scores = functions.scores(predicted, annotations, network.spec)
    values = [score.value for (metric, _), score in scores.items() if metric == headline]
    assert values and all(value == pytest.approx(best) or np.isnan(value) for value in values)
