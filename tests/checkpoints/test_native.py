"""The native format: round trips, the header, damaged files, atomic writes."""

import json
import struct
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

import stylealign
from stylealign.checkpoints import native
from stylealign.checkpoints.weights import empty_network
from stylealign.errors import StyleAlignError
from stylealign.networks.architecture import Architecture
from stylealign.networks.discriminator import Discriminator
from stylealign.networks.generator import Generator

ARCHITECTURE = Architecture(
    resolution=16, z_dim=8, w_dim=12, mapping_layers=3, channel_base=128, channel_max=16, conv_clamp=256.0
)


@pytest.fixture
def networks() -> dict[str, torch.nn.Module]:
    torch.manual_seed(0)
    return {
        "generator": Generator(ARCHITECTURE),
        "generator_raw": Generator(ARCHITECTURE),
        "discriminator": Discriminator(ARCHITECTURE),
    }


@pytest.fixture
def model(tmp_path: Path, networks: dict[str, torch.nn.Module]) -> Path:
    path = tmp_path / "model.safetensors"
    native.save(path, **networks, info={"kimg": 12.5})  # type: ignore[arg-type]
    return path


def test_round_trip_is_exact(model: Path, networks: dict[str, torch.nn.Module]) -> None:
    checkpoint = stylealign.load(model)
    assert checkpoint.architecture == ARCHITECTURE
    assert checkpoint.info == {"kimg": 12.5}
    for name, network in networks.items():
        loaded = getattr(checkpoint, name)
        assert list(loaded.state_dict()) == list(network.state_dict())
        for key, value in network.state_dict().items():
            assert torch.equal(loaded.state_dict()[key], value), key
        assert not loaded.training
        assert not any(parameter.requires_grad for parameter in loaded.parameters())


def test_images_agree(model: Path, networks: dict[str, torch.nn.Module]) -> None:
    z = torch.randn(2, 8, generator=torch.Generator().manual_seed(1))
    images = stylealign.load(model).generator(z)
    with torch.no_grad():
        assert torch.equal(images, networks["generator"](z))


def test_optional_networks_may_be_absent(tmp_path: Path, networks: dict[str, torch.nn.Module]) -> None:
    native.save(tmp_path / "g.safetensors", generator=networks["generator"])
    checkpoint = stylealign.load(tmp_path / "g.safetensors")
    assert checkpoint.generator_raw is None
    assert checkpoint.discriminator is None


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_model_that_diverged_is_neither_read_nor_written(
    value: float, model: Path, networks: dict[str, torch.nn.Module]
) -> None:
    message = r"model\.safetensors: G_ema .*torgb\.weight .*diverged"
    with safe_open(model, "pt") as file:
        header = file.metadata()
    tensors = load_file(model)
    tensors["G_ema.synthesis.b16.torgb.weight"][0, 0] = value
    save_file(tensors, model, metadata=header)
    with pytest.raises(StyleAlignError, match=message):
        stylealign.load(model)
    networks["generator"].synthesis.b16.torgb.weight.data[0, 0] = value
    with pytest.raises(StyleAlignError, match=message):
        native.save(model, **networks)  # type: ignore[arg-type]


def test_one_generator_as_both(tmp_path: Path, networks: dict[str, torch.nn.Module]) -> None:
    """Networks that share their memory are written and read as separate ones."""
    generator = networks["generator"]
    native.save(tmp_path / "g.safetensors", generator=generator, generator_raw=generator)
    checkpoint = stylealign.load(tmp_path / "g.safetensors")
    assert checkpoint.generator_raw is not None
    with torch.no_grad():
        checkpoint.generator_raw.mapping.w_avg.add_(1)
    assert torch.equal(checkpoint.generator.mapping.w_avg, generator.mapping.w_avg)


def test_saving_what_was_loaded_gives_the_same_bytes(model: Path, tmp_path: Path) -> None:
    checkpoint = stylealign.load(model)
    native.save(
        tmp_path / "again.safetensors",
        generator=checkpoint.generator,
        generator_raw=checkpoint.generator_raw,
        discriminator=checkpoint.discriminator,
        info=checkpoint.info,
    )
    assert (tmp_path / "again.safetensors").read_bytes() == model.read_bytes()


def test_loaded_weights_can_be_trained_without_touching_the_file(model: Path) -> None:
    before = model.read_bytes()
    generator = stylealign.load(model).generator.requires_grad_(True)
    generator(torch.ones(1, 8)).sum().backward()
    with torch.no_grad():
        for parameter in generator.parameters():
            parameter.add_(1.0)
    assert model.read_bytes() == before


