"""Sheets: where each image lands."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from stylealign.errors import StyleAlignError
from stylealign.images import to_pixels
from stylealign.report.sheets import enlarge, grid, labelled_rows, save_picture, save_png


def _flat(*values):
    return np.stack([np.full((3, 4, 6), value, np.uint8) for value in values])


def test_a_grid_goes_row_by_row_and_leftover_cells_are_white():
    sheet = grid(_flat(10, 20, 30), columns=2)
    assert sheet.shape == (3, 8, 12)
    assert (sheet[0, 0, 0], sheet[0, 0, 6], sheet[0, 4, 0], sheet[0, 4, 6]) == (10, 20, 30, 255)


def test_a_gap_lies_between_cells_only():
    sheet = grid(_flat(1, 2, 3, 4), columns=2, gap=3)
    assert sheet.shape == (3, 11, 15)
    assert (sheet[:, 4:7] == 255).all()
    assert (sheet[:, :, 6:9] == 255).all()
    assert sheet[0, -1, -1] == 4


def test_labels_stand_in_a_margin_of_their_own():
    sheet = labelled_rows([("source", _flat(1, 2, 3)), ("reconstruction", _flat(4))], gap=0)
    assert sheet[0, 0, -18] == 1
    assert sheet[0, 4, -18] == 4
    assert sheet[0, 4, -1] == 255
    assert sheet[:, :, :-18].min() < 128


def test_enlarging_repeats_pixels():
    assert enlarge(np.array([[1, 2]]), 2).tolist() == [[1, 1, 2, 2], [1, 1, 2, 2]]


def test_pixels_are_rounded_and_clamped():
    images = torch.tensor([-2.0, -1.0, 0.0, 1.0, 1.5]).reshape(1, 1, 1, 5)
    assert to_pixels(images).ravel().tolist() == [0, 0, 128, 255, 255]


def test_a_png_holds_the_pixels(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (3, 5, 7), dtype=np.uint8)
    save_png(tmp_path / "a.png", pixels)
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "a.png")).transpose(2, 0, 1), pixels)


def test_a_picture_has_the_format_of_its_name(tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 256, (3, 8, 8), dtype=np.uint8)
    for suffix in (".png", ".webp"):
        save_picture(tmp_path / f"a{suffix}", image)
        with Image.open(tmp_path / f"a{suffix}") as read:
            np.testing.assert_array_equal(np.asarray(read.convert("RGB")).transpose(2, 0, 1), image)
    with pytest.raises(StyleAlignError, match=r"a\.tga: a picture ends in \.png"):
        save_picture(tmp_path / "a.tga", image)
    with pytest.raises(StyleAlignError, match=r"a\.webp: a WEBP has at most 16383 px a side, not 16384"):
        save_picture(tmp_path / "a.webp", np.zeros((3, 1, 16384), np.uint8))


def test_a_label_of_any_bytes(tmp_path: Path) -> None:
    images = np.zeros((1, 3, 16, 16), np.uint8)
    assert (labelled_rows([("caf\udce9", images)]) == labelled_rows([("caf\\udce9", images)])).all()
