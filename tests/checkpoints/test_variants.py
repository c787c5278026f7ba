"""Files of other shapes than the usual: labels, grey images, other architectures, wrapped and whole modules."""

import collections
import re
from pathlib import Path
from typing import Any

import pytest
import torch

import stylealign
from stylealign.checkpoints import native
from stylealign.checkpoints.convert import NO_DISCRIMINATOR, convert
from stylealign.checkpoints.weights import Weights
from stylealign.errors import StyleAlignError
from stylealign.networks.discriminator import Discriminator
from stylealign.networks.generator import Generator
from tests.checkpoints import builders
from tests.checkpoints.conftest import SMALL, Model
from tests.checkpoints.test_importers import ADA_ARGUMENTS, TENSORFLOW_ARGUMENTS, assert_same, refused
from tests.tolerances import FLOAT32, REFERENCE_RELATIVE

State = builders.State
LABELS = {"label_size": 3, "mapping_layers": 2}


def ada(path: Path, generator: State, discriminator: State | None = None) -> Path:
    path.write_bytes(builders.pickled(builders.ada_snapshot(generator, discriminator, ADA_ARGUMENTS)))
    return path


def tensorflow(path: Path, generator: State, discriminator: State, **d_static: Any) -> Path:
    snapshot = builders.tensorflow_snapshot(generator, discriminator, LABELS, d_static)
    path.write_bytes(builders.pickled(snapshot))
    return path


# Labels.


def test_logits_of_a_conditional_tensorflow_discriminator(tmp_path: Path, label_mapping: Model) -> None:
    path = tensorflow(tmp_path / "m.pkl", label_mapping.generator, label_mapping.discriminator)
    native_path = tmp_path / "m.safetensors"
    convert(path, native_path)
    expected = label_mapping.reference["logits"]
    for checkpoint in (stylealign.load(path), stylealign.load(native_path)):
        assert checkpoint.architecture == label_mapping.architecture
        assert checkpoint.discriminator is not None
        images, c = label_mapping.reference["img_const"].clamp(-1, 1), label_mapping.reference["c"]
        logits = checkpoint.discriminator(images, c)
        assert (logits - expected).abs().max() < REFERENCE_RELATIVE * expected.abs().max()
    with pytest.raises(StyleAlignError, match="conditional"):
        convert(native_path, tmp_path / "m.pt")


def test_multiplier_that_a_tensorflow_file_states(tmp_path: Path, label_mapping: Model) -> None:
    g, d = label_mapping.generator, label_mapping.discriminator
    architecture = stylealign.load(tensorflow(tmp_path / "m.pkl", g, d, mapping_lrmul=0.02)).architecture
    assert architecture.label_lr_multiplier == 0.02
    assert architecture.mapping_lr_multiplier == 0.01


def test_multiplier_of_pytorch_and_unconditional_files(tmp_path: Path, label_mapping: Model, small: Model) -> None:
    g, d = label_mapping.generator, label_mapping.discriminator
    assert stylealign.load(ada(tmp_path / "a.pkl", small.generator)).architecture.label_lr_multiplier == 0.01
    snapshot = builders.ada_snapshot(g, None, ADA_ARGUMENTS | {"c_dim": 3})
    assert stylealign.load(written(tmp_path / "b.pkl", snapshot)).architecture.label_lr_multiplier == 0.01
    attributes = {"mapping.fc0": {"bias_gain": 0.1}}
    snapshot["D"] = builders.ada_module(builders.with_filters(d), True, attributes)
    assert stylealign.load(written(tmp_path / "c.pkl", snapshot)).architecture.label_lr_multiplier == 0.1


def written(path: Path, snapshot: Any) -> Path:
    path.write_bytes(builders.pickled(snapshot))
    return path


def test_label_mapping_of_another_depth(tmp_path: Path, label_mapping: Model) -> None:
    d = {name: value for name, value in label_mapping.discriminator.items() if not name.startswith("mapping.fc7")}
    refused(tensorflow(tmp_path / "m.pkl", label_mapping.generator, d), "maps labels by 7 layers; only 8")


