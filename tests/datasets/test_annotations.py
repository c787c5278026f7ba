"""Annotation files: round trip and what a damaged one gets."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from stylealign.datasets.annotations import UNKNOWN_CLASS, UNKNOWN_VALUE, Annotations, renumbered
from stylealign.datasets.avatars import POSE
from stylealign.datasets.figures import KEYPOINTS, SEGMENTATION_CLASSES
from stylealign.datasets.label_names import LabelNames, mirrored_order, sides_of
from stylealign.errors import StyleAlignError


@pytest.fixture
def annotations() -> Annotations:
    rng = np.random.default_rng(0)
    return Annotations(
        segmentation=rng.integers(0, len(SEGMENTATION_CLASSES), (4, 8, 8), dtype=np.uint8),
        keypoints=rng.random((4, len(KEYPOINTS), 2), dtype=np.float32),
        visible=rng.random((4, len(KEYPOINTS))) < 0.5,
        pose=rng.random((4, len(POSE)), dtype=np.float32),
        attributes={"hat": np.array([0, 1, 1, 0])},
        names=LabelNames(SEGMENTATION_CLASSES, KEYPOINTS, POSE, {"hat": ["no", "yes"]}),
    )


def test_round_trip(tmp_path: Path, annotations: Annotations) -> None:
    annotations.save(tmp_path / "a.npz")
    loaded = Annotations.load(tmp_path / "a.npz")
    for field in ("segmentation", "keypoints", "visible", "pose"):
        np.testing.assert_array_equal(getattr(loaded, field), getattr(annotations, field))
        assert getattr(loaded, field).dtype == getattr(annotations, field).dtype
    np.testing.assert_array_equal(loaded.attributes["hat"], [0, 1, 1, 0])
    assert loaded.attribute_values == {"hat": ["no", "yes"]}
    assert len(loaded) == 4


def test_missing_truncated_and_foreign_files_are_named(tmp_path: Path, annotations: Annotations) -> None:
    path = tmp_path / "a.npz"
    with pytest.raises(StyleAlignError, match=r"a\.npz: no such file"):
        Annotations.load(path)
    annotations.save(path)
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(StyleAlignError, match=r"a\.npz: not readable annotations"):
        Annotations.load(path)
    np.savez(path, values=np.zeros(3))
    with pytest.raises(StyleAlignError, match=r"a\.npz: not readable annotations"):
        Annotations.load(path)


def test_arrays_of_different_lengths_are_refused(tmp_path: Path, annotations: Annotations) -> None:
    path = tmp_path / "a.npz"
    dataclasses.replace(annotations, pose=annotations.pose[:3]).save(path)
    with pytest.raises(StyleAlignError, match="do not belong together"):
        Annotations.load(path)


OWN = LabelNames(
    ("floor", "car"),
    ("axle", "port", "starboard"),
    ("tilt", "size"),
    {"paint": ["red", "blue"]},
    swapped=(("port", "starboard"),),
    negated=("tilt",),
)


def own() -> Annotations:
    rng = np.random.default_rng(1)
    return Annotations(
        segmentation=rng.integers(0, 2, (3, 8, 8), dtype=np.uint8),
        keypoints=rng.random((3, 3, 2), dtype=np.float32),
        visible=np.ones((3, 3), dtype=bool),
        pose=rng.random((3, 2), dtype=np.float32),
        attributes={"paint": np.array([0, 1, 1])},
        names=OWN,
    )


def test_any_names_and_their_mirroring_are_kept(tmp_path: Path) -> None:
    own().save(tmp_path / "a.npz")
    assert Annotations.load(tmp_path / "a.npz").names == OWN


def test_what_names_say_about_mirroring_is_not_written_but_read(tmp_path: Path, annotations: Annotations) -> None:
    annotations.save(tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz") as file:
        assert set(json.loads(str(file["names"]))) == {"classes", "keypoints", "pose", "values"}
    names = Annotations.load(tmp_path / "a.npz").names
    assert names.swapped == (("left_eye", "right_eye"),)
    assert names.negated == ("rotation_deg", "shift_x")


def test_tasks_that_a_domain_lacks(tmp_path: Path) -> None:
    Annotations(attributes={"paint": np.array([0, 1])}, names=LabelNames(attributes=OWN.attributes)).save(
        tmp_path / "a.npz"
    )
    loaded = Annotations.load(tmp_path / "a.npz")
    assert (len(loaded), loaded.segmentation, loaded.keypoints, loaded.pose) == (2, None, None, None)
    assert loaded.belong_to(2, 64)
    assert not loaded.belong_to(3, 64)
    assert not own().belong_to(3, 64)
    Annotations().save(tmp_path / "none.npz")
    with pytest.raises(StyleAlignError, match=r"none\.npz: holds no labels"):
        Annotations.load(tmp_path / "none.npz")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"classes": ("floor",)}, "its segmentation and their names"),
        ({"keypoints": ("port", "starboard")}, "its keypoints and their names"),
        ({"values": ("tilt",)}, "its pose and their names"),
        ({"attributes": {"paint": ["red"]}}, "its attribute.paint and their names"),
        ({"swapped": (("port", "bow"),)}, "mirrors bow, which it does not name"),
    ],
)
def test_names_that_do_not_fit_the_arrays_are_refused(tmp_path: Path, change: dict, message: str) -> None:
    dataclasses.replace(own(), names=dataclasses.replace(OWN, **change)).save(tmp_path / "a.npz")
    with pytest.raises(StyleAlignError, match=message):
        Annotations.load(tmp_path / "a.npz")


def test_sets_are_matched_by_name() -> None:
    other = LabelNames(
        ("car", "floor"),
        ("starboard", "axle", "port"),
        ("size", "tilt"),
        {"paint": ["blue", "red"]},
        swapped=(("starboard", "port"),),
        negated=("tilt",),
    )
    mine, theirs = own(), dataclasses.replace(own(), names=other)
    matched = mine.named_like(theirs, "a.npz", "b.npz")
    assert matched.names == other
    np.testing.assert_array_equal(matched.segmentation, 1 - mine.segmentation)
    assert matched.segmentation.dtype == np.uint8
    np.testing.assert_array_equal(matched.keypoints, mine.keypoints[:, [2, 0, 1]])
    np.testing.assert_array_equal(matched.pose, mine.pose[:, ::-1])
    np.testing.assert_array_equal(matched.attributes["paint"], 1 - mine.attributes["paint"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"classes": ("floor", "boat")}, r"a\.npz: names other classes than b\.npz \(boat\)"),
        ({"values": ("tilt", "size", "hue")}, r"other values than b\.npz \(hue\)"),
        ({"attributes": {"paint": ["red", "green"]}}, r"other attributes than b\.npz \(paint=blue\)"),
        ({"negated": ()}, r"a\.npz: mirrors other names than b\.npz"),
    ],
)
def test_sets_of_other_names_are_refused(change: dict, message: str) -> None:
    theirs = dataclasses.replace(own(), names=dataclasses.replace(OWN, **change))
    with pytest.raises(StyleAlignError, match=message):
        own().named_like(theirs, "a.npz", "b.npz")


def test_mirroring_by_name() -> None:
    names = ("right_eye", "left_eye", "left_horn", "mouth")
    assert sides_of(names) == (("left_eye", "right_eye"),)
    assert mirrored_order(names, sides_of(names)) == [1, 0, 2, 3]


@pytest.mark.parametrize(
    ("left", "right"),
    [("l_brow", "r_brow"), ("eye_left", "eye_right"), ("Left Eye", "Right Eye"), ("eyeL", "eyeR"), ("LEFT", "RIGHT")],
)
def test_sides_are_words_of_a_name(left: str, right: str) -> None:
    assert sides_of(("lower", "rower", right, left)) == ((left, right),)


def test_classes_and_numbers_have_sides_too() -> None:
    names = LabelNames(("ground", "l_ear", "r_ear"), ("nose",), ("left", "right"), {"left_open": ["no", "yes"]})
    assert set(names.swapped) == {("l_ear", "r_ear"), ("left", "right")}
    assert names.only({"pose"}).swapped == (("left", "right"),)


def partly_known() -> Annotations:
    """Labels of three images: nothing is known of the last, and little of the second."""
    whole = own()
    whole.segmentation[1:] = UNKNOWN_CLASS
    whole.keypoints[1, 1:], whole.keypoints[2], whole.visible[2], whole.pose[1:] = np.nan, np.nan, False, np.nan
    whole.attributes["paint"][1:] = UNKNOWN_VALUE
    return whole


def test_what_is_not_known_is_kept_and_told(tmp_path: Path) -> None:
    partly_known().save(tmp_path / "a.npz")
    loaded = Annotations.load(tmp_path / "a.npz")
    assert loaded.known().tolist() == [True, True, False]
    assert loaded.only({"pose"}).known().tolist() == [True, False, False]
    assert loaded.rows(np.array([2, 0])).known().tolist() == [False, True]
    np.testing.assert_array_equal(
        renumbered(loaded.segmentation, ("floor", "car"), ("car", "floor"))[1:], UNKNOWN_CLASS
    )
    assert renumbered(loaded.attributes["paint"], ("red", "blue"), ("blue", "red")).tolist() == [1, -1, -1]


def test_a_place_beyond_the_names_is_no_unknown_one(tmp_path: Path) -> None:
    maps = np.full((1, 8, 8), 2, np.uint8)
    Annotations(segmentation=maps, names=LabelNames(("floor", "car"))).save(tmp_path / "a.npz")
    with pytest.raises(StyleAlignError, match="its segmentation and their names"):
        Annotations.load(tmp_path / "a.npz")
