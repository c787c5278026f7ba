"""Label networks as ONNX files: what comes back predicts the same."""

from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from stylealign.applications.labels import onnx_export
from stylealign.applications.labels.learning import predict
from stylealign.applications.labels.networks import LabelNetwork, LabelSpec, load_label_network
from stylealign.applications.labels.onnx_network import OnnxLabeller
from stylealign.networks.onnx_session import OnnxModel

SIDES = (("left_eye", "right_eye"),)
SPECS = {
    "segmentation": LabelSpec("segmentation", ("background", "left_eye", "right_eye"), 16, 3, 0, 4, SIDES),
    "keypoints": LabelSpec("keypoints", ("left_eye", "right_eye", "nose"), 16, 3, 3, 4, SIDES),
    "pose": LabelSpec("pose", ("yaw", "size"), 16, 0, 2, 4, negated=("yaw",), units=(15.0, 0.3)),
    "attributes": LabelSpec("attributes", ("hat=none", "hat=cap", "tint=dark", "tint=light"), 16, 0, 4, 4),
}


def network(task: str) -> LabelNetwork:
    torch.manual_seed(1)
    made = LabelNetwork(SPECS[task])
    made(torch.rand(8, 3, 16, 16))  # gives the normalisations a mean and a spread
    return made.eval().requires_grad_(False)


@pytest.mark.parametrize("task", SPECS)
def test_the_network_comes_back(task: str, tmp_path: Path) -> None:
    own = network(task)
    told = onnx_export.write(tmp_path / "net.onnx", own)
    assert told["largest_difference"] < 1e-4
    again, _ = load_label_network(tmp_path / "net.yaml", task, 16)
    assert isinstance(again, OnnxLabeller)
    for key in ("task", "names", "maps", "numbers", "swapped", "negated"):
        assert getattr(again.spec, key) == getattr(own.spec, key), key
    images = np.random.default_rng(0).integers(0, 256, (5, 3, 16, 16), np.uint8)
    ours, theirs = predict(own, images), predict(again, images)
    assert ours.keys() == theirs.keys()
    for name, values in ours.items():
        assert values == pytest.approx(theirs[name], abs=1e-3), name


def test_units_of_numbers_are_those_of_the_annotations(tmp_path: Path) -> None:
    onnx_export.write(tmp_path / "net.onnx", network("pose"))
    assert load_label_network(tmp_path / "net.yaml")[0].spec.units == (15.0, 0.3)
    image = np.full((1, 3, 16, 16), 0.5, np.float32)
    model = OnnxModel((tmp_path / "net.onnx").read_bytes(), "net.onnx")
    pixels = np.full((1, 3, 16, 16), 191, np.uint8)  # 0.498 of [-1, 1]
    assert model.run({"images": image}, ["values"])[0] == pytest.approx(
        predict(network("pose"), pixels)["pose"], abs=0.1
    )


def test_a_file_that_came_in_goes_out_as_it_was(tmp_path: Path) -> None:
    onnx_export.write(tmp_path / "net.onnx", network("keypoints"))
    labeller, _ = load_label_network(tmp_path / "net.yaml")
    onnx_export.write(tmp_path / "again.onnx", labeller)
    assert (tmp_path / "again.onnx").read_bytes() == (tmp_path / "net.onnx").read_bytes()
    assert yaml.safe_load((tmp_path / "again.yaml").read_text()) == yaml.safe_load((tmp_path / "net.yaml").read_text())
