"""Figures: the right pixels in the right place."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from stylealign.cli.main import main
from stylealign.datasets.figures import SEGMENTATION_CLASSES
from stylealign.errors import StyleAlignError
from stylealign.report.figures import (
    CELL_PX,
    CLASS_COLOURS,
    class_colours,
    image_rows,
    mark_points,
    read_sheet,
    segmentation_overlay,
    stacked,
    tiled,
)


def images(count: int, size: int = 8, value: int = 100) -> np.ndarray:
    return np.full((count, 3, size, size), value, np.uint8)


def test_small_images_are_enlarged_by_a_whole_factor() -> None:
    sheet = image_rows({"a": images(3), "b": images(2)})
    assert sheet.dtype == np.uint8
    assert sheet.shape[1] == 2 * CELL_PX + 2
    assert (sheet[:, :CELL_PX, -CELL_PX:] == 100).all()
    assert (sheet[:, -CELL_PX:, -CELL_PX:] == 255).all(), "a shorter row ends in white"


def test_many_images_fill_several_lines() -> None:
    one, three = image_rows({"a": images(6)}), image_rows({"a": images(6)}, lines=3)
    assert three.shape[1] == 3 * one.shape[1] + 4
    assert three.shape[2] < one.shape[2]


def test_blocks_taller_than_all_of_them_are_wide_stand_side_by_side() -> None:
    assert tiled(np.zeros((3, 202, 10), np.uint8), 2, row_gap=2, gap=4).shape == (3, 100, 24)
    assert tiled(np.zeros((3, 100, 10), np.uint8), 1, row_gap=2).shape == (3, 100, 10)


@pytest.mark.parametrize(("blocks", "lines"), [(1, 1), (3, 3), (4, 2), (5, 3), (9, 5)])
def test_a_sheet_taller_than_wide_goes_on_in_the_next_column(blocks: int, lines: int) -> None:
    height, width, gap = 30, 100, 10
    sheet = np.full((3, blocks * (height + 2) - 2, width), 255, np.uint8)
    for block in range(blocks):
        sheet[:, block * (height + 2) : block * (height + 2) + height] = block
    told = tiled(sheet, blocks, row_gap=2, gap=gap)
    assert told.shape[1] <= told.shape[2]
    for block in range(blocks):
        top, left = block % lines * (height + 2), block // lines * (width + gap)
        assert (told[:, top : top + height, left : left + width] == block).all()


@pytest.mark.parametrize("height", [10, 90, 98, 140, 180, 298, 500])
@pytest.mark.parametrize("blocks", range(1, 10))
def test_every_column_of_a_sheet_has_a_block(blocks: int, height: int) -> None:
    sheet = np.zeros((3, blocks * (height + 2) - 2, 100), np.uint8)
    told = tiled(sheet, blocks, row_gap=2, gap=10)
    assert (told[:, :, -100:] == 0).any(), "the last column"
    assert (told == 0).sum() >= blocks * height * 100 * 3


def test_rows_of_different_resolution_are_refused() -> None:
    with pytest.raises(StyleAlignError, match=r"different resolution \(a 8 px, b 16 px\)"):
        image_rows({"a": images(1, 8), "b": images(1, 16)})


def test_every_class_has_a_colour_of_its_own() -> None:
    assert tuple(CLASS_COLOURS) == SEGMENTATION_CLASSES
    names = [*SEGMENTATION_CLASSES, *map(str, range(30))]
    colours = class_colours(names).astype(int)
    apart = np.abs(colours[:, None] - colours[None]).sum(axis=2)
    assert apart[~np.eye(len(names), dtype=bool)].min() > 60


def test_a_class_has_its_colour_by_name_wherever_it_stands() -> None:
    named = {name: class_colours(SEGMENTATION_CLASSES)[place].tolist() for place, name in enumerate(CLASS_COLOURS)}
    assert named == {name: list(colour) for name, colour in CLASS_COLOURS.items()}
    few = ("background", "wall", "mouth", "roof", "clothes")
    found = dict(zip(few, class_colours(few).tolist(), strict=True))
    assert (found["mouth"], found["clothes"]) == (named["mouth"], named["clothes"])
    assert class_colours(["wall", "eyes", "roof"]).tolist() == [found["wall"], named["eyes"], found["roof"]]


def test_an_overlay_keeps_the_background_and_mixes_the_rest() -> None:
    classes = np.zeros((1, 8, 8), np.uint8)
    classes[0, 0, 0] = 1
    overlay = segmentation_overlay(images(1), classes, SEGMENTATION_CLASSES)
    assert (overlay[0, :, 1, 1] == 100).all()
    assert overlay[0, :, 0, 0].tolist() == [round(100 * 0.4 + channel * 0.6) for channel in CLASS_COLOURS["skin"]]


def test_points_are_marked_where_they_are_if_shown() -> None:
    points = np.array([[[2.5, 6.5], [1.0, 1.0], [99.0, 99.0]]], np.float32)
    marked = mark_points(images(1), points, np.array([[True, False, True]]), scale=4)
    assert marked.shape == (1, 3, 32, 32)
    assert marked[0, :, 26, 10].tolist() == [255, 255, 0]
    changed = np.argwhere((marked[0] != 100).any(axis=0))
    assert changed.min(axis=0).tolist() == [25, 9]
    assert changed.max(axis=0).tolist() == [27, 11]


def test_sheets_of_different_size_are_stacked_on_white() -> None:
    sheet = stacked({"a": np.zeros((3, 4, 10), np.uint8), "b": np.zeros((3, 2, 5), np.uint8)}, gap=1)
    assert sheet.shape == (3, 7, 10)
    assert (sheet[:, 4] == 255).all()
    assert (sheet[:, 5:, 5:] == 255).all()
    assert (sheet[:, 5:, :5] == 0).all()


def test_a_damaged_sheet_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(StyleAlignError, match=r"x.png: cannot be read as an image"):
        read_sheet(tmp_path / "x.png")


def test_the_morphing_figure_shows_the_strips(tmp_path: Path, capsys: Any) -> None:
    Image.new("RGB", (20, 10), (1, 2, 3)).save(tmp_path / "strip.png")
    out = tmp_path / "figure.png"
    assert main(["figures", "morphing", f"animal={tmp_path}/strip.png", "--out", str(out)]) == 0
    assert read_sheet(out).shape == (3, 600, 1200), "small strips are enlarged"
    assert read_sheet(out)[:, 5, 5].tolist() == [1, 2, 3]


@pytest.mark.parametrize("kind", ["morphing", "samples"])
def test_a_label_given_twice_is_refused(kind: str, tmp_path: Path, capsys: Any) -> None:
    assert main(["figures", kind, "one=a.png", "two=b.png", "one=c.png", "--out", str(tmp_path / "x.png")]) == 2
    assert "two rows are called 'one'" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["strip.png", "=strip.png", "animal="])
def test_a_row_without_label_or_file_is_refused(text: str, capsys: Any) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["figures", "morphing", text, "--out", "x.png"])
    assert "is not NAME=FILE" in capsys.readouterr().err
