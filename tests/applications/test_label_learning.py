"""Tasks and training of the label networks on shapes drawn here."""

import dataclasses

import numpy as np
import pytest
import torch

from stylealign.applications.labels import attributes, keypoints, segmentation
from stylealign.applications.labels import pose as regression
from stylealign.applications.labels.learning import (
    _augmented,
    _batches,
    learn,
    predict,
    require_matching,
    scores,
    spec_of,
)
from stylealign.applications.labels.networks import LabelNetwork, LabelSpec
from stylealign.applications.labels.tasks import names, task_of
from stylealign.config import LabelSettings
from stylealign.datasets.annotations import UNKNOWN_CLASS, UNKNOWN_VALUE, Annotations
from stylealign.datasets.avatars import POSE
from stylealign.datasets.figures import KEYPOINTS, SEGMENTATION_CLASSES
from stylealign.datasets.label_names import LabelNames
from stylealign.errors import StyleAlignError

SIZE = 16
SETTINGS = LabelSettings(epochs=6, batch_size=16, learning_rate=1e-2, images=192)
CPU = torch.device("cpu")


def shapes(count: int = 192, seed: int = 0) -> tuple[np.ndarray, Annotations]:
    """Return noisy images of a bright square, annotated: its pixels, its corners and centre, its place."""
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 60, (count, 3, SIZE, SIZE)).astype(np.uint8)
    left, top = rng.integers(1, SIZE - 7, (2, count))
    maps = np.zeros((count, SIZE, SIZE), dtype=np.uint8)
    points = np.zeros((count, len(KEYPOINTS), 2), dtype=np.float32)
    for index, (x, y) in enumerate(zip(left, top, strict=True)):
        images[index, :, y : y + 6, x : x + 6] += 150
        maps[index, y : y + 6, x : x + 6] = 1
        points[index] = np.array([(x, y), (x + 6, y), (x + 3, y + 6), (x + 3, y), (x + 3, y + 3)])
    pose = np.stack([left * 0.0, top * 0.0, (left - 5) / SIZE, (top - 5) / SIZE], axis=1).astype(np.float32)
    images[:, 0] += 40 * (left % 3 == 1)[:, None, None].astype(np.uint8)
    attributes = {"half": (top > 5).astype(np.int64), "tint": (left % 3 == 1).astype(np.int64)}
    values = {"half": ["upper", "lower"], "tint": ["none", "red"]}
    names = LabelNames(SEGMENTATION_CLASSES, KEYPOINTS, POSE, values)
    return images, Annotations(maps, points, np.ones((count, len(KEYPOINTS)), dtype=bool), pose, attributes, names)


def spec(task: str) -> LabelSpec:
    return spec_of(task, SIZE, shapes(2)[1], "shapes.npz")


def annotated(task: str, annotations: Annotations) -> dict[str, torch.Tensor]:
    return task_of(task).functions.annotated(annotations, spec(task))


def error(task: str, predicted: dict[str, np.ndarray], truth: Annotations) -> float:
    if task == "segmentation":
        return float((predicted["classes"] != truth.segmentation).mean())
    if task == "keypoints":
        return float(np.linalg.norm(predicted["keypoints"] - truth.keypoints, axis=2).mean())
    return float(np.abs(predicted["pose"] - truth.pose)[:, 2:].mean() * SIZE)


@pytest.mark.parametrize(("task", "tolerated"), [("segmentation", 0.02), ("keypoints", 0.8), ("pose", 0.8)])
def test_learns(task: str, tolerated: float) -> None:
    images, annotations = shapes()
    network = learn(images, annotated(task, annotations), SETTINGS, CPU, spec(task))
    test_images, test_annotations = shapes(64, seed=1)
    assert error(task, predict(network, test_images), test_annotations) < tolerated
    assert not any(parameter.requires_grad for parameter in network.parameters())


def test_numbers_far_from_zero_are_learnt_as_those_near_it() -> None:
    """The row of the square, counted from 1990: years, prices and the like."""
    (images, known), (others, truth) = shapes(), shapes(64, seed=1)
    wanted = [(1990 + own.keypoints[:, 0, 1])[:, None].astype(np.float32) for own in (known, truth)]
    years = [Annotations(pose=values, names=LabelNames(values=("year",))) for values in wanted]
    own = spec_of("pose", SIZE, years[0], "years.npz")
    network = learn(images, task_of("pose").functions.annotated(years[0], own), SETTINGS, CPU, own)
    errors = np.abs(predict(network, others)["pose"] - wanted[1])
    assert errors.mean() < 0.5 * wanted[1].std()