def test_clamp_of_a_tensorflow_discriminator(tmp_path: Path, label_mapping: Model) -> None:
    path = tensorflow(tmp_path / "m.pkl", label_mapping.generator, label_mapping.discriminator, conv_clamp=256)
    assert any("D clamped its activations at 256" in text for text in stylealign.load(path).info["notices"])


# Colours.


def in_colours(state: State, count: int) -> State:
    """Return a network of `count` colour channels with otherwise the same weights."""
    axis = {"torgb.weight": 0, "torgb.bias": 0, "fromrgb.weight": 1}
    changed = dict(state)
    for name, value in state.items():
        for ending, dimension in axis.items():
            if name.endswith(ending):
                changed[name] = value.repeat_interleave(2, dimension).narrow(dimension, 0, count).contiguous()
    return changed


@pytest.mark.parametrize("kind", ["ada", "native", "rosinality", "tensorflow"])
def test_grey_networks_become_rgb_networks(kind: str, tmp_path: Path, small: Model) -> None:
    g, d = in_colours(small.generator, 1), in_colours(small.discriminator, 1)
    grey = SMALL.model_copy(update={"img_channels": 1})
    generator, discriminator = Generator(grey), Discriminator(grey)
    generator.load_state_dict(g)
    discriminator.load_state_dict(d)
    path = tmp_path / "grey"
    if kind == "ada":
        ada(path, g, d)
    elif kind == "tensorflow":
        written(path, builders.tensorflow_snapshot(g, d, TENSORFLOW_ARGUMENTS | {"num_channels": 1}))
    elif kind == "rosinality":
        builders.torch_saved(builders.rosinality_snapshot(g, d), path)
    else:
        native.write(path, Weights(grey, {"G_ema": g, "D": d}))
    checkpoint = stylealign.load(path)
    assert checkpoint.architecture.img_channels == 3
    assert checkpoint.discriminator is not None
    images = generator(small.reference["z"])
    torch.testing.assert_close(checkpoint.generator(small.reference["z"]), images.expand(-1, 3, -1, -1), **FLOAT32)
    logits = checkpoint.discriminator(images.expand(-1, 3, -1, -1))
    torch.testing.assert_close(logits, discriminator(images), **FLOAT32)
    assert any("one colour channel" in text for text in checkpoint.info["notices"])


def test_networks_with_transparency_are_refused(tmp_path: Path, small: Model) -> None:
    state = in_colours(small.generator, 4)
    refused(ada(tmp_path / "a.pkl", state), "images of 4 channels; only RGB")
    refused(builders.torch_saved(builders.rosinality_snapshot(state), tmp_path / "b.pt"), "images of 4 channels")


# Other architectures.


def without(state: State, pattern: str) -> State:
    return {name: value for name, value in state.items() if not re.search(pattern, name)}


def test_generators_of_other_architectures(tmp_path: Path, small: Model) -> None:
    orig = without(small.generator, r"b(4|8|16)\.torgb")
    skips = {f"synthesis.b{r}.skip.weight": torch.zeros(16, 16, 1, 1) for r in (8, 16, 32)}
    refused(ada(tmp_path / "o.pkl", orig), "its generator is of the 'orig' architecture; only 'skip'")
    refused(ada(tmp_path / "r.pkl", orig | skips), "its generator is of the 'resnet' architecture")


def test_discriminators_of_other_architectures(tmp_path: Path, small: Model) -> None:
    orig = without(small.discriminator, r"\.skip\.")
    rgb = {f"b{r}.fromrgb.{part}": small.discriminator[f"b32.fromrgb.{part}"] for r in (8, 16) for part in ("weight",)}
    refused(ada(tmp_path / "o.pkl", small.generator, orig), "its discriminator is of the 'orig' architecture")
    refused(ada(tmp_path / "s.pkl", small.generator, orig | rgb), "its discriminator is of the 'skip' architecture")


