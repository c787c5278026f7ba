"""Importers: other programs' files become the same networks, number for number."""

import collections
import copy
from pathlib import Path
from typing import Any

import pytest
import torch

import stylealign
from stylealign.checkpoints.recognise import read_any
from stylealign.errors import StyleAlignError
from tests.checkpoints import builders
from tests.checkpoints.conftest import Model
from tests.tolerances import REFERENCE_RELATIVE

ADA_ARGUMENTS = {
    "z_dim": 16,
    "c_dim": 0,
    "w_dim": 16,
    "img_resolution": 32,
    "img_channels": 3,
    "_init_kwargs": builders.EasyDict(
        mapping_kwargs=builders.EasyDict(num_layers=2),
        synthesis_kwargs=builders.EasyDict(channel_base=256, channel_max=16),
    ),
}
CONDITIONAL_ARGUMENTS = ADA_ARGUMENTS | {
    "z_dim": 24,
    "c_dim": 3,
    "img_resolution": 64,
    "_init_kwargs": builders.EasyDict(
        synthesis_kwargs=builders.EasyDict(channel_base=512, channel_max=16, num_fp16_res=2, conv_clamp=256)
    ),
}
TENSORFLOW_ARGUMENTS = {
    "latent_size": 16,
    "label_size": 0,
    "dlatent_size": 16,
    "resolution": 32,
    "num_channels": 3,
    "mapping_layers": 2,
    "fmap_base": 128,
    "fmap_max": 16,
    "architecture": "skip",
    "resample_kernel": [1, 3, 3, 1],
}


def ada_file(path: Path, model: Model, protocol: int = 4) -> Path:
    snapshot = builders.ada_snapshot(model.generator, model.discriminator, ADA_ARGUMENTS)
    path.write_bytes(builders.pickled(snapshot, protocol))
    return path


def tensorflow_file(path: Path, model: Model, protocol: int = 4) -> Path:
    snapshot = builders.tensorflow_snapshot(model.generator, model.discriminator, TENSORFLOW_ARGUMENTS)
    # D is a resnet whatever G is.
    path.write_bytes(builders.pickled(snapshot, protocol))
    return path


def rosinality_file(path: Path, model: Model, legacy: bool = False) -> Path:
    return builders.torch_saved(builders.rosinality_snapshot(model.generator, model.discriminator), path, legacy)


FILES = {
    "ada": ada_file,
    "ada protocol 3": lambda path, model: ada_file(path, model, 3),
    "ada protocol 5": lambda path, model: ada_file(path, model, 5),
    "tensorflow": tensorflow_file,
    "tensorflow protocol 2": lambda path, model: tensorflow_file(path, model, 2),
    "tensorflow protocol 3": lambda path, model: tensorflow_file(path, model, 3),
    "tensorflow protocol 5": lambda path, model: tensorflow_file(path, model, 5),
    "rosinality": rosinality_file,
    "rosinality legacy": lambda path, model: rosinality_file(path, model, legacy=True),
}
FORMATS = {"ada": "stylegan2-ada-pytorch", "tensorflow": "stylegan2-tensorflow", "rosinality": "rosinality"}