def test_numbers_begin_at_the_mean_of_labels_and_mirrored_labels() -> None:
    names = ("shift_x", "left", "right", "tilt", "age")
    values = [[9, 1, 4, 30, 40], [9, 3, 8, 50, np.nan]]
    mirroring = {"swapped": (("left", "right"),), "negated": ("shift_x", "tilt")}
    labels = Annotations(pose=np.array(values, np.float32), names=LabelNames(values=names, **mirroring))
    own = spec_of("pose", SIZE, labels, "numbers.npz")
    pose = task_of("pose").functions
    found = pose.centres(pose.annotated(labels, own), own) * torch.tensor(own.units)
    assert own.units[1] != own.units[2]
    assert found.tolist() == pytest.approx([0, 4, 4, 0, 40]), "half of the images are mirrored"


def test_numbers_that_change_places_keep_their_values_whatever_their_spreads() -> None:
    names = LabelNames(values=("left", "right"), swapped=(("left", "right"),))
    labels = Annotations(pose=np.array([[1, 40], [3, 80]], np.float32), names=names)
    own = spec_of("pose", SIZE, labels, "numbers.npz")
    pose = task_of("pose").functions
    found = pose.mirrored(pose.annotated(labels, own), torch.tensor([True, False]), own)
    assert (found["pose"] * torch.tensor(own.units)).tolist() == [pytest.approx([40, 1]), pytest.approx([3, 80])]


@pytest.mark.parametrize("task", names())
def test_repeatable_by_seed_and_leaves_the_random_stream_alone(task: str) -> None:
    images, annotations = shapes(32)
    labels = annotated(task, annotations)
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    runs = [
        learn(images, labels, LabelSettings(epochs=1, seed=seed), CPU, spec(task)).state_dict() for seed in (0, 0, 1)
    ]
    assert torch.equal(torch.rand(1), expected)
    assert all(torch.equal(value, runs[1][name]) for name, value in runs[0].items())
    assert not all(torch.equal(value, runs[2][name]) for name, value in runs[0].items())


def test_attributes_are_learnt_and_their_names_split_again() -> None:
    images, annotations = shapes()
    names = spec("attributes").names
    assert names == ("half=upper", "half=lower", "tint=none", "tint=red")
    network = learn(images, annotated("attributes", annotations), SETTINGS, CPU, spec("attributes"))
    test_images, truth = shapes(64, seed=1)
    chosen = attributes.choices(names, predict(network, test_images)["attributes"])
    assert list(chosen) == ["half", "tint"]
    for name, values in chosen.items():
        assert (values == truth.attributes[name]).mean() > 0.9, name


def test_attributes_see_the_images_in_their_own_colours() -> None:
    images = torch.linspace(-0.5, 0.5, 4 * 3 * 4).reshape(4, 3, 4, 1).expand(4, 3, 4, 4)
    kept, _ = _augmented(images, {}, spec("attributes"), torch.Generator().manual_seed(0))
    assert torch.equal(kept, images)
    changed, _ = _augmented(images, {"pose": torch.ones(4, 4)}, spec("pose"), torch.Generator().manual_seed(0))
    assert not torch.equal(changed, images)


@pytest.mark.parametrize("task", names())
def test_annotations_without_a_task_are_refused(task: str) -> None:
    with pytest.raises(StyleAlignError, match=rf"bare\.npz: hold no {task}; give"):
        spec_of(task, SIZE, Annotations(), "bare.npz")


def test_a_network_of_other_names_is_refused() -> None:
    _, annotations = shapes(2)
    require_matching(spec("keypoints"), "net", annotations, "a.npz")
    names = dataclasses.replace(annotations.names, keypoints=("bow", *KEYPOINTS[1:]))
    with pytest.raises(StyleAlignError, match=r"net: names other keypoints than a\.npz \(bow\)"):
        require_matching(spec("keypoints"), "net", dataclasses.replace(annotations, names=names), "a.npz")


def test_progress() -> None:
    images, annotations = shapes(40)
    seen: list[tuple[int, int]] = []
    learn(
        images,
        annotated("pose", annotations),
        LabelSettings(epochs=2, batch_size=16),
        CPU,
        spec("pose"),
        lambda step, steps, loss: seen.append((step, steps)),
    )
    assert seen == [(4, 4)]


