"""Networks and annotations that name other things are compared in what they name alike."""

import re

import numpy as np
import pytest

from stylealign.applications.labels import keypoints, segmentation
from stylealign.applications.labels import pose as regression
from stylealign.applications.labels.sharing import Shared, shared_names, unknown_class
from stylealign.applications.labels.spec import LabelSpec
from stylealign.datasets.annotations import UNKNOWN_CLASS, Annotations
from stylealign.datasets.label_names import LabelNames
from stylealign.errors import StyleAlignError

PARENTS = ("background", "hair", "eyes")
CHILDS = ("background", "eyes", "ears")
MAP = {"hair": "top", "ears": "top"}


def spec(names: tuple[str, ...], task: str = "segmentation") -> LabelSpec:
    return LabelSpec(task, names, 4, maps=len(names), numbers=0)


def annotated(classes: np.ndarray) -> Annotations:
    return Annotations(segmentation=classes.astype(np.uint8), names=LabelNames(CHILDS))


def test_names_in_common_by_themselves_and_by_a_map() -> None:
    truth = annotated(np.zeros((1, 4, 4)))
    networks = {"parent.net": spec(PARENTS), "child.net": spec(CHILDS)}
    plain = shared_names(networks, truth, "truth.npz")
    assert (plain.names, plain.differ) == (("background", "eyes"), True)
    mapped = shared_names(networks, truth, "truth.npz", MAP)
    assert mapped.names == ("background", "eyes", "top")
    assert shared_names(networks, truth, "truth.npz", {**MAP, "background": None}).names == ("eyes", "top")
    alike = shared_names({"child.net": spec(CHILDS[::-1])}, truth, "truth.npz")
    assert not alike.differ, "the order is no difference"


def test_nothing_in_common_is_told_with_the_remedy() -> None:
    truth = annotated(np.zeros((1, 4, 4)))
    message = "truth.npz: names no segmentation as cat.net does (fur, ...); map classes onto each other"
    with pytest.raises(StyleAlignError, match=re.escape(message)):
        shared_names({"cat.net": spec(("fur", "tail"))}, truth, "truth.npz")


def test_a_class_that_nothing_has_is_told() -> None:
    truth, networks = annotated(np.zeros((1, 4, 4))), {"parent.net": spec(PARENTS), "child.net": spec(CHILDS)}
    assert unknown_class(MAP, networks, truth) is None, "the parent's network has hair, the annotations have ears"
    assert unknown_class({**MAP, "eys": None}, networks, truth) == (
        "no class 'eys' in the annotations or networks; did you mean 'eyes'?"
    )
    assert unknown_class({"tail": "top"}, networks, truth) == (
        "no class 'tail' in the annotations or networks; there are background, eyes, ears, hair"
    )


def test_shared_classes_beside_the_domains_own() -> None:
    """Eight pixels a class; the network finds half of the eyes, and all that is above them as hair."""
    truth = np.zeros((1, 4, 8), np.uint8)
    truth[0, 1], truth[0, 2], truth[0, 3, 4:] = 1, 2, UNKNOWN_CLASS  # eyes, ears, half a row not known
    predicted = np.zeros_like(truth)
    predicted[0, 1, :4], predicted[0, 2], predicted[0, 3, 4:] = 2, 1, 1  # eyes; hair, also where nothing is known
    shared = Shared(("background", "eyes", "top"), MAP, differ=True)
    found = segmentation.scores({"classes": predicted}, annotated(truth), spec(PARENTS), shared)
    values = {key: score.estimate(2, 0).value for key, score in found.items()}
    assert values["iou", "background"] == 12 / 16
    assert values["iou", "eyes"] == values["shared_iou", "eyes"] == 0.5
    assert values["iou", "ears"] == 0, "a class that the network lacks"
    assert values["shared_iou", "top"] == 1
    assert values["miou", ""] == pytest.approx((0.75 + 0.5 + 0) / 3)
    assert values["shared_miou", ""] == pytest.approx((0.75 + 0.5 + 1) / 3)


