"""The label network and its file."""

import dataclasses

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from stylealign.applications.labels.learning import encode, look, predict
from stylealign.applications.labels.networks import (
    LabelNetwork,
    LabelSpec,
    load_label_network,
    network_of,
    save_label_network,
)
from stylealign.applications.labels.tasks import names, task_of
from stylealign.datasets.annotations import Annotations
from stylealign.datasets.avatars import POSE
from stylealign.datasets.figures import KEYPOINTS, SEGMENTATION_CLASSES
from stylealign.datasets.label_names import LabelNames
from stylealign.errors import StyleAlignError


def spec_of(task: str, size: int) -> LabelSpec:
    if task == "attributes":  # their names are those of the annotations
        return LabelSpec(task, ("hat=none", "hat=cap", "hat=scarf", "tint=dark", "tint=light"), size, maps=0, numbers=5)
    return spec_of_names(task, size)


def spec_of_names(task: str, size: int) -> LabelSpec:
    annotations = Annotations(
        segmentation=np.zeros((1, size, size), np.uint8),
        keypoints=np.zeros((1, 5, 2), np.float32),
        visible=np.ones((1, 5), bool),
        pose=np.zeros((1, 4), np.float32),
        names=LabelNames(SEGMENTATION_CLASSES, KEYPOINTS, POSE),
    )
    return task_of(task).functions.spec(size, annotations)


def network(task: str = "segmentation", size: int = 32) -> LabelNetwork:
    torch.manual_seed(0)
    return LabelNetwork(dataclasses.replace(spec_of(task, size), width=4)).eval()


def images(size: int = 32, count: int = 3) -> torch.Tensor:
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(1)) * 2 - 1


@pytest.mark.parametrize("task", names())
@pytest.mark.parametrize("size", [16, 64])
def test_shapes(task: str, size: int) -> None:
    spec = spec_of(task, size)
    outputs = network(task, size)(images(size))
    assert ("maps" in outputs, "numbers" in outputs) == (spec.maps > 0, spec.numbers > 0)
    if spec.maps:
        assert outputs["maps"].shape == (3, spec.maps, size, size)
    if spec.numbers:
        assert outputs["numbers"].shape == (3, spec.numbers)


@pytest.mark.parametrize("task", names())
def test_every_parameter_gets_a_gradient(task: str) -> None:
    net = network(task).train()
    torch.stack([value.square().sum() for value in net(images()).values()]).sum().backward()
    assert [name for name, parameter in net.named_parameters() if not parameter.grad.abs().sum() > 0] == []


def test_batch_independence() -> None:
    net, x = network(), images()
    torch.testing.assert_close(net(x)["maps"][1:2], net(x[1:2])["maps"], rtol=1e-4, atol=1e-5)


def test_wrong_size_is_refused() -> None:
    with pytest.raises(AssertionError, match="32, 32"):
        network()(images(16))


@pytest.mark.parametrize("task", names())
def test_file_round_trip(task: str, tmp_path) -> None:  # type: ignore[no-untyped-def]
    net = network(task)
    save_label_network(tmp_path / "net.safetensors", net, {"seed": 3})
    loaded, provenance = load_label_network(tmp_path / "net.safetensors", task, 32)
    assert provenance == {"seed": 3}
    assert loaded.spec == net.spec
    assert not loaded.training
    for name, value in net(images()).items():
        assert torch.equal(loaded(images())[name], value)


def test_files_without_mirroring_and_units_go_by_their_names() -> None:
    for task in ("keypoints", "pose"):
        spec = spec_of(task, 32)
        fields = dataclasses.asdict(spec)
        old = {name: fields[name] for name in ("task", "names", "resolution_px", "maps", "numbers", "width")}
        assert LabelSpec.of_header(old) == dataclasses.replace(spec, units=())
        labels = task_of(task).functions.decode(network(task)(images()), spec)
        for name, value in task_of(task).functions.decode(network(task)(images()), LabelSpec.of_header(old)).items():
            assert torch.equal(labels[name], value)


def test_the_same_network_gives_the_same_bytes(tmp_path) -> None:  # type: ignore[no-untyped-def]
    for name in ("one", "two"):
        save_label_network(tmp_path / name, network(), {"seed": 3, "a": 1})
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_errors_name_file_and_remedy(tmp_path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "net.safetensors"
    with pytest.raises(StyleAlignError, match=r"net\.safetensors: no such file"):
        load_label_network(path)
    save_label_network(path, network(), {})
    with pytest.raises(StyleAlignError, match="segmentation where keypoints is needed"):
        load_label_network(path, "keypoints")
    with pytest.raises(StyleAlignError, match="32 px images, not 64 px"):
        load_label_network(path, "segmentation", 64)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(StyleAlignError, match="no label network, or a damaged one"):
        load_label_network(path)
    save_file({"x": torch.zeros(1)}, path)
    with pytest.raises(StyleAlignError, match="not a label network"):
        load_label_network(path)


def test_damaged_weights_are_refused(tmp_path) -> None:  # type: ignore[no-untyped-def]
    net = network()
    net.maps = torch.nn.Conv2d(4, 2, 1)
    save_label_network(tmp_path / "net", net, {})
    with pytest.raises(StyleAlignError, match="damaged label network"):
        load_label_network(tmp_path / "net")


def test_weights_that_are_no_numbers_are_refused(tmp_path) -> None:  # type: ignore[no-untyped-def]
    spoilt = network("pose")
    spoilt.numbers.bias.data[1] = float("nan")
    save_label_network(tmp_path / "net.safetensors", spoilt, {})
    with pytest.raises(
        StyleAlignError, match=r"net.safetensors: damaged label network \(a weight is NaN or infinite\)"
    ):
        load_label_network(tmp_path / "net.safetensors")


@pytest.mark.parametrize("kind", ["small", "unet/resnet18"])
def test_what_it_sees_by_is_what_its_numbers_are_made_of(kind: str) -> None:
    if kind != "small":
        pytest.importorskip("segmentation_models_pytorch")
    own = network_of(LabelSpec("pose", tuple(POSE), 64, maps=0, numbers=4, network=kind)).eval()
    pixels = np.random.default_rng(0).integers(0, 256, (3, 3, 64, 64), dtype=np.uint8)
    read: list[torch.Tensor] = []
    own.numbers.register_forward_pre_hook(lambda _, inputs: read.append(inputs[0]))
    predict(own, pixels)
    width = own.numbers.in_features // 16
    features = encode(own, pixels)
    assert features.shape == (3, width)
    assert torch.from_numpy(features).allclose(read[0].reshape(3, width, 16).mean(2), atol=1e-6)


@pytest.mark.parametrize("kind", ["small", "unet/resnet18"])
def test_a_look_is_both_with_the_encoder_run_once(kind: str) -> None:
    if kind != "small":
        pytest.importorskip("segmentation_models_pytorch")
    names = tuple(SEGMENTATION_CLASSES)
    own = network_of(LabelSpec("segmentation", names, 64, maps=len(names), numbers=0, network=kind)).eval()
    pixels = np.random.default_rng(0).integers(0, 256, (3, 3, 64, 64), dtype=np.uint8)
    expected, features = predict(own, pixels), encode(own, pixels)
    passes: list[int] = []
    encoder = own.down if kind == "small" else own.model.encoder
    layer = next(module for module in encoder.modules() if isinstance(module, torch.nn.Conv2d))
    layer.register_forward_hook(lambda *_: passes.append(1))
    found, seen_by = look(own, pixels)
    assert len(passes) == 1
    assert all(np.array_equal(found[name], expected[name]) for name in expected)
    assert np.array_equal(seen_by, features)