def test_batches_cover_each_epoch_once_and_drop_the_short_one() -> None:
    batches = list(_batches(10, LabelSettings(epochs=2, batch_size=4), torch.Generator().manual_seed(0)))
    assert [len(batch) for batch in batches] == [4, 4, 4, 4]
    assert len(set(torch.cat(batches[:2]).tolist())) == 8
    assert [len(batch) for batch in _batches(3, LabelSettings(epochs=1, batch_size=4), torch.Generator())] == [3]


@pytest.mark.parametrize("task", names())
def test_mirroring_twice_changes_nothing_and_spares_the_others(task: str) -> None:
    labels = annotated(task, shapes(4)[1])
    which = torch.tensor([True, False, True, False])
    once = task_of(task).functions.mirrored(labels, which, spec(task))
    for name, value in task_of(task).functions.mirrored(once, which, spec(task)).items():
        torch.testing.assert_close(value, labels[name])
        assert torch.equal(once[name][1], labels[name][1])
    if task != "attributes":
        assert any(not torch.equal(once[name][0], labels[name][0]) for name in labels)


def test_mirrored_labels_fit_mirrored_images() -> None:
    labels = annotated("keypoints", shapes(1)[1])
    mirrored = keypoints.mirrored(labels, torch.tensor([True]), spec("keypoints"))["positions"][0]
    left, right = KEYPOINTS.index("left_eye"), KEYPOINTS.index("right_eye")
    torch.testing.assert_close(mirrored[left, 0], 1 - labels["positions"][0, right, 0])
    assert mirrored[left, 0] < mirrored[right, 0], "left stays left as seen"
    pose = {"pose": torch.ones(1, len(POSE))}
    signs = regression.mirrored(pose, torch.tensor([True]), spec("pose"))["pose"][0].tolist()
    assert dict(zip(POSE, signs, strict=True)) == {"rotation_deg": -1, "log2_scale": 1, "shift_x": -1, "shift_y": 1}


def test_soft_labels_train_like_the_classes_they_stand_for() -> None:
    classes = torch.randint(0, len(SEGMENTATION_CLASSES), (2, 8, 8), generator=torch.Generator().manual_seed(0))
    maps = torch.randn(2, len(SEGMENTATION_CLASSES), 8, 8, generator=torch.Generator().manual_seed(1))
    certain = 100.0 * torch.nn.functional.one_hot(classes, len(SEGMENTATION_CLASSES)).permute(0, 3, 1, 2)
    soft = segmentation.pseudo({"maps": certain}, spec("segmentation"))
    hard = {"classes": classes.to(torch.uint8)}
    torch.testing.assert_close(segmentation.loss({"maps": maps}, soft), segmentation.loss({"maps": maps}, hard))
    assert segmentation.loss({"maps": certain}, {"classes": classes}) < 0.01
    assert torch.equal(segmentation.decode({"maps": certain}, spec("segmentation"))["classes"], classes.to(torch.uint8))


def test_heat_map_mean_is_the_position() -> None:
    maps = torch.full((1, len(KEYPOINTS), SIZE, SIZE), -100.0)
    maps[:, :, 4, 10] = 100.0
    outputs = {"maps": maps, "numbers": torch.zeros(1, len(KEYPOINTS))}
    points = keypoints.decode(outputs, spec("keypoints"))["keypoints"]
    torch.testing.assert_close(points, torch.tensor([10.5, 4.5]).expand(1, len(KEYPOINTS), 2))


def test_target_heat_map_is_centred_on_the_point() -> None:
    position = torch.tensor([[[0.3, 0.7]]])
    target = keypoints._heat_maps(position, 64)
    torch.testing.assert_close(target.sum(), torch.tensor(1.0))
    torch.testing.assert_close(keypoints._expected(target.log().unflatten(2, (64, 64))), position, atol=1e-3, rtol=0)


def test_invisible_points_do_not_count() -> None:
    outputs = {"maps": torch.randn(2, len(KEYPOINTS), 8, 8), "numbers": torch.zeros(2, len(KEYPOINTS))}
    labels = {"positions": torch.rand(2, len(KEYPOINTS), 2), "visible": torch.ones(2, len(KEYPOINTS))}
    labels["visible"][0, 1] = 0
    moved = {**labels, "positions": labels["positions"].clone()}
    moved["positions"][0, 1] = 0.9
    torch.testing.assert_close(keypoints.loss(outputs, moved), keypoints.loss(outputs, labels))
    moved["positions"][1, 1] = 0.0
    assert keypoints.loss(outputs, moved) != keypoints.loss(outputs, labels)