def test_a_class_that_is_left_out_still_counts_against_others() -> None:
    truth = np.zeros((1, 2, 4), np.uint8)
    truth[0, 0] = 2
    predicted = np.full_like(truth, 2)  # eyes everywhere
    shared = Shared(("background",), {"eyes": None, "ears": None}, differ=True)
    found = segmentation.scores({"classes": predicted}, annotated(truth), spec(PARENTS), shared)
    assert found["shared_iou", "background"].estimate(2, 0).value == 0
    shared = Shared(("eyes",), {}, differ=True)
    truth[0, 1] = 1
    found = segmentation.scores({"classes": predicted}, annotated(truth), spec(PARENTS), shared)
    assert found["shared_iou", "eyes"].estimate(2, 0).value == 0.5


def test_points_and_numbers_that_both_name() -> None:
    names = LabelNames(keypoints=("nose", "right_eye", "left_eye"), values=("age", "tilt"))
    points = np.array([[[2, 3], [3, 1], [1, 1]]], np.float32)
    truth = Annotations(
        keypoints=points, visible=np.ones((1, 3), bool), pose=np.array([[30, 5]], np.float32), names=names
    )
    network = LabelSpec("keypoints", ("left_eye", "tail", "right_eye"), 4, 3, 3, swapped=(("left_eye", "right_eye"),))
    shared = shared_names({"net": network}, truth, "truth.npz")
    assert shared.names == ("right_eye", "left_eye")
    predicted = {"keypoints": np.array([[[1, 2], [0, 0], [3, 1]]], np.float32)}
    found = keypoints.scores(predicted, truth, network, shared)
    assert found["nme_of_point", "left_eye"].estimate(2, 0).value == 0.5
    assert found["nme", ""].estimate(2, 0).value == 0.25
    numbers = LabelSpec("pose", ("tilt", "width"), 4, 0, 2, units=(1.0, 1.0))
    shared = shared_names({"net": numbers}, truth, "truth.npz")
    found = regression.scores({"pose": np.array([[7, 1]], np.float32)}, truth, numbers, shared)
    assert {key: score.estimate(2, 0).value for key, score in found.items() if key[0] == "mae"} == {("mae", "tilt"): 2}


@pytest.mark.parametrize("has_more", [False, True], ids=["alike", "shared"])
def test_the_unit_of_points_is_the_annotations_whatever_a_network_names_first(has_more: bool) -> None:
    """Eyes are 4 px apart, ears 10; of two images one has no eyes, and every prediction is 1 px off."""
    names = ("left_eye", "right_eye", "left_ear", "right_ear")
    pairs = (names[:2], names[2:])
    points = np.array([[[6, 8], [10, 8], [3, 8], [13, 8]]] * 2, np.float32)
    points[1, :2] = np.nan
    visible = ~np.isnan(points[..., 0])
    truth = Annotations(keypoints=points, visible=visible, names=LabelNames(keypoints=names, swapped=pairs))
    eyes_first = LabelSpec("keypoints", names, 16, 4, 4, swapped=pairs)
    ears_first = LabelSpec("keypoints", names[::-1], 16, 4, 4, swapped=pairs[::-1])
    eyeless = LabelSpec("keypoints", ("left_ear", "right_ear"), 16, 2, 2, swapped=pairs[1:])
    networks = {"eyes": eyes_first, "ears": ears_first} | ({"eyeless": eyeless} if has_more else {})
    shared = shared_names(networks, truth, "truth.npz")
    for network in networks.values():
        places = [names.index(name) for name in network.names]
        predicted = {"keypoints": np.nan_to_num(points)[:, places] + np.array([0, 1], np.float32)}
        found = keypoints.scores(predicted, truth, network, *([shared] if shared.differ else []))
        assert found["nme", ""].estimate(2, 0).value == 0.25
        assert found["pck@0.1", ""].estimate(2, 0).value == 0
        assert {score.count for score in found.values()} == {1}, "images that have the pair"


def test_points_of_two_domains_are_compared_in_the_unit_of_the_first() -> None:
    points = np.array([[[6, 8], [10, 8], [8, 12]]], np.float32)
    whole = LabelSpec("keypoints", ("left_eye", "right_eye", "nose"), 16, 3, 3, swapped=(("left_eye", "right_eye"),))
    compare = keypoints.comparison(whole, LabelSpec("keypoints", ("nose",), 16, 1, 1))
    assert compare is not None
    assert compare(points, points[:, 2:] + np.array([0, 1], np.float32)).tolist() == [0.25]
