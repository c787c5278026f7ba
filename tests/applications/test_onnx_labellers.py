"""Label networks of ONNX files: what they take and give, and what is said of those that do not fit."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from stylealign.applications.labels.learning import encode, look, predict
from stylealign.applications.labels.networks import load_label_network, save_label_network
from stylealign.applications.labels.onnx_outputs import peaks
from stylealign.errors import StyleAlignError
from tests.applications.onnx_files import Brightness, Channels, Colours, Mixed, Two, write_labeller, write_onnx

SEGMENTATION: dict[str, Any] = {"task": "segmentation", "names": ["dark", "light"]}
COLOURS = ["red", "green", "blue"]


def halves(count: int = 2, size: int = 32) -> np.ndarray:
    """Return images whose left half is dark and whose right half is light."""
    images = np.full((count, 3, size, size), 10, np.uint8)
    images[..., size // 2 :] = 240
    return images


def predicted(file: Path, images: np.ndarray) -> dict[str, np.ndarray]:
    return predict(load_label_network(file, resolution_px=images.shape[-1])[0], images)


@pytest.mark.parametrize("free", [False, True])
@pytest.mark.parametrize("size", [8, 16, 64])
def test_scores_become_classes_at_the_size_of_the_images(tmp_path: Path, free: bool, size: int) -> None:
    keys = SEGMENTATION | ({"size_px": 16} if free else {})
    classes = predicted(write_labeller(tmp_path, Brightness(), free=free, **keys), halves(5, size))["classes"]
    expected = np.zeros((5, size, size), np.uint8)
    expected[..., size // 2 :] = 1
    assert np.array_equal(classes, expected)


def test_a_file_shows_no_features(tmp_path: Path) -> None:
    network = load_label_network(write_labeller(tmp_path, Brightness(), free=False, **SEGMENTATION), resolution_px=32)[
        0
    ]
    assert encode(network, halves()) is None
    answers, features = look(network, halves())
    assert np.array_equal(answers["classes"], predict(network, halves())["classes"])
    assert features is None


class Numbered(nn.Module):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return (images.mean(dim=1) > 0.5).long()


class Shares(nn.Module):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        light = images.mean(dim=1, keepdim=True)
        return torch.cat([1 - light, light], dim=1)


class LastChannels(nn.Module):
    """Scores of a network whose channels come last."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return Brightness()(images.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)


@pytest.mark.parametrize(("kind", "network"), [("classes", Numbered()), ("probabilities", Shares())])
def test_other_outputs_of_segmentation(tmp_path: Path, kind: str, network: nn.Module) -> None:
    classes = predicted(write_labeller(tmp_path, network, output=kind, **SEGMENTATION), halves())["classes"]
    assert classes[:, :, :16].max() == 0
    assert classes[:, :, 16:].min() == 1


class Levels(nn.Module):
    """Four classes by brightness."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return (images.mean(dim=1) * 3.99).long()


def test_a_class_without_a_name_is_refused(tmp_path: Path) -> None:
    file = write_labeller(tmp_path, Levels(), output="classes", **SEGMENTATION)
    with pytest.raises(
        StyleAlignError, match=r"net.onnx: gives the class 3, and its YAML names 2 \(0 to 1\)"
    ) as caught:
        predicted(file, halves())
    assert "\n" not in str(caught.value)
    file.write_text("{task: segmentation, output: classes, names: [a, b, c, d]}")
    assert np.unique(predicted(file, halves())["classes"]).tolist() == [0, 3]


class Spoilt(nn.Module):
    """Another network's output, with numbers that are none where an image is light."""

    def __init__(self, network: nn.Module, spoilt: float) -> None:
        super().__init__()
        self.network, self.spoilt = network, spoilt

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        given = self.network(images)
        return torch.where(images.amax() > 0.6, given + self.spoilt, given)