def test_pose_units_round_trip() -> None:
    annotations = shapes(3)[1]
    numbers = annotated("pose", annotations)["pose"]
    decoded = regression.decode({"numbers": numbers}, spec("pose"))["pose"]
    np.testing.assert_allclose(decoded.numpy(), annotations.pose, rtol=1e-5, atol=1e-7)


def test_scores_of_a_trained_network() -> None:
    images, annotations = shapes()
    test_images, test_annotations = shapes(64, seed=1)
    network = learn(images, annotated("segmentation", annotations), SETTINGS, CPU, spec("segmentation"))
    found = scores(network, test_images, test_annotations)
    values = {key: score.estimate(draws=20, seed=0).value for key, score in found.items()}
    assert [setting for _, setting in found][:-1] == list(SEGMENTATION_CLASSES)
    assert values["iou", "background"] > 0.95
    assert values["iou", "skin"] > 0.9
    assert np.isnan(values["iou", "clothes"])
    assert values["miou", ""] == pytest.approx((values["iou", "background"] + values["iou", "skin"]) / 2)


def test_numbers_of_any_name_are_learnt_in_units_of_their_spread() -> None:
    _, annotations = shapes()
    names = dataclasses.replace(annotations.names, values=("left", "hue", "size", "shift_y"), negated=("left",))
    pose = annotations.pose * np.float32([1, 1, 1000, 1])
    own = dataclasses.replace(annotations, pose=pose, names=names)
    found = spec_of("pose", SIZE, own, "own.npz")
    assert found.names == names.values
    assert found.units == (1.0, 1.0, pytest.approx(pose[:, 2].std(), rel=1e-5), 0.05)
    turned = regression.mirrored({"pose": torch.ones(1, 4)}, torch.tensor([True]), found)["pose"]
    assert turned.tolist() == [[-1, 1, 1, 1]]


def test_scores_go_by_name_whatever_the_order() -> None:
    images, annotations = shapes(32)
    for task in ("segmentation", "keypoints", "pose"):
        torch.manual_seed(0)
        network = LabelNetwork(spec(task)).eval()
        reordered = annotations.named_like(
            dataclasses.replace(annotations, names=reversed_names(annotations.names)), "a", "b"
        )
        one, two = (scores(network, images, truth) for truth in (annotations, reordered))
        assert one.keys() == two.keys()
        for key, score in one.items():
            np.testing.assert_array_equal(score.numerators, two[key].numerators)
            np.testing.assert_array_equal(score.denominators, two[key].denominators)


def reversed_names(names: LabelNames) -> LabelNames:
    return dataclasses.replace(
        names, classes=names.classes[::-1], keypoints=names.keypoints[::-1], values=names.values[::-1]
    )


def with_gaps() -> tuple[Annotations, dict[str, torch.Tensor]]:
    """Return labels of two images, of which the second lacks them all, and outputs of any network for the tasks."""
    _, whole = shapes(2)
    random = torch.Generator().manual_seed(0)
    outputs = {
        "maps": torch.randn(2, 8, SIZE, SIZE, generator=random),
        "numbers": torch.randn(2, 8, generator=random),
    }
    whole.segmentation[1], whole.keypoints[1], whole.visible[1], whole.pose[1] = UNKNOWN_CLASS, np.nan, False, np.nan
    for values in whole.attributes.values():
        values[1] = UNKNOWN_VALUE
    return whole, outputs


@pytest.mark.parametrize("task", names())
def test_what_is_not_known_of_an_image_teaches_nothing(task: str) -> None:
    annotations, raw = with_gaps()
    own = spec(task)
    sizes = {"maps": own.maps, "numbers": own.numbers}
    outputs = {name: raw[name][:, :size].clone().requires_grad_() for name, size in sizes.items() if size}
    functions = task_of(task).functions
    labels = functions.annotated(annotations, own)
    value = functions.loss(outputs, labels)
    value.backward()
    assert value.isfinite()
    for name, output in outputs.items():
        assert output.grad[0].abs().sum() > 0, name
        assert output.grad[1].abs().sum() == 0, name
    turned = functions.mirrored(labels, torch.tensor([True, True]), own)
    twice = functions.mirrored(turned, torch.tensor([True, True]), own)
    for name, label in labels.items():
        torch.testing.assert_close(twice[name], label, equal_nan=True)