def assert_same(loaded: torch.nn.Module, state: builders.State, scale: float = 1.0, exact: bool = True) -> None:
    assert list(loaded.state_dict()) == list(state)
    for name, value in loaded.state_dict().items():
        assert value.dtype == torch.float32
        if exact or not name.endswith("affine.bias"):
            assert torch.equal(value, state[name] * scale), name
        else:
            # (x - 1) + 1 rounds twice.
            torch.testing.assert_close(value, state[name] * scale, rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", FILES)
def test_import_is_exact(kind: str, tmp_path: Path, small: Model) -> None:
    path = FILES[kind](tmp_path / "no.telling", small)
    recognised = read_any(path)
    assert recognised.format == FORMATS[kind.split()[0]]
    checkpoint = stylealign.load(path)
    assert checkpoint.architecture == small.architecture
    exact = not kind.startswith("tensorflow")
    assert_same(checkpoint.generator, small.generator, exact=exact)
    assert checkpoint.discriminator is not None
    assert_same(checkpoint.discriminator, small.discriminator)
    assert checkpoint.generator_raw is not None
    raw = dict(small.generator)
    if kind.startswith("rosinality"):
        raw["mapping.w_avg"] = raw["mapping.w_avg"] / 2  # one latent_avg for both
    assert_same(checkpoint.generator_raw, raw, 2.0, exact=exact)


@pytest.mark.parametrize("kind", ["ada", "tensorflow", "rosinality"])
def test_images_agree_with_the_reference(kind: str, tmp_path: Path, small: Model) -> None:
    checkpoint = stylealign.load(FILES[kind](tmp_path / "model", small))
    reference = small.reference
    ws = checkpoint.generator.mapping(reference["z"])
    images = checkpoint.generator.synthesis(ws)
    limit = REFERENCE_RELATIVE * reference["img_const"].abs().max()
    torch.testing.assert_close(images, reference["img_const"], rtol=0, atol=float(limit))
    truncated = checkpoint.generator.mapping(reference["z"], truncation_psi=0.7)
    torch.testing.assert_close(truncated, reference["ws_psi07"], rtol=1e-5, atol=1e-5)
    assert checkpoint.discriminator is not None
    logits = checkpoint.discriminator(reference["img_const"].clamp(-1, 1))
    torch.testing.assert_close(logits, reference["logits"], rtol=1e-4, atol=1e-5)


def test_conditional_ada_network(tmp_path: Path, conditional: Model) -> None:
    snapshot = builders.ada_snapshot(conditional.generator, conditional.discriminator, CONDITIONAL_ARGUMENTS)
    (tmp_path / "c.pkl").write_bytes(builders.pickled(snapshot))
    checkpoint = stylealign.load(tmp_path / "c.pkl")
    assert checkpoint.architecture == conditional.architecture.model_copy(update={"fp16_resolutions": 2})
    reference = conditional.reference
    images = checkpoint.generator(reference["z"], reference["c"])
    limit = REFERENCE_RELATIVE * reference["img_const"].abs().max()
    torch.testing.assert_close(images, reference["img_const"], rtol=0, atol=float(limit))


def test_conditional_tensorflow_generator(tmp_path: Path, conditional: Model, small: Model) -> None:
    static = {"conv_clamp": 256, "label_size": 3, "num_fp16_res": 2}
    g, _, gs = builders.tensorflow_snapshot(conditional.generator, small.discriminator, static)
    (tmp_path / "c.pkl").write_bytes(builders.pickled((g, None, gs)))
    checkpoint = stylealign.load(tmp_path / "c.pkl")
    assert checkpoint.discriminator is None
    assert checkpoint.architecture == conditional.architecture.model_copy(update={"fp16_resolutions": 2})
    reference = conditional.reference
    images = checkpoint.generator(reference["z"], reference["c"])
    limit = REFERENCE_RELATIVE * reference["img_const"].abs().max()
    torch.testing.assert_close(images, reference["img_const"], rtol=0, atol=float(limit))


def test_ada_notes(tmp_path: Path, small: Model) -> None:
    info = stylealign.load(ada_file(tmp_path / "a.pkl", small)).info
    assert info["source_format"] == "stylegan2-ada-pytorch"
    assert any("augment_pipe" in notice for notice in info["notices"])


def test_ada_without_discriminator(tmp_path: Path, small: Model) -> None:
    snapshot = builders.ada_snapshot(small.generator, None, ADA_ARGUMENTS)
    del snapshot["G"]
    (tmp_path / "a.pkl").write_bytes(builders.pickled(snapshot))
    checkpoint = stylealign.load(tmp_path / "a.pkl")
    assert checkpoint.discriminator is None
    assert checkpoint.generator_raw is None
    assert_same(checkpoint.generator, small.generator)


def test_ada_in_half_precision_and_double(tmp_path: Path, small: Model) -> None:
    half = {name: value.half() for name, value in small.generator.items()}
    snapshot = builders.ada_snapshot(half, {k: v.double() for k, v in small.discriminator.items()}, ADA_ARGUMENTS)
    (tmp_path / "a.pkl").write_bytes(builders.pickled(snapshot))
    checkpoint = stylealign.load(tmp_path / "a.pkl")
    assert_same(checkpoint.generator, {name: value.float() for name, value in half.items()})
    assert checkpoint.discriminator is not None
    assert_same(checkpoint.discriminator, small.discriminator)


def test_strided_tensors(tmp_path: Path, small: Model) -> None:
    """A tensor that is a view: transposed, and at an offset of a larger storage."""
    state = dict(small.generator)
    fc = state["mapping.fc0.weight"]
    state["mapping.fc0.weight"] = fc.t().contiguous().t()
    w_avg = state["mapping.w_avg"]
    state["mapping.w_avg"] = torch.cat([torch.zeros(3), w_avg])[3:]
    snapshot = builders.ada_snapshot(state, None, ADA_ARGUMENTS)
    (tmp_path / "a.pkl").write_bytes(builders.pickled(snapshot))
    assert_same(stylealign.load(tmp_path / "a.pkl").generator, small.generator)


def decoder_file(path: Path, state: builders.State, latent_avg: torch.Tensor | None) -> Path:
    decoder = {f"decoder.{name}": value for name, value in builders.rosinality_generator(state).items()}
    content: dict[str, Any] = {
        "state_dict": collections.OrderedDict(decoder | {"encoder.input_layer.0.weight": torch.ones(4, 3, 3, 3)}),
        "opts": {"output_size": 32, "start_from_latent_avg": True, "device": "cuda:0"},
    }
    if latent_avg is not None:
        content["latent_avg"] = latent_avg
    return builders.torch_saved(content, path)


def test_encoder_file(tmp_path: Path, small: Model) -> None:
    """An e4e or pSp file: one mean for every layer."""
    mean = small.generator["mapping.w_avg"].repeat(8, 1)
    checkpoint = stylealign.load(decoder_file(tmp_path / "e4e.pt", small.generator, mean))
    assert_same(checkpoint.generator, small.generator)
    assert checkpoint.discriminator is None
    assert any("encoder was left out" in notice for notice in checkpoint.info["notices"])


def test_encoder_file_with_another_mean_per_layer(tmp_path: Path, small: Model) -> None:
    mean = torch.stack([small.generator["mapping.w_avg"], small.generator["mapping.w_avg"] + 1.0])
    checkpoint = stylealign.load(decoder_file(tmp_path / "psp.pt", small.generator, mean))
    torch.testing.assert_close(checkpoint.generator.mapping.w_avg, small.generator["mapping.w_avg"] + 0.5)
    assert any("differs from layer to layer" in notice for notice in checkpoint.info["notices"])


def test_missing_mean_is_measured(tmp_path: Path, small: Model) -> None:
    checkpoint = stylealign.load(decoder_file(tmp_path / "e4e.pt", small.generator, None))
    z = torch.randn(20000, 16, generator=torch.Generator().manual_seed(5))
    expected = checkpoint.generator.mapping(z)[:, 0].mean(dim=0)
    spread = checkpoint.generator.mapping(z)[:, 0].std(dim=0)
    assert ((checkpoint.generator.mapping.w_avg - expected).abs() < 0.05 * spread).all()
    assert any("no latent_avg" in notice for notice in checkpoint.info["notices"])


def test_decoder_without_mapping_and_noise(tmp_path: Path, small: Model) -> None:
    state = {
        name: value
        for name, value in small.generator.items()
        if not name.startswith("mapping.fc") and not name.endswith("noise_const")
    }
    checkpoint = stylealign.load(decoder_file(tmp_path / "d.pt", state, small.generator["mapping.w_avg"]))
    assert any("no mapping network" in notice for notice in checkpoint.info["notices"])
    assert any("no noise maps" in notice for notice in checkpoint.info["notices"])
    images = checkpoint.generator.synthesis(small.reference["ws"], noise_mode="none")
    torch.testing.assert_close(images, small.reference["img_none"], rtol=1e-4, atol=1e-5)


def test_bare_generator_state_dict(tmp_path: Path, small: Model) -> None:
    state = builders.rosinality_generator(small.generator)
    path = builders.torch_saved(dict(state) | {"latent_avg": small.generator["mapping.w_avg"]}, tmp_path / "g.pt")
    assert_same(stylealign.load(path).generator, small.generator)


def test_training_generator_alone(tmp_path: Path, small: Model) -> None:
    snapshot = builders.rosinality_snapshot(small.generator)
    del snapshot["g_ema"]
    checkpoint = stylealign.load(builders.torch_saved(snapshot, tmp_path / "g.pt"))
    assert any("stands in" in notice for notice in checkpoint.info["notices"])


def refused(path: Path, message: str) -> None:
    with pytest.raises(StyleAlignError, match=message) as caught:
        stylealign.load(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_stylegan3_is_named(tmp_path: Path, small: Model) -> None:
    snapshot = builders.ada_snapshot(
        small.generator, None, ADA_ARGUMENTS, class_names={"synthesis.b4": "SynthesisInput"}
    )
    (tmp_path / "a.pkl").write_bytes(builders.pickled(snapshot))
    refused(tmp_path / "a.pkl", "StyleGAN3")


def test_unknown_class_is_named(tmp_path: Path, small: Model) -> None:
    snapshot = builders.ada_snapshot(small.generator, None, ADA_ARGUMENTS, class_names={"": "TriPlaneGenerator"})
    (tmp_path / "a.pkl").write_bytes(builders.pickled(snapshot))
    refused(tmp_path / "a.pkl", "TriPlaneGenerator")


@pytest.mark.parametrize(
    ("function", "variable", "name"),
    [
        ("G_style", "x", "StyleGAN \\(1\\)"),
        ("G_main", "16x16/ToRGB_lod6/weight", "StyleGAN \\(1\\)"),
        ("G_paper", "x", "ProGAN"),
    ],
)
def test_older_tensorflow_networks_are_named(tmp_path: Path, function: str, variable: str, name: str) -> None:
    network = builders.tensorflow_network("G", function, {variable: torch.zeros(1).numpy()}, {})
    (tmp_path / "old.pkl").write_bytes(builders.pickled((network, network, network)))
    refused(tmp_path / "old.pkl", name)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("architecture", "resnet", "its generator is of the 'resnet' architecture"),
        ("architecture", "orig", "its generator is of the 'orig' architecture"),
        ("nonlinearity", "relu", "nonlinearity='relu'"),
        ("resample_kernel", [1, 4, 6, 4, 1], "resample_kernel"),
    ],
)
def test_tensorflow_variants_are_refused(tmp_path: Path, small: Model, key: str, value: Any, message: str) -> None:
    snapshot = builders.tensorflow_snapshot(small.generator, small.discriminator, TENSORFLOW_ARGUMENTS | {key: value})
    (tmp_path / "v.pkl").write_bytes(builders.pickled(snapshot))
    refused(tmp_path / "v.pkl", message)


