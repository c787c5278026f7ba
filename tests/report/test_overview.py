"""The picture of the whole idea, and the command that makes it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from stylealign.applications.labels.networks import LabelSpec, network_of, save_label_network
from stylealign.applications.translation import draw
from stylealign.checkpoints import native
from stylealign.cli.main import main
from stylealign.networks.generator import Generator
from stylealign.report.figures import CLASS_COLOURS
from stylealign.report.overview import overview
from tests.report.test_edits import SMALL, generator

CELL = 130


class SeesHair:
    """A label network that sees class 5 in every pixel."""

    spec = LabelSpec("segmentation", ("background", "skin", "eyes", "eyewear", "mouth", "top"), SMALL.resolution, 6, 0)
    training, device = False, torch.device("cpu")

    def __call__(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        maps = torch.zeros(len(images), 6, *images.shape[2:])
        maps[:, 5] = 1
        return {"maps": maps}


def test_each_row_is_a_picture_and_shows_more_of_one_child() -> None:
    models: dict[str, Generator] = {name: generator(seed) for seed, name in enumerate(("parent", "a", "b"))}
    parent = models.pop("parent")
    codes = parent.mapping(torch.randn(3, SMALL.z_dim, generator=torch.Generator().manual_seed(0))).detach()
    pictures = np.full((3, 3, 64, 64), 9, np.uint8)
    plain = overview(pictures, codes, parent, models)
    sheet = overview(pictures, codes, parent, models, {"a": SeesHair(), "b": SeesHair()})  # type: ignore[dict-item]
    assert sheet.shape == (3, plain.shape[1], plain.shape[2] + CELL)
    left = sheet.shape[2] - 8 * CELL + 2  # picture, reconstruction, two children, labels, three of the morph
    top = sheet.shape[1] - 3 * CELL + 2

    def cell(row: int, column: int) -> np.ndarray:
        y, x = top + row * CELL, left + column * CELL
        return sheet[:, y : y + 128 : 2, x : x + 128 : 2]

    for row, name in enumerate(("a", "b", "a")):
        with torch.inference_mode():
            child = draw(models[name], codes)[row]
        assert (cell(row, 0) == 9).all()
        np.testing.assert_array_equal(cell(row, 2 + ["a", "b"].index(name)), child)
        mixed = child * 0.4 + np.array(CLASS_COLOURS["top"])[:, None, None] * 0.6
        np.testing.assert_allclose(cell(row, 4), mixed, atol=0.6)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for seed, name in enumerate(("parent", "child")):
        native.save(tmp_path / f"{name}.safetensors", generator=generator(seed))
    Image.new("RGB", (70, 80), (9, 9, 9)).save(tmp_path / "one.png")
    for task in ("segmentation", "pose"):
        spec = LabelSpec(task, ("one", "two"), SMALL.resolution, 2, 2)
        save_label_network(tmp_path / f"{task}.safetensors", network_of(spec), {})
    return tmp_path


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["a=parent.safetensors", "b=child.safetensors"], "--data: give pictures of the parent's domain"),
        (["a=parent.safetensors", "--data", "one.png"], "give the parent and at least one child"),
        (["--labels", "c=pose.safetensors"], "'c' is none of the children b"),
        (["--labels", "b=pose.safetensors"], "pose.safetensors: labels of the task pose are not drawn"),
        (["--labels", "b=child.safetensors"], "child.safetensors: not a label network"),
        (["--data", "none.png"], "none.png: "),
    ],
)
def test_what_cannot_be_shown_is_told(
    folder: Path, words: list[str], told: str, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.chdir(folder)
    if words[0].startswith("--"):
        words = ["a=parent.safetensors", "b=child.safetensors", "--data", "one.png", *words]
    assert main(["figures", "overview", *words, "--out", "x.png"]) == 2
    errors = capsys.readouterr().err
    assert told in errors and len(errors.splitlines()) == 1
    assert not (folder / "x.png").exists()


def test_the_bundled_models_are_a_family_of_four(monkeypatch: pytest.MonkeyPatch, capsys: Any, tmp_path: Path) -> None:
    seen: dict[str, Any] = {}

    def found(parent: Generator, pictures: np.ndarray, steps: int) -> torch.Tensor:
        seen["pictures"] = pictures
        return parent.mapping.w_avg.expand(len(pictures), parent.architecture.num_ws, -1)

    monkeypatch.setattr("stylealign.cli.overview_figure._codes", found)
    assert main(["figures", "overview", "--images", "1", "--taught", "0", "--out", str(tmp_path / "x.png")]) == 0
    assert seen["pictures"].shape == (1, 3, 64, 64)
    with Image.open(tmp_path / "x.png") as image:
        assert image.width > 8 * CELL