def test_the_same_content_gives_the_same_bytes(
    tmp_path: Path, model: Path, networks: dict[str, torch.nn.Module]
) -> None:
    native.save(tmp_path / "again.safetensors", **networks, info={"kimg": 12.5})  # type: ignore[arg-type]
    assert (tmp_path / "again.safetensors").read_bytes() == model.read_bytes()


def test_sha256_is_that_of_the_file(model: Path) -> None:
    import hashlib

    assert stylealign.load(model).sha256 == hashlib.sha256(model.read_bytes()).hexdigest()


@pytest.mark.parametrize("keep", [0, 4, 100, -1])
def test_truncated_file(model: Path, keep: int) -> None:
    data = model.read_bytes()
    model.write_bytes(data[:keep])
    with pytest.raises(StyleAlignError, match=r"model\.safetensors: .*") as caught:
        stylealign.load(model)
    assert "\n" not in str(caught.value)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(StyleAlignError, match=r"nothing\.safetensors: no such file"):
        stylealign.load(tmp_path / "nothing.safetensors")


def test_a_folder_is_no_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(StyleAlignError):
        stylealign.load(tmp_path)


def test_safetensors_of_another_program(tmp_path: Path) -> None:
    save_file({"weight": torch.zeros(2)}, tmp_path / "other.safetensors")
    with pytest.raises(StyleAlignError, match="another program"):
        stylealign.load(tmp_path / "other.safetensors")


def _with_header(path: Path, change) -> None:  # type: ignore[no-untyped-def]
    """Rewrite the header entry of a native file by `change(header)`, leaving the tensors as they are."""
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    table = json.loads(data[8 : 8 + length])
    header = json.loads(table["__metadata__"]["stylealign"])
    change(header)
    table["__metadata__"]["stylealign"] = json.dumps(header)
    text = json.dumps(table).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data[8 + length :])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda header: header.update(format_version=99), "format version 99"),
        (lambda header: header["architecture"].update(resolution=48), "resolution: .*power of two"),
        (lambda header: header["architecture"].update(resolution=64), "has no tensor"),
        (lambda header: header["architecture"].update(resolution=1024), "leaves no channels"),
        (lambda header: header["architecture"].update(channel_base=2**60, channel_max=2**60), "channel_max is"),
        (lambda header: header["architecture"].update(mapping_layers=10**9), "mapping_layers is"),
        (lambda header: header["architecture"].update(z_dim=9), r"mapping\.fc0\.weight is \[12, 8\]"),
        (lambda header: header["architecture"].update(z_dim=-9), "z_dim is -9"),
        (lambda header: header["architecture"].update(depth=3), "depth: Extra inputs"),
        (lambda header: header.pop("architecture"), "architecture"),
        (lambda header: header.pop("info"), "no info"),
    ],
)
def test_header_that_does_not_fit(model: Path, change, message: str) -> None:  # type: ignore[no-untyped-def]
    _with_header(model, change)
    with pytest.raises(StyleAlignError, match=message) as caught:
        stylealign.load(model)
    assert "\n" not in str(caught.value)


def test_a_write_that_fails_leaves_the_old_file(
    model: Path, networks: dict[str, torch.nn.Module], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = model.read_bytes()

    def full_disk(tensors: object, path: Path, metadata: object) -> None:
        Path(path).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(native, "save_file", full_disk)
    with pytest.raises(StyleAlignError, match="No space left on device"):
        native.save(model, generator=networks["generator"])
    assert model.read_bytes() == before
    assert [entry.name for entry in model.parent.iterdir()] == ["model.safetensors"]


def test_importing_the_package_does_not_import_torch() -> None:
    code = (
        "import sys, stylealign; assert 'torch' not in sys.modules; "
        "assert callable(stylealign.load); assert 'torch' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_loading_does_not_import_a_compiler(model: Path) -> None:
    """Arithmetic on the meta device makes torch import its compiler and sympy: seconds for every command."""
    code = f"import sys, stylealign; stylealign.load({str(model)!r}); assert 'sympy' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("name", ["G_ema", "D"])
@pytest.mark.parametrize("c_dim", [0, 3])
def test_empty_networks_have_the_real_shapes(name: str, c_dim: int) -> None:
    architecture = ARCHITECTURE.model_copy(update={"c_dim": c_dim})
    real = (Discriminator if name == "D" else Generator)(architecture).state_dict()
    empty = empty_network(architecture, name).state_dict()
    assert {key: value.shape for key, value in empty.items()} == {key: value.shape for key, value in real.items()}
    assert all(value.is_meta for value in empty.values())


def test_an_unknown_name_of_the_package() -> None:
    with pytest.raises(AttributeError, match="unheard_of"):
        stylealign.unheard_of  # noqa: B018
