"""Label networks of segmentation-models-pytorch: they learn, are stored, and become ONNX files, as the small one."""

from pathlib import Path

import numpy as np
import pytest
import torch

from stylealign.applications.labels import onnx_export
from stylealign.applications.labels.learning import learn, predict
from stylealign.applications.labels.library_network import LibraryNetwork
from stylealign.applications.labels.networks import LabelSpec, load_label_network, network_of, save_label_network
from stylealign.config import LabelSettings, validate
from stylealign.errors import StyleAlignError

NETWORK = "unet/mobilenet_v2"
CPU = torch.device("cpu")
SPECS = {
    "segmentation": LabelSpec("segmentation", ("left", "right"), 32, 2, 0),
    "keypoints": LabelSpec("keypoints", ("a", "b"), 32, 2, 2),
    "pose": LabelSpec("pose", ("light",), 32, 0, 1, units=(1.0,)),
}


def trained(epochs: int = 1) -> tuple[LibraryNetwork, np.ndarray]:
    images = np.random.default_rng(0).integers(0, 120, (16, 3, 32, 32), np.uint8)
    images[..., 16:] += 120
    classes = torch.zeros(16, 32, 32, dtype=torch.uint8)
    classes[..., 16:] = 1
    settings = LabelSettings(network=NETWORK, epochs=epochs, batch_size=8, learning_rate=3e-3)
    network = learn(images, {"classes": classes}, settings, CPU, SPECS["segmentation"])
    assert isinstance(network, LibraryNetwork)
    return network, images


@pytest.mark.parametrize("task", SPECS)
def test_outputs_are_those_of_the_spec(task: str) -> None:
    spec = LabelSpec.of_header({**SPECS[task].header(), "network": NETWORK})
    outputs = network_of(spec).eval()(torch.zeros(2, 3, 32, 32))
    shapes = {"maps": (2, spec.maps, 32, 32), "numbers": (2, spec.numbers)}
    assert {name: tuple(values.shape) for name, values in outputs.items()} == {
        name: shape for name, shape in shapes.items() if shape[1]
    }


def test_it_learns_is_stored_and_becomes_onnx(tmp_path: Path) -> None:
    network, images = trained()
    save_label_network(tmp_path / "net.safetensors", network, {})
    again, _ = load_label_network(tmp_path / "net.safetensors", "segmentation", 32)
    assert again.spec.network == NETWORK
    assert np.array_equal(predict(again, images)["classes"], predict(network, images)["classes"])
    assert onnx_export.write(tmp_path / "net.onnx", again)["largest_difference"] < 1e-4


def test_a_small_networks_file_says_nothing_of_it() -> None:
    assert "network" not in SPECS["pose"].header()


@pytest.mark.parametrize(
    ("name", "size", "message"),
    [
        ("unet/nothing", 32, "unknown to segmentation-models-pytorch"),
        ("nothing/resnet18", 32, "unknown to segmentation-models-pytorch"),
        (NETWORK, 16, "takes images of 32 px or more"),
    ],
)
def test_networks_that_cannot_be(name: str, size: int, message: str) -> None:
    with pytest.raises(StyleAlignError, match=message) as caught:
        network_of(LabelSpec("segmentation", ("a", "b"), size, 2, 0, network=name))
    assert "\n" not in str(caught.value)
    with pytest.raises(StyleAlignError, match="network: String should match"):
        validate(LabelSettings, {"network": "unet"}, "settings")
