"""Annotation files: round trip and what a damaged one gets."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from stylealign.datasets.annotations import KEYPOINTS, POSE, SEGMENTATION_CLASSES, Annotations
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
        attribute_values={"hat": ["no", "yes"]},
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


def test_other_key_points_are_refused(
    tmp_path: Path, annotations: Annotations, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.npz"
    with monkeypatch.context() as patch:
        patch.setattr("stylealign.datasets.annotations.KEYPOINTS", ("nose",))
        annotations.save(path)
    with pytest.raises(StyleAlignError, match="other classes or key points"):
        Annotations.load(path)