def test_tensorflow_variable_that_is_unknown(tmp_path: Path, small: Model) -> None:
    g, d, gs = builders.tensorflow_snapshot(small.generator, small.discriminator, {})
    gs.state["variables"].append(("LabelConcat/weight", torch.zeros(2, 2).numpy()))
    (tmp_path / "v.pkl").write_bytes(builders.pickled((g, d, gs)))
    refused(tmp_path / "v.pkl", "LabelConcat/weight")


def test_tensorflow_progress_variable_is_left_out(tmp_path: Path, small: Model) -> None:
    g, d, gs = builders.tensorflow_snapshot(small.generator, small.discriminator, {})
    gs.state["variables"].append(("lod", torch.zeros(()).numpy()))
    (tmp_path / "v.pkl").write_bytes(builders.pickled((g, d, gs)))
    assert_same(stylealign.load(tmp_path / "v.pkl").generator, small.generator, exact=False)


def test_optimiser_state_of_old_torch(tmp_path: Path, small: Model) -> None:
    """Its keys were the addresses of the parameters."""
    snapshot = builders.rosinality_snapshot(small.generator)
    snapshot["g_optim"]["state"] = {140_234_567_890_128: {"step": 1}, 140_234_567_890_256: {"step": 1}}
    path = builders.torch_saved(snapshot, tmp_path / "m.pt", legacy=True)
    assert_same(stylealign.load(path).generator, small.generator)


