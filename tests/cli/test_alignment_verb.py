"""`stylealign alignment`: the score of two models with its parts, and a picture of pairs."""

import json
import re
from pathlib import Path

import pytest
import torch
from PIL import Image

from stylealign.checkpoints import native
from stylealign.cli import alignment
from stylealign.cli.main import main
from stylealign.cli.progress import Progress
from stylealign.networks.architecture import Architecture
from stylealign.networks.generator import Generator

SMALL = Architecture(resolution=16, z_dim=8, w_dim=8, mapping_layers=2, channel_base=64, channel_max=8)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    for seed, name in enumerate(("a", "b", "wide")):
        torch.manual_seed(seed)
        shape = SMALL.model_copy(update={"channel_max": 4}) if name == "wide" else SMALL
        native.save(folder / f"{name}.safetensors", generator=Generator(shape))
    return folder


class Eager(Progress):
    """Prints every step."""

    def __init__(self, verb: str, total: int, unit: str, interval_s: float) -> None:
        super().__init__(verb, total, unit, 0 * interval_s)


def test_two_models(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alignment, "Progress", Eager)
    pair = [str(models / "a.safetensors"), str(models / "b.safetensors")]
    assert main(["alignment", *pair, "--score-latents", "16", "--out", str(tmp_path / "pairs.png")]) == 0
    said = capsys.readouterr()
    assert re.match(r"stylealign alignment: 1 / \d+ passes, ", said.err)
    printed = json.loads(said.out)
    parts = ["score", "partner_rank", "partner_first", "activations", "perturbations"]
    parts += ["4 px", "8 px", "16 px", "chance"]
    assert list(printed) == parts
    assert all(printed[part]["ci_low"] <= printed[part]["value"] <= printed[part]["ci_high"] for part in parts[:-1])
    with Image.open(tmp_path / "pairs.png") as picture:
        assert picture.width > 8 * 128
        assert 2 * 128 <= picture.height < 3 * 128


def test_mistakes_are_one_line(models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a, wide = (str(models / f"{name}.safetensors") for name in ("a", "wide"))
    for words, message in (
        ([a, wide], "of different architecture: channel_max"),
        ([a, str(tmp_path / "no.safetensors")], "no.safetensors: no such file"),
        ([a, a, "--score-latents", "4"], "score_latents"),
        ([a, a, "--out", str(tmp_path / "pairs.txt")], "pairs.txt"),
    ):
        assert main(["alignment", *words]) == 2
        error = capsys.readouterr().err
        assert message in error
        assert error.count("\n") == 1
