"""The figure of style channels that parent and child share."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from stylealign.checkpoints import native
from stylealign.cli.main import main
from stylealign.images import to_pixels
from stylealign.latents.directions import channel_place
from stylealign.report.channels import LATENTS, change_of, channels_sheet, moved
from stylealign.report.figures import read_sheet
from stylealign.sampling import seeded_z
from tests.report.test_edits import SMALL, generator

SHARED = {"eyes": ["b32.conv0/2", "b8.conv1/0"], "top": ["b16.conv1/3"]}


def test_the_image_itself_both_ends_and_the_change() -> None:
    model = generator(0)
    images = moved(model, channel_place(SMALL, "b32.conv0/1"), 4.0).reshape(LATENTS, 4, 3, 64, 64)
    with torch.inference_mode():
        own = to_pixels(model(seeded_z(LATENTS, 6, 0)))
    assert np.array_equal(images[:, 1], own)
    assert images[:, 3].max(axis=(1, 2, 3)).tolist() == [255] * LATENTS
    still = moved(model, 0, 0.0).reshape(LATENTS, 4, 3, 64, 64)
    assert not still[:, 3].any()


def test_a_change_is_white_where_it_is_largest() -> None:
    one, other = np.zeros((1, 3, 1, 2), np.uint8), np.zeros((1, 3, 1, 2), np.uint8)
    other[0, :, 0] = [[10, 5], [10, 5], [10, 5]]
    assert change_of(one, other)[0, :, 0].tolist() == [[255, 128]] * 3


def test_a_block_a_channel_and_a_row_a_model() -> None:
    models = {"parent": generator(0), "child": generator(1)}
    one, three = (channels_sheet(models, shared) for shared in ({"eyes": SHARED["eyes"][:1]}, SHARED))
    assert three.shape[1] * three.shape[2] > 2.5 * one.shape[1] * one.shape[2]


def test_from_rows_to_the_figure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    native.save(tmp_path / "a.safetensors", generator=generator(0))
    rows, picture = tmp_path / "rows.json", tmp_path / "channels.png"
    words = ["figures", "channels", f"a={tmp_path / 'a.safetensors'}", "--channels", str(rows), "--out", str(picture)]
    for shared, told in (
        (SHARED, None),
        ({"top": ["b16.conv1/99"]}, "b16.conv1 has the channels 0 to 3"),
        (None, "names no channels; give rows of evaluate alignment-channels"),
        ({}, None),
    ):
        rows.write_text(json.dumps({"rows": [], "provenance": {} if shared is None else {"shared_channels": shared}}))
        assert main(words) == (2 if told else 0)
        assert (told or "") in capsys.readouterr().err
    assert read_sheet(picture).shape[2] > 512
