"""Point-wise agreement: a model agrees with itself, and not with another order of its images."""

import numpy as np
import pytest
import torch

from stylealign.applications.labels.networks import LabelSpec
from stylealign.applications.labels.tasks import comparing
from stylealign.datasets.avatars import POSE
from stylealign.datasets.figures import KEYPOINTS, SEGMENTATION_CLASSES
from stylealign.images import to_uint8
from stylealign.metrics.same_latents import Drawn, agreement, cosine_estimate, draw_and_measure, mean_colour
from stylealign.metrics.seeing import Ruler, Seeing
from stylealign.networks.architecture import Architecture
from stylealign.networks.generator import Generator
from stylealign.sampling import BATCH_SIZE
from stylealign.streams import torch_stream

SMALL = Architecture(resolution=16, z_dim=6, w_dim=6, mapping_layers=2, channel_base=64, channel_max=8)
COUNT = BATCH_SIZE + 5


def generator(seed: int = 0) -> Generator:
    torch.manual_seed(seed)
    return Generator(SMALL).eval().requires_grad_(False)


def pose(images: np.ndarray) -> np.ndarray:
    """Return four numbers of an image that follow its pixels."""
    rows = images.reshape(len(images), 3, 4, -1).astype(np.float32).mean(axis=(1, 3))
    return rows / 255


def keypoints(images: np.ndarray) -> np.ndarray:
    points = np.tile(np.arange(len(KEYPOINTS), dtype=np.float32)[:, None] * 3, (len(images), 1, 2))
    return points + pose(images)[:, :1, None]


def segmentation(images: np.ndarray) -> np.ndarray:
    return (images[:, 0] > 127).astype(np.uint8)


NETWORKS = {
    "keypoints": Seeing("points", KEYPOINTS, keypoints),
    "pose": Seeing("numbers", POSE, pose),
    "segmentation": Seeing("maps", SEGMENTATION_CLASSES, segmentation),
}


def rulers() -> dict[str, Ruler]:
    """Return the networks, each with itself, as the label tasks compare them."""
    found = {}
    for task in comparing():
        own = NETWORKS[task.name]
        swapped = (("left_eye", "right_eye"),) if task.name == "keypoints" else ()
        spec = LabelSpec(task.name, own.names, 16, maps=0, numbers=1, swapped=swapped)
        found[task.name] = Ruler(own, task.agreement.name, task.functions.comparison(spec, spec))
    return found


def values(parent: Drawn, child: Drawn) -> dict[str, float]:
    networks = rulers() if parent.seen else {}
    found = agreement(parent, child, networks, draws=100, seed=0)
    return {metric: estimate.value for metric, estimate in found.items()}


def test_features_are_asked_for_together_with_what_is_seen() -> None:
    def means(images: np.ndarray) -> np.ndarray:
        return images.mean(axis=(2, 3), dtype=np.float32)

    def looking(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return pose(images), means(images)

    def never(images: np.ndarray) -> np.ndarray:
        raise AssertionError("looked at twice")

    once = {
        "pose": Seeing("numbers", POSE, never, never, looking),
        "segmentation": NETWORKS["segmentation"],  # shows none
        "keypoints": Seeing("points", KEYPOINTS, keypoints, means),
    }
    drawn = draw_and_measure(generator(), COUNT, 0, once, encode=True)
    plain = draw_and_measure(generator(), COUNT, 0, NETWORKS)
    assert plain.encoded is None
    assert drawn.encoded is not None and drawn.encoded.shape == (COUNT, 6)
    assert np.array_equal(drawn.encoded[:, :3], drawn.encoded[:, 3:])
    assert all(np.array_equal(drawn.seen[task], plain.seen[task]) for task in plain.seen)


def test_a_model_agrees_with_itself_and_not_with_other_latents() -> None:
    drawn = draw_and_measure(generator(), COUNT, 0, NETWORKS)
    same, other = values(drawn, drawn), values(drawn, drawn.shuffled())
    assert list(same) == [
        "w_cosine",
        "w_offset_cosine",
        "rotation_correlation",
        "scale_correlation",
        "x_shift_correlation",
        "y_shift_correlation",
        "keypoint_error",
        "segmentation_agreement",
        "background_correlation",
        "skin_correlation",
    ]
    for name, value in same.items():
        assert value == pytest.approx(0 if name == "keypoint_error" else 1), name
    assert other["keypoint_error"] > 0
    for name in set(other) - {"keypoint_error", "segmentation_agreement", "w_cosine"}:
        assert abs(other[name]) < 0.5, name
    assert other["segmentation_agreement"] < 0.9


def test_every_model_gets_the_same_latents_in_the_same_order() -> None:
    one, other = (draw_and_measure(generator(seed), COUNT, 3, {"pose": NETWORKS["pose"]}) for seed in (0, 0))
    assert np.array_equal(one.seen["pose"], other.seen["pose"])
    z = torch.randn(BATCH_SIZE, SMALL.z_dim, generator=torch_stream("samples", 3))
    with torch.inference_mode():
        first = to_uint8(generator()(z)).numpy()
    assert np.array_equal(one.seen["pose"][:BATCH_SIZE], pose(first))
    assert one.seen["pose"].shape == (COUNT, len(POSE))


def test_without_networks_only_w_is_compared() -> None:
    drawn = [draw_and_measure(generator(seed), 8, 0, {}) for seed in (0, 1)]
    assert list(values(*drawn)) == ["w_cosine", "w_offset_cosine"]


def test_cosine_is_the_mean_over_latents() -> None:
    one = np.array([[1, 0], [1, 0], [3, 4]], dtype=np.float32)
    other = np.array([[2, 0], [0, 1], [-3, -4]], dtype=np.float32)
    assert cosine_estimate(one, other, 10, 0).value == pytest.approx(0)


def test_mean_colour_is_of_the_class_alone() -> None:
    images = np.zeros((2, 3, 2, 2), dtype=np.uint8)
    images[0, :, 0] = np.array([[10, 20], [30, 40], [50, 60]])
    classes = np.full((2, 2, 2), SEGMENTATION_CLASSES.index("background"), dtype=np.uint8)
    classes[0, 0] = SEGMENTATION_CLASSES.index("skin")
    colours = mean_colour(images, classes, SEGMENTATION_CLASSES.index("skin"))
    np.testing.assert_allclose(colours[0], [15, 35, 55])
    assert np.isnan(colours[1]).all()
