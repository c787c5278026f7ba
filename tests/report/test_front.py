"""The front of quality against alignment."""

import dataclasses
from pathlib import Path

import pytest
from PIL import Image

from stylealign.errors import StyleAlignError
from stylealign.measurements.rows import Row
from stylealign.report.curves import points_by_method
from stylealign.report.front import draw_front, looks_of, points_by_model, references, way_of


def rows(model: str, method: str = "child") -> list[Row]:
    """Return the rows of two snapshots, the later one first."""
    found = []
    for kimg in (24.0, 8.0):
        values = {"kimg": kimg, "fid": 900 - kimg, "share": kimg / 100, "score": 1 - kimg / 100, "chance": 0.1}
        values["segmentation_agreement"] = 1 - kimg / 50
        for metric, value in values.items():
            features = "efficientnet-lite0" if metric in ("fid", "share") else ""
            found.append(Row("alignment_curve", "human", model, method, f"{kimg:g} kimg", metric, features, value))
    return found


def test_the_points_of_each_model() -> None:
    found = points_by_model([*rows("ink"), *rows("ink", "unaligned")])
    assert list(found) == ["ink", "ink-unaligned"]
    assert [point["kimg"] for point in found["ink"]] == [8, 24]
    assert found["ink"][0]["score"] == 0.92
    with pytest.raises(StyleAlignError, match="no rows of the table alignment_curve"):
        points_by_model([])


def test_two_controls_are_two_lines() -> None:
    second = [dataclasses.replace(row, setting=f"{row.setting}, third-parent") for row in rows("ink", "unaligned")]
    everything = [*rows("ink"), *rows("ink", "unaligned"), *second]
    assert list(points_by_model(everything)) == ["ink", "ink-unaligned", "third-parent"]
    curves = points_by_method(everything)
    assert list(curves) == ["child", "unaligned", "unaligned third-parent"]
    assert [kimg for kimg, _ in curves["unaligned third-parent"]] == [8, 24]


def test_ways_by_their_names() -> None:
    assert [way_of(name) for name in ("ink-features-2", "ink-features-3-s1", "ink-s0", "toon-head")] == [
        "ink-features",
        "ink-features",
        "ink",
        "toon-head",
    ]


def test_models_of_one_way_share_a_colour_and_no_marker() -> None:
    first, *ways = looks_of(["ink", "ink-features-1", "ink-features-2", "ink-rates-1"]).values()
    assert [look["color"] for look in (first, *ways)] == ["C0", "C1", "C1", "C2"]
    assert [look["marker"] for look in (first, *ways)] == ["o", "o", "^", "o"]
    many = looks_of([f"ink-{way}" for way in "abcdefghijk"])
    assert (many["ink-a"]["linestyle"], many["ink-k"]["linestyle"]) == ("-", "--")
    assert many["ink-a"]["color"] == many["ink-k"]["color"]


REFERENCES = [
    Row("generators", "human", "ink", "parent", "", "fid", "efficientnet-lite0", 2000.0),
    Row("generators", "human", "ink", "parent", "", "share", "efficientnet-lite0", 0.02),
    Row("alignment_pointwise", "human", "ink", "drawn pairs, same pose", "", "segmentation_agreement", "", 0.5),
    Row(
        "alignment_pointwise",
        "human",
        "ink",
        "drawn pairs, same pose",
        "annotations",
        "segmentation_agreement",
        "",
        0.6,
    ),
    Row("alignment_pointwise", "human", "ink", "drawn pairs, shuffled", "", "segmentation_agreement", "", 0.2),
]


def test_the_references_are_the_parent_unchanged_and_pairs_as_the_networks_see_them() -> None:
    parent, pairs = references([*rows("ink"), *REFERENCES])
    assert parent == {"fid": 2000.0, "share": 0.02}
    assert pairs == {"drawn pairs, same pose": 0.5}


@pytest.mark.parametrize("has_labels", [True, False])
def test_the_figure(tmp_path: Path, has_labels: bool) -> None:
    names = ["ink", *(f"ink-{way}-{i}" for way in "abcdefghijk" for i in (1, 2))]
    drawn = [row for name in names for row in rows(name) if has_labels or row.metric != "segmentation_agreement"]
    draw_front(tmp_path / "front.png", [*drawn, *REFERENCES])
    with Image.open(tmp_path / "front.png") as picture:
        assert picture.height > 1000 if has_labels else 500 < picture.height < 600
