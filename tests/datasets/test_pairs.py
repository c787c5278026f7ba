"""Drawn pairs: the same pose in two domains, and the same figure in ink."""

from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from stylealign.config import PairSettings
from stylealign.datasets.annotations import Annotations
from stylealign.datasets.drawing import draw_pairs
from stylealign.datasets.images import ImageZip
from stylealign.datasets.label_names import LabelNames
from stylealign.datasets.pairs import (
    SAME_FIGURE,
    SAME_POSE,
    agreement,
    agreements_of_classes,
    drawn_pairs,
    shuffled,
)
from stylealign.errors import StyleAlignError


def test_both_sides_have_the_same_poses_and_grounds() -> None:
    (images, one), (others, other) = drawn_pairs("human", "bottts", SAME_POSE, 4, 0, 32)
    np.testing.assert_array_equal(one.pose, other.pose)
    np.testing.assert_array_equal(one.attributes["background_colour"], other.attributes["background_colour"])
    assert images.shape == others.shape == (4, 3, 32, 32)
    assert len({tuple(pose) for pose in one.pose.tolist()}) == 4
    _, (again, _) = drawn_pairs("human", "bottts", SAME_POSE, 2, 0, 32)
    np.testing.assert_array_equal(others[:2], again)


def test_poses_do_not_depend_on_the_target() -> None:
    one, other = (drawn_pairs("human", target, SAME_POSE, 3, 5, 32)[0][1] for target in ("animal", "toon-head"))
    np.testing.assert_array_equal(one.pose, other.pose)
    np.testing.assert_array_equal(one.segmentation, other.segmentation)


def test_a_domain_with_itself_has_other_figures_in_the_same_pose() -> None:
    (images, one), (others, other) = drawn_pairs("human", "human", SAME_POSE, 3, 0, 32)
    np.testing.assert_array_equal(one.pose, other.pose)
    assert (images != others).any(axis=(1, 2, 3)).all()


def test_the_same_pose_agrees_more_than_another_and_the_same_figure_wholly() -> None:
    (_, one), (_, other) = drawn_pairs("human", "toon-head", SAME_POSE, 40, 0, 32)
    assert agreement(one, other) > agreement(one, shuffled(other)) + 0.05
    for source, target in (("human", "ink"), ("ink", "human")):
        (images, person), (drawn, inked) = drawn_pairs(source, target, SAME_FIGURE, 3, 0, 64)
        assert agreement(person, inked) == 1
        assert (images != drawn).any()


def test_the_same_figure_is_asked_for_only_where_there_is_one() -> None:
    with pytest.raises(StyleAlignError, match="kind: human and bottts have no same-figure pairs"):
        drawn_pairs("human", "bottts", SAME_FIGURE, 1, 0, 32)


def test_classes_are_matched_by_name_and_counted_where_both_have_them() -> None:
    one = Annotations(
        segmentation=np.array([[[0, 1], [1, 2]]], np.uint8), names=LabelNames(("background", "skin", "eyes"))
    )
    other = Annotations(
        segmentation=np.array([[[0, 2], [2, 2]]], np.uint8), names=LabelNames(("background", "top", "skin"))
    )
    assert agreements_of_classes(one, other) == {"background": 1.0, "skin": pytest.approx(2 / 3)}
    assert agreement(one, other) == pytest.approx(5 / 6)
    alone = Annotations(segmentation=np.zeros((1, 2, 2), np.uint8), names=LabelNames(("background", "hills")))
    assert np.isnan(agreement(one, alone))


def test_pairs_on_disk(tmp_path: Path) -> None:
    settings = PairSettings(target="ink", kind="same-figure", pairs=2, resolution_px=64)
    assert draw_pairs(settings, tmp_path) == {"pairs": 2}
    one, other = (Annotations.load(tmp_path / f"{side}.annotations.npz") for side in ("source", "target"))
    assert agreement(one, other) == 1
    assert len(ImageZip(tmp_path / "target.zip")) == 2
    with pytest.raises(ValidationError, match="resolution_px: 16 is too small for the parts of ink; use 64 or more"):
        PairSettings(target="ink", pairs=1, resolution_px=16)
