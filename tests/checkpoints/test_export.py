"""Writing rosinality-style files, `convert`, and comparing architectures."""

from pathlib import Path

import pytest
import torch

import stylealign
from stylealign.checkpoints import architecture_difference, native, require_same_architecture, rosinality_export
from stylealign.checkpoints.convert import convert
from stylealign.checkpoints.recognise import read_any
from stylealign.checkpoints.weights import Weights
from stylealign.errors import StyleAlignError
from stylealign.networks.architecture import Architecture
from tests.checkpoints import builders
from tests.checkpoints.conftest import SMALL, Model
from tests.checkpoints.test_importers import FILES, rosinality_file


@pytest.fixture
def model(tmp_path: Path, small: Model) -> Path:
    raw = {name: value + 1 for name, value in small.generator.items()}
    architecture = small.architecture.model_copy(update={"mbstd_group_size": 8, "fp16_resolutions": 2})
    networks = {"G_ema": small.generator, "G": raw, "D": small.discriminator}
    native.write(tmp_path / "m.safetensors", Weights(architecture, networks, {"kimg": 3.0, "domain": "human"}))
    return tmp_path / "m.safetensors"


def test_exported_tensors_are_those_of_the_format(model: Path, tmp_path: Path, small: Model) -> None:
    """Against the table of the format written down in the tests."""
    convert(model, tmp_path / "m.pt")
    content = torch.load(tmp_path / "m.pt", weights_only=True)
    assert set(content) == {"g_ema", "g", "d", "latent_avg", "stylealign"}
    for key, expected in (
        ("g_ema", builders.rosinality_generator(small.generator)),
        ("d", builders.rosinality_discriminator(small.discriminator)),
    ):
        assert set(content[key]) == set(expected)
        for name, value in expected.items():
            assert torch.equal(content[key][name], value), name
    assert torch.equal(content["latent_avg"], small.generator["mapping.w_avg"])


def test_round_trip_gives_the_same_bytes(model: Path, tmp_path: Path) -> None:
    convert(model, tmp_path / "m.pt")
    convert(tmp_path / "m.pt", tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == model.read_bytes()
    convert(model, tmp_path / "again.pt")
    assert (tmp_path / "again.pt").read_bytes() == (tmp_path / "m.pt").read_bytes()


@pytest.mark.parametrize("kind", FILES)
def test_every_format_through_native_and_back(kind: str, tmp_path: Path, small: Model) -> None:
    source = FILES[kind](tmp_path / "source", small)
    convert(source, tmp_path / "a.safetensors")
    convert(tmp_path / "a.safetensors", tmp_path / "b.pt")
    convert(tmp_path / "b.pt", tmp_path / "c.safetensors")
    first, last = read_any(source).weights, read_any(tmp_path / "c.safetensors").weights
    assert first.architecture == last.architecture
    for network, tensors in first.networks.items():
        for name, value in tensors.items():
            assert torch.equal(value, last.networks[network][name]), name
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "c.safetensors").read_bytes()


def test_converted_file_says_where_it_comes_from(tmp_path: Path, small: Model) -> None:
    source = rosinality_file(tmp_path / "source", small)
    result = convert(source, tmp_path / "a.safetensors")
    info = stylealign.load(tmp_path / "a.safetensors").info
    assert info["source_format"] == result["source_format"] == "rosinality"
    assert info["source_sha256"] == result["source_sha256"]


def test_unknown_suffix(model: Path, tmp_path: Path) -> None:
    with pytest.raises(StyleAlignError, match=r"m\.onnx: no known format"):
        convert(model, tmp_path / "m.onnx")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"c_dim": 2}, "conditional"),
        ({"z_dim": 8}, "z_dim 8 and w_dim 16"),
        ({"mapping_lr_multiplier": 0.1}, "lr_multiplier of 0.1"),
    ],
)
def test_models_that_the_format_cannot_express(tmp_path: Path, changes: dict[str, float], message: str) -> None:
    weights = Weights(SMALL.model_copy(update=changes), {})
    with pytest.raises(StyleAlignError, match=message):
        rosinality_export.write(tmp_path / "m.pt", weights)
    assert not list(tmp_path.iterdir())


def test_clamp_is_noted_and_kept(tmp_path: Path, small: Model) -> None:
    architecture = small.architecture.model_copy(update={"conv_clamp": 256.0})
    native.write(tmp_path / "m.safetensors", Weights(architecture, {"G_ema": small.generator}))
    result = convert(tmp_path / "m.safetensors", tmp_path / "m.pt")
    assert any("do not clamp" in notice for notice in result["notices"])
    assert stylealign.load(tmp_path / "m.pt").architecture == architecture


def test_damaged_own_record(model: Path, tmp_path: Path) -> None:
    convert(model, tmp_path / "m.pt")
    content = torch.load(tmp_path / "m.pt", weights_only=True)
    content["stylealign"]["header"] = "{"
    with pytest.raises(StyleAlignError, match="damaged 'stylealign' entry"):
        stylealign.load(builders.torch_saved(content, tmp_path / "m.pt"))


def test_difference_is_a_table() -> None:
    other = SMALL.model_copy(update={"mapping_layers": 8, "channel_max": 8, "conv_clamp": 256.0})
    table = architecture_difference(SMALL, other, ("human", "animal")).splitlines()
    assert table[0].split() == ["human", "animal"]
    assert ["mapping_layers", "2", "8"] in [row.split() for row in table]
    assert ["conv_clamp", "none", "256.0"] in [row.split() for row in table]
    assert ["channels", "at", "16", "px", "16", "8"] in [row.split() for row in table]
    assert not any(row.startswith("z_dim") for row in table)


def test_no_difference() -> None:
    assert architecture_difference(SMALL, SMALL) == ""
    require_same_architecture(SMALL, SMALL)


def test_required_architecture() -> None:
    other = SMALL.model_copy(update={"resolution": 64, "w_dim": 8})
    names = ("p.safetensors", "c.safetensors")
    with pytest.raises(
        StyleAlignError, match=r"p\.safetensors / c\.safetensors: .*resolution 32 / 64.*w_dim 16 / 8"
    ) as caught:
        require_same_architecture(SMALL, other, names)
    assert "\n" not in str(caught.value)


def test_fields_of_no_weight_may_differ() -> None:
    other = SMALL.model_copy(update={"mbstd_group_size": 8, "fp16_resolutions": 2})
    assert architecture_difference(SMALL, other), "they differ, and may"
    require_same_architecture(SMALL, other)


def test_channel_rule() -> None:
    """All shapes that a rule gives are recognised, whatever the hint."""
    from stylealign.checkpoints.inference import channel_rule

    for base in (64, 100, 1024, 16384, 32768, 40000):
        for most in (8, 512):
            architecture = Architecture(resolution=64, channel_base=base, channel_max=most)
            channels = {r: architecture.channels(r) for r in architecture.resolutions}
            for hint in (None, base, 1, 10**9):
                found = channel_rule(channels, hint, "file")
                again = Architecture(resolution=64, channel_base=found[0], channel_max=found[1])
                assert {r: again.channels(r) for r in again.resolutions} == channels
            assert channel_rule(channels, base, "file")[0] == base
    with pytest.raises(StyleAlignError, match="no known rule"):
        channel_rule({4: 8, 8: 16, 16: 8}, None, "file")