def stretched(state: State, height: int, width: int) -> State:
    """Return a generator whose images are (height / 4, width / 4) times as large."""
    changed = dict(state)
    for name, value in state.items():
        if name.endswith("noise_const"):
            changed[name] = torch.zeros(len(value) // 4 * height, len(value) // 4 * width)
    changed["synthesis.b4.const"] = torch.zeros(len(state["synthesis.b4.const"]), height, width)
    return changed


@pytest.mark.parametrize(
    ("height", "width", "message"),
    [(4, 6, "not square .starts from 4 x 6 cells"), (5, 5, "starts from 5 x 5 cells, not from 4 x 4")],
)
def test_networks_that_are_not_square(height: int, width: int, message: str, tmp_path: Path, small: Model) -> None:
    state = stretched(small.generator, height, width)
    refused(ada(tmp_path / "a.pkl", state), message)
    refused(builders.torch_saved(builders.rosinality_snapshot(state), tmp_path / "b.pt"), message)
    refused(written(tmp_path / "c.pkl", builders.tensorflow_snapshot(state, small.discriminator, {})), message)


def test_tensorflow_variables_of_a_network_that_is_not_square(tmp_path: Path, small: Model) -> None:
    g, d, gs = builders.tensorflow_snapshot(small.generator, small.discriminator, {})
    gs.state["variables"].append(("synthesis/8x16/Conv1/weight", torch.zeros(2, 2).numpy()))
    refused(written(tmp_path / "c.pkl", (g, d, gs)), "not square .'synthesis/8x16/Conv1/weight'")


# Wrapped and whole modules.


def parallel(state: State) -> State:
    return collections.OrderedDict((f"module.{name}", value) for name, value in state.items())


def test_names_of_data_parallel(tmp_path: Path, small: Model) -> None:
    snapshot = builders.rosinality_snapshot(small.generator, small.discriminator)
    snapshot |= {name: parallel(snapshot[name]) for name in ("g", "g_ema", "d")}
    checkpoint = stylealign.load(builders.torch_saved(snapshot, tmp_path / "m.pt"))
    assert_same(checkpoint.generator, small.generator)
    assert checkpoint.discriminator is not None
    assert_same(checkpoint.discriminator, small.discriminator)
    lone = dict(parallel(builders.rosinality_generator(small.generator)))
    lone["latent_avg"] = small.generator["mapping.w_avg"]
    assert_same(stylealign.load(builders.torch_saved(lone, tmp_path / "g.pt")).generator, small.generator)


@pytest.mark.parametrize("wrap", [dict, parallel])
def test_state_dicts_of_ada_networks(wrap: Any, tmp_path: Path, small: Model) -> None:
    states = {"G_ema": wrap(builders.with_filters(small.generator)), "D": wrap(small.discriminator)}
    checkpoint = stylealign.load(builders.torch_saved(states, tmp_path / "m.pt"))
    assert_same(checkpoint.generator, small.generator)
    assert checkpoint.discriminator is not None
    assert_same(checkpoint.discriminator, small.discriminator)
    lone = stylealign.load(builders.torch_saved(wrap(small.generator), tmp_path / "g.pt"))
    assert_same(lone.generator, small.generator)
    assert any("clamped" in text for text in lone.info["notices"])


def test_a_lone_ada_generator(tmp_path: Path, small: Model) -> None:
    snapshot = builders.ada_snapshot(small.generator, None, ADA_ARGUMENTS)
    assert_same(stylealign.load(written(tmp_path / "g.pkl", snapshot["G_ema"])).generator, small.generator)


@pytest.mark.parametrize("module", ["model", "models.stylegan2.model"])
@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.filterwarnings("ignore:Couldn't retrieve source code")
def test_whole_modules(legacy: bool, module: str, tmp_path: Path, small: Model) -> None:
    state = builders.rosinality_generator(small.generator)
    with builders.users_program(module) as classes:
        whole = builders.whole_module(state, classes)
        for name, value in (
            ("whole", whole),
            ("parallel", torch.nn.DataParallel(whole)),
            ("snapshot", {"g_ema": whole}),
        ):
            path = builders.torch_saved(value, tmp_path / f"{name}.pt", legacy)
            checkpoint = stylealign.load(path)
            expected = dict(small.generator)
            expected["mapping.w_avg"] = checkpoint.generator.mapping.w_avg  # no mean in these files: measured
            assert_same(checkpoint.generator, expected)


def test_whole_module_of_an_unknown_class(tmp_path: Path) -> None:
    with builders.users_program("project.nets", "Net") as classes:
        builders.torch_saved(classes["Net"](), tmp_path / "n.pt")
    refused(tmp_path / "n.pt", r"asks for 'project\.nets\.Net'.*a whole model\? Save its state_dict")


# Settings that no shape shows.


@pytest.mark.parametrize(
    ("key", "value"), [("normalize_latents", False), ("mapping_nonlinearity", "relu"), ("mapping_lrmul", -0.1)]
)
def test_tensorflow_settings_that_change_numbers_are_refused(
    key: str, value: Any, tmp_path: Path, small: Model
) -> None:
    snapshot = builders.tensorflow_snapshot(small.generator, small.discriminator, {key: value})
    refused(written(tmp_path / "m.pkl", snapshot), f"{key}|mapping_lr_multiplier")


@pytest.mark.parametrize("size", [None, 2])
def test_groups_of_the_minibatch_deviation(size: int | None, tmp_path: Path, small: Model) -> None:
    """None is the whole batch."""
    static = {"mbstd_group_size": size}
    snapshot = builders.tensorflow_snapshot(small.generator, small.discriminator, {}, static)
    assert stylealign.load(written(tmp_path / "t.pkl", snapshot)).architecture.mbstd_group_size == size
    snapshot = builders.ada_snapshot(small.generator, small.discriminator, ADA_ARGUMENTS)
    snapshot["D"].meta["state"]["_init_kwargs"] = builders.EasyDict(epilogue_kwargs=builders.EasyDict(static))
    assert stylealign.load(written(tmp_path / "a.pkl", snapshot)).architecture.mbstd_group_size == size


def test_arguments_as_stylegan3_code_gives_them(tmp_path: Path, small: Model) -> None:
    direct = builders.EasyDict(channel_base=256, channel_max=16, num_fp16_res=2, synthesis_kwargs={})
    snapshot = builders.ada_snapshot(small.generator, None, ADA_ARGUMENTS | {"_init_kwargs": direct})
    assert stylealign.load(written(tmp_path / "m.pkl", snapshot)).architecture.fp16_resolutions == 2


@pytest.mark.parametrize("name", ["noise0", "4x4/Const/const"])
def test_tensorflow_arrays_with_a_batch_are_refused(name: str, tmp_path: Path, small: Model) -> None:
    snapshot = builders.tensorflow_snapshot(small.generator, small.discriminator, {})
    variables = snapshot[2].state["components"]["synthesis"].state["variables"]
    (at,) = (i for i, (key, _) in enumerate(variables) if key == name)
    variables[at] = (name, torch.from_numpy(variables[at][1]).expand(2, -1, -1, -1).numpy().copy())
    with pytest.raises(StyleAlignError, match=r"noise_const is|b4\.const"):
        stylealign.load(written(tmp_path / "m.pkl", snapshot))


@pytest.mark.parametrize(
    "wrong", [{"conv_clamp": -1}, {"conv_clamp": float("nan")}, {"mapping_lr_multiplier": -1}, {"mbstd_group_size": 0}]
)
def test_settings_that_no_network_has(wrong: dict[str, float], tmp_path: Path, small: Model) -> None:
    path = tmp_path / "m.safetensors"
    native.write(path, Weights(SMALL.model_copy(update=wrong), {"G_ema": small.generator}))
    refused(path, f"architecture in the header: {next(iter(wrong))}")


# What a file lacks.


def test_missing_discriminator_is_said(tmp_path: Path, small: Model) -> None:
    path = ada(tmp_path / "a.pkl", small.generator)
    assert NO_DISCRIMINATOR in convert(path, tmp_path / "a.safetensors")["notices"]
    assert NO_DISCRIMINATOR in convert(tmp_path / "a.safetensors", tmp_path / "b.safetensors")["notices"]
    ada(tmp_path / "d.pkl", small.generator, small.discriminator)
    assert NO_DISCRIMINATOR not in convert(tmp_path / "d.pkl", tmp_path / "d.safetensors")["notices"]
