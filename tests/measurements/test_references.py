"""References of drawn pairs: what the same pose gives, what one figure in two renderings gives, what chance gives."""

import json
from pathlib import Path

import numpy as np
import pytest

from stylealign.cli.main import main
from stylealign.config import PairSettings
from stylealign.datasets.drawing import draw_pairs
from stylealign.measurements.rows import Row, read_rows
from stylealign.metrics.structure import eye_vectors, keypoint_errors

SIDES = ("source", "target")


def drawn(folder: Path, **settings: object) -> list[str]:
    draw_pairs(PairSettings(**{"pairs": 12, "resolution_px": 64, **settings}), folder)  # type: ignore[arg-type]
    return [
        flag
        for side in SIDES
        for flag in (
            f"--{side}-images={folder / side}.zip",
            f"--{side}-annotations={folder / side}.annotations.npz",
        )
    ]


def evaluate(out: Path, files: list[str], method: str) -> dict[tuple[str, str, str, str], Row]:
    names = ["--parent-name", "human", "--child-name", "child", "--method", method]
    settings = ["--settings", json.dumps({"bootstrap": 20})]
    assert main(["evaluate", "references", *files, *names, *settings, "--out", str(out)]) == 0
    return {(row.table, row.method, row.setting, row.metric): row for row in read_rows(out)[0]}


def test_the_same_figure_agrees_wholly_and_another_in_its_pose_more_than_chance(tmp_path: Path) -> None:
    ink = evaluate(tmp_path / "ink.json", drawn(tmp_path / "ink", target="ink", kind="same-figure"), "same figure")
    pointwise, segmentation = "alignment_pointwise", "zero_shot_segmentation"
    assert ink[pointwise, "same figure", "annotations", "segmentation_agreement"].value == 1
    assert ink[pointwise, "same figure", "annotations", "keypoint_error"].value == 0
    assert ink[segmentation, "same figure", "", "miou"].value == 1
    assert not any(method == "drawn pairs, shuffled" for _, method, _, _ in ink)
    files = [*drawn(tmp_path / "robot", target="bottts"), "--shuffled"]
    robot = evaluate(tmp_path / "robot.json", files, "same pose")
    pose, chance = (
        {
            metric: row.value
            for (table, own, setting, metric), row in robot.items()
            if own == method and (table, setting) == (pointwise, "annotations")
        }
        for method in ("same pose", "drawn pairs, shuffled")
    )
    assert pose["rotation_correlation"] == pytest.approx(1)
    assert chance["rotation_correlation"] < 0.9
    assert pose["segmentation_agreement"] > chance["segmentation_agreement"]
    assert pose["keypoint_error"] < chance["keypoint_error"]
    assert not {metric for metric in pose if metric.startswith("w_")}, "no latent made these images"


def test_classes_that_a_domain_lacks_have_no_number_and_are_left_out_of_the_mean(tmp_path: Path) -> None:
    found = evaluate(tmp_path / "robot.json", drawn(tmp_path / "robot", target="bottts"), "pose")
    ious = {setting: row.value for (_, _, setting, metric), row in found.items() if metric == "iou"}
    assert ious["clothes"] is None
    mean = np.mean([value for value in ious.values() if value is not None])
    assert found["zero_shot_segmentation", "pose", "", "miou"].value == pytest.approx(mean)


def test_sides_of_unlike_length_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = drawn(tmp_path / "one", target="animal", pairs=2, resolution_px=32)[:2]
    files += drawn(tmp_path / "other", target="animal", pairs=3, resolution_px=32)[2:]
    assert main(["evaluate", "references", *files, "--child-name", "animal", "--out", str(tmp_path / "rows.json")]) == 2
    assert "give both sides of `stylealign data pairs`" in capsys.readouterr().err


def test_a_key_point_that_one_side_lacks_does_not_count() -> None:
    one = np.array([[[0, 0], [4, 0], [2, 2]], [[0, 0], [4, 0], [np.nan, np.nan]], [[np.nan, 0], [4, 0], [2, 2]]])
    other = one + np.array([0, 1])
    other[0, 2] = np.nan
    eyes = eye_vectors(one.astype(np.float32), ("left", "right", "nose"), [("left", "right")], 16)
    errors = keypoint_errors(one.astype(np.float32), other.astype(np.float32), eyes)
    np.testing.assert_allclose(errors, [0.25, 0.25, np.nan])