def test_channel_base_that_shapes_leave_open(tmp_path: Path, small: Model) -> None:
    """Without a word from the file, the least channel_base that gives the shapes."""
    g, d, gs = builders.tensorflow_snapshot(small.generator, small.discriminator, {})
    (tmp_path / "v.pkl").write_bytes(builders.pickled((g, d, gs)))
    assert stylealign.load(tmp_path / "v.pkl").architecture.channel_base == 256


@pytest.mark.parametrize("kind", ["ada", "tensorflow", "rosinality"])
def test_another_low_pass_filter_or_activation(
    kind: str, tmp_path: Path, small: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(builders, "LOWPASS", torch.full((4, 4), 1 / 16))
    path = FILES[kind](tmp_path / "m", small)
    if kind == "tensorflow":  # keeps no filter among its weights
        stylealign.load(path)
    else:
        refused(path, "filter")


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.9999])
def test_truncated_files(kind: str, share: float, tmp_path: Path, small: Model) -> None:
    path = FILES[kind](tmp_path / "m", small)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    refused(path, "truncated or damaged")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: state.pop("conv1.activate.bias"), "has no tensor conv1.activate.bias"),
        (lambda state: state.update({"extra.weight": torch.zeros(1)}), "'extra.weight'"),
        (lambda state: state.update({"input.input": torch.zeros(2, 16, 4, 4)}), "input.input has the shape"),
        (lambda state: state.update({"conv1.noise.weight": torch.zeros(3)}), "conv1.noise.weight has the shape"),
        (lambda state: state.update({"to_rgb1.bias": torch.zeros(3)}), "to_rgb1.bias has the shape"),
        (lambda state: state.update({"style.1.weight": torch.zeros(16, 20)}), "style|fc0"),
        (lambda state: state.update({"convs.1.conv.weight": torch.zeros(1, 17, 16, 3, 3)}), "channels|asks for"),
    ],
)
def test_rosinality_states_that_do_not_fit(tmp_path: Path, small: Model, change: Any, message: str) -> None:
    snapshot = builders.rosinality_snapshot(small.generator, small.discriminator)
    snapshot["g_ema"] = copy.copy(snapshot["g_ema"])
    change(snapshot["g_ema"])
    refused(builders.torch_saved(snapshot, tmp_path / "m.pt"), message)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"\x80\x04", "truncated"),
        (b"<!DOCTYPE html><html>quota exceeded</html>", "web page"),
        (b"GIF89a" + bytes(64), "not a model file"),
        (b"PK\x03\x04" + bytes(64), "zip"),
    ],
)
def test_files_that_are_no_models(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "x.pkl").write_bytes(content)
    refused(tmp_path / "x.pkl", message)


def test_other_torch_files(tmp_path: Path) -> None:
    refused(builders.torch_saved({"model": {"w": torch.zeros(2)}}, tmp_path / "x.pt"), "its keys: 'model'")
    refused(builders.torch_saved([1, 2], tmp_path / "y.pt"), "a list")
