"""Mistakes in COCO files: each is one line that names the file and the field, or a label that is left out by name."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stylealign.datasets.conversion import NotConvertible
from stylealign.datasets.own_labels.coco import CocoMasks, CocoPoints
from stylealign.datasets.own_labels.coco_file import CocoFile
from stylealign.datasets.own_labels.matching import LabelReport, PictureNames
from stylealign.errors import StyleAlignError

SIZE = 8
SQUARE = [[1, 1, 5, 1, 5, 5, 1, 5]]
WHOLE: dict[str, Any] = {
    "images": [{"id": 1, "file_name": "p.png", "width": SIZE, "height": SIZE}],
    "categories": [{"id": 1, "name": "cat", "keypoints": ["nose", "tail"]}],
    "annotations": [
        {"id": 7, "image_id": 1, "category_id": 1, "segmentation": SQUARE, "keypoints": [1, 2, 2, 3, 4, 1]},
    ],
}

Change = Callable[[dict[str, Any]], Any]


def opened(folder: Path, change: Change) -> CocoFile:
    content = copy.deepcopy(WHOLE)
    change(content)
    (folder / "coco.json").write_text(json.dumps(content))
    return CocoFile(folder / "coco.json", PictureNames(["p.png"]), LabelReport())


def of(key: str, **fields: Any) -> Change:
    """Return what changes fields of the first entry under `key`."""
    return lambda content: content[key][0].update(fields)


def more(key: str, **fields: Any) -> Change:
    """Return what adds a second entry under `key`, like the first one with other fields."""
    return lambda content: content[key].append({**content[key][0], **fields})


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (of("images", width="abc"), r"images\.0\.width"),
        (of("images", width=-4), r"images\.0\.width"),
        (of("images", height=2.5), r"images\.0\.height"),
        (of("images", file_name=None), r"images\.0\.file_name"),
        (of("images", id=[1]), r"images\.0\.id: [^.]"),
        (of("annotations", bbox=[1, 2]), r"annotations\.0: bbox has 2 numbers, not 4"),
        (of("annotations", bbox=["a", 1, 1, 1]), r"annotations\.0\.bbox\.0"),
        (of("annotations", area="big"), r"annotations\.0\.area"),
        (of("annotations", area=float("nan")), r"annotations\.0\.area"),
        (of("annotations", segmentation="abc"), r"annotations\.0\.segmentation: [^.]"),
        (of("annotations", keypoints="abc"), r"annotations\.0\.keypoints: [^.]"),
        (of("categories", keypoints="abc"), r"categories\.0\.keypoints"),
        (of("categories", keypoints=["nose", "nose"]), r"categories\.0\.keypoints: two are named 'nose'"),
        (more("images", file_name="q.png"), r"images\.1\.id: 1 stands there already"),
        (more("categories", name="dog"), r"categories\.1\.id: 1 stands there already"),
        (lambda content: content.update(images={"id": 1}), r"images: Input should be a valid list"),
        (lambda content: content.update(annotations=[5]), r"annotations\.0: must be keys with values, not 5"),
    ],
)
def test_a_field_that_is_wrong_is_named(tmp_path: Path, change: Change, field: str) -> None:
    with pytest.raises(StyleAlignError, match=rf"coco\.json: not COCO annotations \({field}") as refused:
        opened(tmp_path, change)
    assert "\n" not in str(refused.value)
    assert "[any]" not in str(refused.value)


@pytest.mark.parametrize("text", ["[1, 2]", "5", "[" * 100_000])
def test_other_json_is_no_coco_file(tmp_path: Path, text: str) -> None:
    (tmp_path / "coco.json").write_text(text)
    with pytest.raises(StyleAlignError, match=r"coco\.json: not COCO annotations"):
        CocoFile(tmp_path / "coco.json", PictureNames(["p.png"]), LabelReport())


def test_what_a_file_may_leave_out(tmp_path: Path) -> None:
    def change(content: dict[str, Any]) -> None:
        content["images"][0].update(width=None, height=0)
        content["annotations"][0].update(bbox=None, area=None)
        del content["annotations"][0]["id"]

    coco = opened(tmp_path, change)
    assert coco.size_of("p.png") is None
    mask = CocoMasks(coco).of("p.png", (SIZE, SIZE))
    assert mask is not None
    assert set(mask.classes.ravel().tolist()) == {0, 1}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content["categories"][0].pop("name"), r"categories\.0\.name: is missing"),
        (of("annotations", segmentation=[]), "no annotation of a picture has a segmentation"),
    ],
)
def test_a_file_without_masks_is_refused(tmp_path: Path, change: Change, message: str) -> None:
    with pytest.raises(StyleAlignError, match=rf"coco\.json: {message}"):
        CocoMasks(opened(tmp_path, change))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (of("annotations", segmentation=[[9, 9, 20, 9, 20, 20]]), "annotation 7: outside of the picture"),
        (of("annotations", segmentation=[[-9, 1, -2, 1, -2, 5]]), "annotation 7: outside of the picture"),
        (of("annotations", segmentation=[[float("nan"), 1, 2, 2, 3, 3]]), "a corner that is no number"),
        (of("annotations", segmentation=[[1e300, 1, 2, 2, 3, 3]]), "a corner at 1e\\+300 px"),
        (of("annotations", segmentation=[[1, 1, 2, 2, 3]]), "a corner without y"),
        (of("annotations", segmentation=[[1, 1, 2, 2]]), "a polygon needs three corners"),
        (of("annotations", segmentation=["abc"]), "a polygon that is no list of numbers"),
        (of("annotations", segmentation=[[[1, 1], [2, 2], [3, 1]]]), "a polygon that is no list of numbers"),
        (
            of("annotations", segmentation={"size": [10, 10], "counts": [50, 50]}),
            r"run lengths of the size \[10, 10\], not \[8, 8\]",
        ),
        (of("annotations", segmentation={"counts": [50, 14]}), "run lengths of the size None"),
        (of("annotations", segmentation={"size": [8, 8], "counts": [5]}), "run lengths of 5 pixels, not of 64"),
        (of("annotations", segmentation={"size": [8, 8], "counts": [-5, 69]}), "run lengths that are no whole numbers"),
        (
            of("annotations", segmentation={"size": [8, 8], "counts": "a b"}),
            "run lengths with the letter ' '",
        ),
        (of("annotations", segmentation={"size": [8, 8], "counts": "0a"}), "compressed run lengths that break off"),
        (of("annotations", category_id=9), r"an annotation of no category of the file \(annotation 7: 9\)"),
        (more("annotations", segmentation=[], keypoints=None, id=8), r"without a segmentation \(annotation 8\)"),
    ],
)
def test_a_shape_that_is_none_is_no_background(tmp_path: Path, change: Change, reason: str) -> None:
    masks = CocoMasks(opened(tmp_path, change))
    with pytest.raises(NotConvertible, match=reason):
        masks.of("p.png", (SIZE, SIZE))


def test_a_picture_without_annotations_is_no_background(tmp_path: Path) -> None:
    """It may be that nobody has labelled it yet."""

    def change(content: dict[str, Any]) -> None:
        content["images"].append({"id": 2, "file_name": "q.png", "width": SIZE, "height": SIZE})

    content = copy.deepcopy(WHOLE)
    change(content)
    (tmp_path / "coco.json").write_text(json.dumps(content))
    masks = CocoMasks(CocoFile(tmp_path / "coco.json", PictureNames(["p.png", "q.png"]), LabelReport()))
    assert masks.of("p.png", (SIZE, SIZE)) is not None
    with pytest.raises(NotConvertible, match="a picture without annotations"):
        masks.of("q.png", (SIZE, SIZE))


def test_an_annotation_of_no_picture_is_named_and_left_out(tmp_path: Path) -> None:
    content = copy.deepcopy(WHOLE)
    more("annotations", image_id=9)(content)
    (tmp_path / "coco.json").write_text(json.dumps(content))
    report = LabelReport()
    coco = CocoFile(tmp_path / "coco.json", PictureNames(["p.png"]), report)
    assert report.rejected == [("coco.json", "annotations.1", "of no image of the file (9)")]
    assert len(coco.images["p.png"][1]) == 1


@pytest.mark.parametrize(
    ("polygon", "expected"),
    [
        ([1, 1, 5, 1, 5, 5, 1, 5], lambda x, y: 1 < x < 5 and 1 < y < 5),
        ([0, 0, 8, 0, 8, 8, 0, 8], lambda x, y: True),
        ([-3, -3, 2.4, -3, 2.4, 20, -3, 20], lambda x, y: x < 2.4),
        ([0, 0, 8, 0, 0, 8], lambda x, y: x + y < 8),
        ([1, 7, 4, 0.2, 7, 7, 4, 4.1], lambda x, y: y < 7 and abs(x - 4) < (y - 0.2) * 3 / 6.8 and not (
            y > 4.1 and abs(x - 4) < (y - 4.1) * 3 / 2.9)),
        ([1, 1.1, 7, 1.1, 1, 6.9, 7, 6.9], lambda x, y: 1.1 < y < 6.9 and abs(x - 4) < abs(y - 4) * 3 / 2.9),
    ],
)  # fmt: skip
def test_pixels_are_of_a_polygon_by_their_centres(tmp_path: Path, polygon: list[float], expected: Any) -> None:
    mask = CocoMasks(opened(tmp_path, of("annotations", segmentation=[polygon]))).of("p.png", (SIZE, SIZE))
    assert mask is not None
    wanted = [[int(expected(x + 0.5, y + 0.5)) for x in range(SIZE)] for y in range(SIZE)]
    assert mask.classes.tolist() == wanted


@pytest.mark.parametrize(
    ("counts", "size", "boxes", "holes"),
    [
        (";450020N00LM7", (9, 7), [(2, 6, 1, 4), (4, 8, 3, 6), (0, 1, 6, 7)], []),
        ("mm2m8?RJKe25Y3ol7", (300, 40), [(5, 290, 10, 13)], [(100, 110, 11, 12)]),
    ],
)
def test_compressed_run_lengths_are_those_of_pycocotools(
    tmp_path: Path, counts: str, size: tuple[int, int], boxes: Any, holes: Any
) -> None:
    """`pycocotools.mask.encode` 2.0.11 wrote them of these rectangles."""

    def change(content: dict[str, Any]) -> None:
        content["images"][0].update(height=size[0], width=size[1])
        content["annotations"][0]["segmentation"] = {"size": list(size), "counts": counts}

    expected = np.zeros(size, np.uint8)
    for value, own in ((1, boxes), (0, holes)):
        for top, bottom, left, right in own:
            expected[top:bottom, left:right] = value
    mask = CocoMasks(opened(tmp_path, change)).of("p.png", size[::-1])
    assert mask is not None
    np.testing.assert_array_equal(mask.classes, expected)


def test_ids_are_the_same_as_numbers_and_as_text(tmp_path: Path) -> None:
    coco = opened(tmp_path, of("annotations", image_id="1", category_id="1"))
    assert CocoMasks(coco).of("p.png", (SIZE, SIZE)) is not None


def test_points_beside_shapes_need_no_shape(tmp_path: Path) -> None:
    mask = CocoMasks(opened(tmp_path, more("annotations", segmentation=[], id=8))).of("p.png", (SIZE, SIZE))
    assert mask is not None
    assert mask.classes.any()


@pytest.mark.parametrize(
    ("points", "reason"),
    [
        ([1, 2, 2], "not three numbers for each key point"),
        ([1, 2, 2, "a", 4, 1], "not three numbers for each key point"),
    ],
)
def test_points_that_are_none(tmp_path: Path, points: list[Any], reason: str) -> None:
    found = CocoPoints(opened(tmp_path, of("annotations", keypoints=points)))
    with pytest.raises(NotConvertible, match=reason):
        found.of("p.png")


@pytest.mark.parametrize(
    ("points", "place", "reason"),
    [
        ([1, 2, 2, 3, None, 1], 1, "a key point that is no number (annotation 7, tail at 3, nan)"),
        ([1, 2, 2, float("inf"), 4, 1], 1, "a key point that is no number (annotation 7, tail at inf, 4)"),
        ([1, 2, 0.87, 3, 4, 1], 0, "a key point whose third number is not 0, 1 or 2 (annotation 7, nose: 0.87)"),
    ],
)
def test_a_point_that_is_none_costs_no_other(tmp_path: Path, points: list[Any], place: int, reason: str) -> None:
    coco = opened(tmp_path, of("annotations", keypoints=points))
    found = CocoPoints(coco).of("p.png")
    assert found is not None
    wanted = np.array([[1.0, 2.0], [3.0, 4.0]])
    wanted[place] = np.nan
    np.testing.assert_array_equal(found.positions, wanted)
    assert found.visible.tolist() == [place == 1, False]
    assert [said for _, _, said in coco.report.rejected] == [reason]


@pytest.mark.parametrize("fields", [{"area": 60, "id": 8}, {"area": 60, "id": 8, "iscrowd": 1, "num_keypoints": 0}])
def test_an_entry_without_a_labelled_point_replaces_none(tmp_path: Path, fields: dict[str, Any]) -> None:
    points = CocoPoints(opened(tmp_path, more("annotations", keypoints=[0] * 6, **fields))).of("p.png")
    assert points is not None
    assert points.positions.tolist() == [[1, 2], [3, 4]]