@pytest.mark.parametrize("number", [np.nan, np.inf])
@pytest.mark.parametrize(
    ("network", "keys"),
    [
        (Brightness(), SEGMENTATION),
        (Shares(), SEGMENTATION | {"output": "probabilities"}),
        (Channels(), {"task": "keypoints", "names": COLOURS}),
        (Colours(), {"task": "keypoints", "names": COLOURS[:1], "output": "shares", "slice": 2}),
        (Colours(), {"task": "pose", "names": COLOURS}),
        (Colours(), {"task": "attributes", "names": COLOURS, "output": "logits"}),
        (Colours(), {"task": "attributes", "names": COLOURS, "output": "probabilities"}),
        (Colours(), {"task": "attributes", "names": {"hat": ["none", "cap", "top"]}}),
    ],
)
def test_numbers_that_are_none_are_refused(
    tmp_path: Path, network: nn.Module, keys: dict[str, Any], number: float
) -> None:
    own = dict(keys)
    if count := own.pop("slice", None):
        network = Sliced(network, count)
    file = write_labeller(tmp_path, Spoilt(network, number), **own)
    images = halves()
    predicted(file, images // 3)
    with pytest.raises(StyleAlignError, match=r"net.onnx: gives NaN or infinity; ") as caught:
        predicted(file, images)
    assert "\n" not in str(caught.value)


class Sliced(nn.Module):
    """The first numbers of another network."""

    def __init__(self, network: nn.Module, count: int) -> None:
        super().__init__()
        self.network, self.count = network, count

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.network(images)[:, : self.count]


def test_a_score_of_what_is_ruled_out_may_be_infinite(tmp_path: Path) -> None:
    file = write_labeller(tmp_path, Spoilt(Brightness(), -np.inf), **SEGMENTATION)
    with pytest.raises(StyleAlignError, match="gives NaN or infinity"):  # every class of a pixel is ruled out
        predicted(file, halves())
    file = write_labeller(tmp_path, Ruled(), **SEGMENTATION)
    assert predicted(file, halves())["classes"].max() == 0


class Ruled(nn.Module):
    """The second class is ruled out everywhere."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return Brightness()(images) + torch.tensor([0.0, -torch.inf]).reshape(1, 2, 1, 1)


@pytest.mark.parametrize("task", ["segmentation", "attributes"])
def test_probabilities_that_are_none_are_refused(tmp_path: Path, task: str) -> None:
    network, names = (Brightness(), ["a", "b"]) if task == "segmentation" else (Colours(), COLOURS)
    keys = {"task": task, "names": names, "output": "probabilities", "scale": [0.01] * 3}
    with pytest.raises(StyleAlignError, match=r"net.onnx: gives numbers from .* where probabilities are asked for"):
        predicted(write_labeller(tmp_path, network, **keys), halves())


def test_the_file_without_its_description(tmp_path: Path) -> None:
    write_labeller(tmp_path, Brightness(), **SEGMENTATION)
    with pytest.raises(StyleAlignError, match=r"net.onnx: an ONNX network is given by the YAML .*net.yaml"):
        load_label_network(tmp_path / "net.onnx")


def test_probabilities_stay_what_they_are(tmp_path: Path) -> None:
    network, _ = load_label_network(
        write_labeller(tmp_path, Shares(), output="probabilities", **SEGMENTATION), resolution_px=16
    )
    shares = network(torch.full((1, 3, 16, 16), 0.5))["maps"].softmax(dim=1)
    assert shares[0, 1].mean().item() == pytest.approx(0.75, abs=1e-5)


def test_channels_last(tmp_path: Path) -> None:
    write_onnx(tmp_path / "net.onnx", LastChannels(), shape=(1, 16, 16, 3))
    (tmp_path / "net.yaml").write_text("{task: segmentation, names: [dark, light], layout: nhwc}")
    assert predicted(tmp_path / "net.yaml", halves())["classes"][:, :, 16:].min() == 1


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({}, [1.0, 0.5, 0.0]),
        ({"white": 255}, [255.0, 127.5, 0.0]),
        ({"colours": "bgr", "names": ["blue", "green", "red"]}, [0.0, 0.5, 1.0]),
        ({"mean": [0.5, 0.25, 0.0], "scale": [0.5, 0.25, 2.0]}, [1.0, 1.0, 0.0]),
        ({"mean": [0.5, 0.25, 0.0], "colours": "bgr"}, [0.0, 0.25, 0.5]),
    ],
)
def test_pixels_are_given_as_described(tmp_path: Path, keys: dict[str, Any], expected: list[float]) -> None:
    image = np.zeros((1, 3, 16, 16), np.uint8)
    image[:, 0], image[:, 1] = 255, 128
    file = write_labeller(tmp_path, Colours(), **({"task": "pose", "names": COLOURS} | keys))
    assert predicted(file, image)["pose"][0] == pytest.approx(expected, rel=0.005, abs=0.01)  # 128 is 0.502


def spots(places: list[tuple[float, float]], size: int = 32, width: float = 1.5) -> np.ndarray:
    """Return an image with a Gaussian spot of each colour, at (x, y) in pixels."""
    centres = np.arange(size) + 0.5
    spot = [np.exp(-((centres - x) ** 2 + (centres[:, None] - y) ** 2) / (2 * width**2)) for x, y in places]
    return (np.stack(spot)[None] * 255).round().astype(np.uint8)


def test_heat_maps_become_points_between_pixels(tmp_path: Path) -> None:
    places = [(8.3, 20.5), (16.0, 4.8), (27.6, 27.1)]
    file = write_labeller(tmp_path, Channels(), task="keypoints", names=COLOURS, size=32)
    found = predicted(file, spots(places))
    assert found["keypoints"][0] == pytest.approx(np.array(places), abs=0.15)
    assert (found["visible"] > 0.5).all()


def test_faint_heat_maps_are_points_not_seen(tmp_path: Path) -> None:
    image = spots([(8, 8), (16, 16), (24, 24)])
    image[:, 1] //= 8
    keys = {"task": "keypoints", "names": COLOURS, "visible_from": 0.3, "size": 32}
    found = predicted(write_labeller(tmp_path, Channels(), **keys), image)
    assert (found["visible"][0] > 0.5).tolist() == [True, False, True]


def test_peaks_at_the_border_stay_inside() -> None:
    maps = torch.zeros(1, 2, 4, 6)
    maps[0, 0, 0, 0], maps[0, 1, 3, 5] = 1.0, 2.0
    places, heights = peaks(maps)
    assert heights.tolist() == [[1.0, 2.0]]
    assert (places > 0).all()
    assert (places < 1).all()
    assert (places[0] * torch.tensor([6, 4])).floor().tolist() == [[0, 0], [5, 3]]


class Places(nn.Module):
    """Coordinates of two points and their scores, times a factor."""

    def __init__(self, factor: float, offset: float) -> None:
        super().__init__()
        self.factor, self.offset = factor, offset

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        point = images[:, :2, 0, 0] * 0 + torch.tensor([0.25, 0.75])
        points = torch.stack([point, point.flip(1)], dim=1)
        return points * self.factor + self.offset, images[:, :2, 0, 0] * 0 + torch.tensor([2.0, 0.1])


@pytest.mark.parametrize(("kind", "factor", "offset"), [("pixels", 16, 0), ("shares", 1, 0), ("centred", 2, -1)])
def test_coordinates(tmp_path: Path, kind: str, factor: float, offset: float) -> None:
    file = write_labeller(
        tmp_path,
        Places(factor, offset),
        task="keypoints",
        output=kind,
        names=["left_eye", "right_eye"],
        ports=("points", "score"),
        output_name="points",
        visible_name="score",
        visible_from=1.0,
    )
    found = predicted(file, halves(3))
    assert found["keypoints"][2] == pytest.approx(np.array([[8.0, 24.0], [24.0, 8.0]]))
    assert (found["visible"][2] > 0.5).tolist() == [True, False]
    assert load_label_network(file)[0].spec.swapped == (("left_eye", "right_eye"),)


@pytest.mark.parametrize(("kind", "threshold"), [("logits", 0.0), ("probabilities", 0.5)])
def test_attributes_of_yes_and_no(tmp_path: Path, kind: str, threshold: float) -> None:
    file = write_labeller(
        tmp_path, Colours(), task="attributes", output=kind, names=COLOURS, mean=[0.5 - threshold] * 3
    )
    image = np.full((1, 3, 16, 16), 30, np.uint8)
    image[:, 1] = 220
    network, _ = load_label_network(file, "attributes", 16)
    assert network.spec.names[:2] == ("red=no", "red=yes")
    scores = predict(network, image)["attributes"].reshape(3, 2)
    assert scores.argmax(axis=1).tolist() == [0, 1, 0]


def test_scores_of_the_values_of_attributes(tmp_path: Path) -> None:
    names = {"hat": ["none", "cap"], "glasses": ["yes"]}
    network, _ = load_label_network(write_labeller(tmp_path, Colours(), task="attributes", names=names))
    assert network.spec.names == ("hat=none", "hat=cap", "glasses=yes")
    save_label_network(tmp_path / "packed.safetensors", network, {})
    assert load_label_network(tmp_path / "packed.safetensors")[0].spec == network.spec


def test_one_file_holds_both(tmp_path: Path) -> None:
    file = write_labeller(tmp_path, Brightness(), **SEGMENTATION)
    network, _ = load_label_network(file)
    save_label_network(tmp_path / "packed.safetensors", network, {"verb": "convert"})
    (tmp_path / "net.onnx").unlink()
    again, provenance = load_label_network(tmp_path / "packed.safetensors", "segmentation", 64)
    assert provenance == {"verb": "convert"}
    assert again.spec.resolution_px == 64
    assert np.array_equal(predict(again, halves(2, 64))["classes"][:, :, 32:], np.ones((2, 64, 32)))


def test_a_description_that_is_none(tmp_path: Path) -> None:
    for text, message in {
        "task: segmentation": "names: Field required",
        "{task: attributes, names: {a=b: [x, y]}}": "names: 'a=b' has =, which stands between attributes and values",
        "{task: segmentation, name: [a]}": r"names: Field required, unknown key 'name'; did you mean 'names'\?",
        "{task: segmentation, names: [a], mean: [0.5, 0.5]}": r"mean: needs 3 values, not \[0.5, 0.5\]",
        "{task: segmentation, names: [a], swapped: [[a]]}": r"swapped.0: needs 2 values, not \['a'\]",
        "{task: dancing, names: [a]}": "task: ",
        "{task: segmentation, names: [a], outputs: x}": "unknown key 'outputs'; did you mean 'output'",
        "{task: segmentation, names: [a, a]}": "names: give at least one, and each one once",
        "{task: segmentation, names: [a], output: heatmaps}": "no output of segmentation; give scores, prob",
        "{task: keypoints, names: [a], negated: [a]}": "negated: goes with the task pose",
        "{task: keypoints, names: [a], swapped: [[a, b]]}": "swapped: 'b' is not among the names",
        "{task: attributes, names: [a]}": "names: of attributes with the output scores they are a mapping",
        "{task: segmentation, names: [a], scale: [1, 0, 1]}": "scale.1: ",
        "{task: segmentation, names: [a]}": r"net\.onnx: No such file or directory; name the ONNX file",
    }.items():
        (tmp_path / "net.yaml").write_text(text)
        with pytest.raises(StyleAlignError, match=message):
            load_label_network(tmp_path / "net.yaml")


@pytest.mark.parametrize(
    ("network", "keys", "message"),
    [
        (
            Brightness(),
            {"names": ["a", "b", "c"]},
            r"output out is \[N, 2, 16, 16\]; scores of 3 names are \[N, 3, h, w",
        ),
        (Colours(), {}, r"output out is \[N, 3\]; scores of 2 names"),
        (Brightness(), {"size_px": 32}, "size_px: 32, but .*net.onnx takes images of 16 px"),
        (Brightness(), {"free": True}, "size_px: is missing, and .*net.onnx takes images of any size"),
        (Brightness(), {"layout": "nhwc"}, "takes no RGB images in the layout nhwc"),
        (Brightness(), {"output": "classes"}, r"classes of 2 names are \[N, h, w\]"),
        (Brightness(), {"output_name": "oot"}, "output_name: .*has no output 'oot'; it has out; did you mean 'out'"),
        (Two(), {"ports": ("mean", "same")}, r"has 2 outputs \(mean \[.*\], same \[.*\]\); say in .* as output_name"),
        (Colours(), {"task": "pose"}, "values of 2 names are 2 numbers of each image"),
        (Channels(), {"task": "keypoints"}, r"heatmaps of 2 names are \[N, 2, h, w\]"),
        (Colours(), {"task": "keypoints", "output": "shares"}, "shares of 2 names are 4 numbers of each image"),
        (
            Two(),
            {"task": "keypoints", "ports": ("a", "b"), "visible_name": "a", "names": ["x"], "output": "heatmaps"},
            "output b is",
        ),
    ],
)
def test_files_that_do_not_fit(tmp_path: Path, network: nn.Module, keys: dict[str, Any], message: str) -> None:
    file = write_labeller(tmp_path, network, **(SEGMENTATION | keys))
    with pytest.raises(StyleAlignError, match=message) as caught:
        load_label_network(file)
    assert "\n" not in str(caught.value)


def test_several_inputs_and_no_network_at_all(tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text("{task: pose, names: [a, b, c]}")
    write_onnx(tmp_path / "net.onnx", Mixed(), inputs=2)
    with pytest.raises(StyleAlignError, match=r"has 2 inputs \(image \[.*\], image1 \[.*\]\); one is needed"):
        load_label_network(tmp_path / "net.yaml")
    whole = (tmp_path / "net.onnx").read_bytes()
    for content in (b"", b"no network", whole[: len(whole) // 2]):
        (tmp_path / "net.onnx").write_bytes(content)
        with pytest.raises(StyleAlignError, match="not an ONNX network that onnxruntime can run") as caught:
            load_label_network(tmp_path / "net.yaml")
        assert "\n" not in str(caught.value)