@pytest.mark.parametrize("task", ["segmentation", "keypoints", "pose"])
def test_what_is_not_known_of_an_image_is_not_scored(task: str) -> None:
    annotations, _ = with_gaps()
    _, whole = shapes(2)
    random = np.random.default_rng(0)
    predicted = {
        "classes": random.integers(0, 3, whole.segmentation.shape).astype(np.uint8),
        "keypoints": whole.keypoints + random.normal(0, 1, whole.keypoints.shape).astype(np.float32),
        "pose": whole.pose + random.normal(0, 1, whole.pose.shape).astype(np.float32),
    }
    found = task_of(task).functions.scores(predicted, annotations, spec(task))
    first = {name: values[:1] for name, values in predicted.items()}
    expected = task_of(task).functions.scores(first, annotations.rows(np.array([0])), spec(task))
    for name, score in expected.items():
        np.testing.assert_equal(found[name].estimate(4, 0).value, score.estimate(4, 0).value, err_msg=str(name))


def test_left_and_right_classes_change_places_in_a_mirrored_image() -> None:
    maps = np.array([[[0, 1], [UNKNOWN_CLASS, 2]]], np.uint8)
    annotations = Annotations(segmentation=maps, names=LabelNames(("ground", "left_ear", "right_ear")))
    own = segmentation.spec(2, annotations)
    which = torch.tensor([True])
    turned = segmentation.mirrored(segmentation.annotated(annotations, own), which, own)["classes"]
    assert turned.tolist() == [[[2, 0], [1, UNKNOWN_CLASS]]]
    soft = torch.tensor([[[[1, 0]], [[0, 7]], [[0, 0]]]])
    assert segmentation.mirrored({"probabilities": soft}, which, own)["probabilities"][0, 2].tolist() == [[7, 0]]


def test_left_and_right_numbers_and_attributes_change_places_in_a_mirrored_image() -> None:
    labels = LabelNames(values=("left_ear", "right_ear"), attributes={"l_open": ["no", "yes"], "r_open": ["no", "yes"]})
    annotations = Annotations(
        pose=np.array([[1, 2]], np.float32),
        attributes={"l_open": np.array([0]), "r_open": np.array([1])},
        names=labels,
    )
    own, which = regression.spec(8, annotations), torch.tensor([True])
    assert regression.mirrored({"pose": torch.tensor([[1.0, 2.0]])}, which, own)["pose"].tolist() == [[2, 1]]
    own = attributes.spec(8, annotations)
    turned = attributes.mirrored(attributes.annotated(annotations, own), which, own)
    assert turned["l_open"].tolist() == [[0, 1]]


def test_a_training_that_diverges_ends_with_a_line() -> None:
    images, annotations = shapes(32)
    labels = annotated("pose", annotations)
    labels["pose"][:, 2] = float("inf")
    with pytest.raises(StyleAlignError, match="the loss became NaN or infinite at step 1 of 12; lower"):
        learn(images, labels, SETTINGS, CPU, spec("pose"))


@pytest.mark.parametrize("task", ["segmentation", "keypoints", "pose"])
def test_images_without_labels_are_not_counted(task: str) -> None:
    images, whole = shapes(5)
    maps, points, pose = whole.segmentation.copy(), whole.keypoints.copy(), whole.pose.copy()
    maps[3:], points[3:], pose[3:] = UNKNOWN_CLASS, np.nan, np.nan
    points[2, 1], pose[2, 1] = np.nan, np.nan  # one label alone is missing
    partly = dataclasses.replace(whole, segmentation=maps, keypoints=points, visible=whole.visible.copy(), pose=pose)
    partly.visible[~np.isfinite(points).all(axis=2)] = False
    found = scores(LabelNetwork(spec(task)).eval(), images, partly)
    # The point that is missing is one of the pair that is the unit of all distances.
    lacks = {name: task == "keypoints" or (task == "pose" and name[1] == POSE[1]) for name in found}
    assert {name: score.count for name, score in found.items()} == {name: 2 if lacks[name] else 3 for name in found}
    kept = partly.rows(np.arange(3))
    torch.manual_seed(0)
    network = LabelNetwork(spec(task)).eval()
    for name, score in scores(network, images, partly).items():
        expected = scores(network, images[:3], kept)[name]
        assert str(score.estimate(20, 0)) == str(expected.estimate(20, 0)), name  # NaN of a class that is nowhere
