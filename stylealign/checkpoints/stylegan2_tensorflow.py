"""Importer of StyleGAN2 and StyleGAN2-ADA TensorFlow pickles, the format of the StyleAlign authors' models."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from stylealign.checkpoints.inference import infer_architecture
from stylealign.checkpoints.untrusted.globals import TENSORFLOW_NETWORK
from stylealign.checkpoints.untrusted.source import Source, shown
from stylealign.checkpoints.untrusted.values import Array, Instance
from stylealign.checkpoints.variants import other_architecture
from stylealign.checkpoints.weights import AVERAGED, DISCRIMINATOR, RAW, Weights

FORMAT = "stylegan2-tensorflow"
OLDEST_VERSION = 4
DEEPEST = 3
STYLEGAN1 = re.compile(r"(^|/)(ToRGB_lod\d+|FromRGB_lod\d+|StyleMod)(/|$)")
UNUSED = re.compile(r"(.*/)?lod")
"""Progress of progressive growing, which StyleGAN2 does not use."""
Change = Callable[[Tensor], Tensor]


def _same(value: Tensor) -> Tensor:
    return value


def _transposed(value: Tensor) -> Tensor:
    return value.t()


def _oihw(value: Tensor) -> Tensor:
    return value.permute(3, 2, 0, 1)


def _oihw_flipped(value: Tensor) -> Tensor:
    return value.permute(3, 2, 0, 1).flip(2, 3)


def _first(value: Tensor) -> Tensor:
    return value.squeeze(0)  # an axis of another size stays, and its shape is refused later


def _map(value: Tensor) -> Tensor:
    return value.squeeze(1).squeeze(0)


def _plus_one(value: Tensor) -> Tensor:
    return value + 1


# Pattern of the TensorFlow name, PyTorch name, change of the layout, dimensions in the file.
Rule = tuple[str, str, Change, int]
RESOLUTION = r"(?P<r>\d+)x(?P=r)"
NOT_SQUARE = re.compile(r"(?:^|.*/)(\d+)x(?!\1/)(\d+)/.*")
LABEL_LR_MULTIPLIER = 0.1
"""Of a discriminator's mapping of the labels, where a file does not say."""


def _styled(theirs: str, ours: str, weight: Change) -> list[Rule]:
    """Return the rules of a modulated convolution."""
    return [
        (rf"{theirs}/weight", f"{ours}.weight", weight, 4),
        (rf"{theirs}/bias", f"{ours}.bias", _same, 1),
        (rf"{theirs}/mod_weight", f"{ours}.affine.weight", _transposed, 2),
        (rf"{theirs}/mod_bias", f"{ours}.affine.bias", _plus_one, 1),
        (rf"{theirs}/noise_strength", f"{ours}.noise_strength", _same, 0),
    ]


def _plain(theirs: str, ours: str, weight: Change, dimensions: int) -> list[Rule]:
    """Return the rules of a dense layer or an unmodulated convolution."""
    return [(rf"{theirs}/weight", f"{ours}.weight", weight, dimensions), (rf"{theirs}/bias", f"{ours}.bias", _same, 1)]


GENERATOR_RULES: list[Rule] = [
    ("dlatent_avg", "mapping.w_avg", _same, 1),
    *_plain("mapping/LabelEmbed", "mapping.embed", _transposed, 2),
    *_plain(r"mapping/Dense(?P<i>\d+)", "mapping.fc{i}", _transposed, 2),
    ("synthesis/4x4/Const/const", "synthesis.b4.const", _first, 4),
    *_styled("synthesis/4x4/Conv", "synthesis.b4.conv1", _oihw),
    *_styled(f"synthesis/{RESOLUTION}/Conv0_up", "synthesis.b{r}.conv0", _oihw_flipped),
    *_styled(f"synthesis/{RESOLUTION}/Conv1", "synthesis.b{r}.conv1", _oihw),
    *_styled(f"synthesis/{RESOLUTION}/ToRGB", "synthesis.b{r}.torgb", _oihw),
    (f"synthesis/{RESOLUTION}/Skip/weight", "synthesis.b{r}.skip.weight", _oihw, 4),  # of the "resnet" variant
    (r"synthesis/noise(?P<k>\d+)", "{noise}.noise_const", _map, 4),
]
DISCRIMINATOR_RULES: list[Rule] = [
    *_plain(f"{RESOLUTION}/FromRGB", "b{r}.fromrgb", _oihw, 4),
    *_plain(f"{RESOLUTION}/Conv0", "b{r}.conv0", _oihw, 4),
    *_plain(f"{RESOLUTION}/Conv1_down", "b{r}.conv1", _oihw, 4),
    *_plain(f"{RESOLUTION}/Skip", "b{r}.skip", _oihw, 4),
    *_plain("4x4/Conv", "b4.conv", _oihw, 4),
    *_plain("4x4/Dense0", "b4.fc", _transposed, 2),
    *_plain("Output", "b4.out", _transposed, 2),
    *_plain("(mapping/)?LabelEmbed", "mapping.embed", _transposed, 2),
    *_plain(r"(mapping/Dense|Mapping)(?P<i>\d+)", "mapping.fc{i}", _transposed, 2),
]


def recognises(value: Any) -> bool:
    """Return whether an unpickled value is of this format."""
    networks = value if isinstance(value, (tuple, list)) else (value,)
    return any(isinstance(part, Instance) and part.class_name == TENSORFLOW_NETWORK for part in networks)


def read(source: Source, value: Any) -> Weights:
    """Return the weights of an unpickled (G, D, Gs).

    Raises:
        StyleAlignError: a StyleGAN (1) file, other networks than StyleGAN2's, or unknown variables.
    """
    if not isinstance(value, (tuple, list)) or len(value) != 3:
        raise source.refuse("a TensorFlow pickle that is not the three networks G, D, Gs; not supported")
    networks = {}
    settings: dict[str, dict[str, Any]] = {}
    for name, network in zip((RAW, DISCRIMINATOR, AVERAGED), value, strict=True):
        if network is None and name != AVERAGED:
            continue
        arrays = dict(_variables(source, network))
        _check_generation(source, network, arrays)
        settings[name] = _settings(network)
        _check_settings(source, name, settings[name])
        rules = DISCRIMINATOR_RULES if name == DISCRIMINATOR else GENERATOR_RULES
        networks[name] = _translated(source, name, arrays, rules)
    hints, notices = _hints(settings, "mapping.embed.weight" in networks.get(DISCRIMINATOR, {}))
    architecture = infer_architecture(networks[AVERAGED], hints, source.name)
    psi = "TensorFlow networks run with truncation psi 0.5 unless told otherwise; here the default is none (psi 1)"
    return Weights(architecture, networks, {"source_format": FORMAT, "notices": [psi, *notices]})


def _variables(source: Source, network: Any, prefix: str = "", depth: int = 0) -> Iterator[tuple[str, Array]]:
    """Yield the variables of a network and its components, named `component/variable`."""
    if not isinstance(network, Instance) or network.class_name != TENSORFLOW_NETWORK or depth > DEEPEST:
        raise source.refuse("a TensorFlow pickle that is not the three networks G, D, Gs; not supported")
    variables, components = network.state.get("variables", []), network.state.get("components", {})
    if not isinstance(variables, (list, tuple)) or not isinstance(components, dict):
        raise source.refuse("a network without variables; the file is damaged")
    for variable in variables:
        if not isinstance(variable, (list, tuple)) or len(variable) != 2 or not isinstance(variable[0], str):
            raise source.refuse("a variable without a name; the file is damaged")
        name, value = variable
        if isinstance(value, (int, float)):  # a scalar, as NumPy pickles it
            value = _scalar_array(value)
        if not isinstance(value, Array):
            raise source.refuse(f"variable {shown(name)} is no array; the file is damaged")
        # A network's own list may or may not spell out the component.
        yield (name if name.startswith(prefix) else prefix + name), value
    for name, component in components.items():
        yield from _variables(source, component, f"{prefix}{name}/", depth + 1)


def _scalar_array(value: float) -> Array:
    array = Array()
    array.shape, array.data = (), torch.tensor(value, dtype=torch.float32).numpy().tobytes()
    return array


def _check_generation(source: Source, network: Instance, arrays: Mapping[str, Array]) -> None:
    function = network.state.get("build_func_name")
    if function in ("G_style", "D_basic", "G_paper", "D_paper") or any(STYLEGAN1.search(name) for name in arrays):
        which = "ProGAN" if function in ("G_paper", "D_paper") else "StyleGAN (1)"
        raise source.refuse(f"a {which} model; only StyleGAN2 models can be imported")
    version = network.state.get("version")
    if not isinstance(version, int) or version < OLDEST_VERSION:
        raise source.refuse(f"a network of format version {shown(version)}; StyleGAN2 wrote {OLDEST_VERSION} and later")


def _settings(network: Instance) -> dict[str, Any]:
    """Return the static arguments of a network and its components together."""
    components = network.state.get("components", {})
    merged: dict[str, Any] = {}
    for part in (*components.values(), network):
        given = part.state.get("static_kwargs") if isinstance(part, Instance) else None
        merged |= given if isinstance(given, dict) else {}
    return merged


def _check_settings(source: Source, name: str, settings: Mapping[str, Any]) -> None:
    """Refuse a variant of the network that the weights alone do not show."""
    architecture = "resnet" if name == DISCRIMINATOR else "skip"
    supported = {
        "architecture": (architecture,),
        "nonlinearity": ("lrelu",),
        "mapping_nonlinearity": ("lrelu",),
        "normalize_latents": (True,),
        "mbstd_num_features": (1,),
        "fused_modconv": (True, False),
    }
    for key, values in supported.items():
        value = settings.get(key, values[0])
        if key == "architecture" and isinstance(value, str) and value != architecture:
            network = "discriminator" if name == DISCRIMINATOR else "generator"
            raise source.refuse(other_architecture(network, value[:40], architecture))
        if not isinstance(value, (str, int)) or value not in values:
            raise source.refuse(f"{name} was built with {key}={shown(value)}; only {values[0]} is supported")
    kernel = settings.get("resample_kernel")
    if kernel is not None and (not isinstance(kernel, (list, tuple)) or list(kernel) != [1, 3, 3, 1]):
        raise source.refuse(f"{name} was built with another resample_kernel than [1, 3, 3, 1]; not supported")


def _hints(settings: Mapping[str, Mapping[str, Any]], maps_labels: bool) -> tuple[dict[str, Any], list[str]]:
    """Return what no tensor's shape shows, and what the user should know of it."""
    generator, discriminator = settings[AVERAGED], settings.get(DISCRIMINATOR)
    notices = []
    if discriminator is not None and discriminator.get("conv_clamp") != generator.get("conv_clamp"):
        clamps = shown(discriminator.get("conv_clamp")), shown(generator.get("conv_clamp"))
        notices.append(f"D clamped its activations at {clamps[0]}; here at {clamps[1]}, as G does")
    halves = generator.get("num_fp16_res", 0)
    if discriminator is not None and discriminator.get("num_fp16_res", halves) != halves:
        notices.append(
            f"D ran {shown(discriminator['num_fp16_res'])} resolutions in half precision;"
            f" here as many as G, {shown(halves)}"
        )
    discriminator = discriminator or {}
    fmap_base = generator.get("fmap_base")
    hints = {
        "conv_clamp": generator.get("conv_clamp"),
        "fp16_resolutions": generator.get("num_fp16_res", 0),
        "channel_base": 2 * fmap_base if isinstance(fmap_base, int) else None,
        "mapping_lr_multiplier": generator.get("mapping_lrmul", 0.01),
        "label_lr_multiplier": discriminator.get("mapping_lrmul", LABEL_LR_MULTIPLIER) if maps_labels else None,
        "mbstd_group_size": discriminator.get("mbstd_group_size", 4),
    }
    keys_of_none = ("mbstd_group_size",)  # None is a value: the whole batch
    return {key: value for key, value in hints.items() if value is not None or key in keys_of_none}, notices


def _translated(source: Source, network: str, arrays: Mapping[str, Array], rules: list[Rule]) -> dict[str, Tensor]:
    """Return the arrays under their PyTorch names and in PyTorch's layout."""
    tensors = {}
    for theirs, array in arrays.items():
        if UNUSED.fullmatch(theirs):
            continue
        ours, change, dimensions = _rule(source, network, theirs, rules)
        if len(array.shape) != dimensions:
            raise source.refuse(
                f"{network} {shown(theirs)} has {len(array.shape)} dimensions, not {dimensions}; damaged"
            )
        tensors[ours] = change(array.read().to(torch.float32)).contiguous()
    return tensors


def _rule(source: Source, network: str, name: str, rules: list[Rule]) -> tuple[str, Change, int]:
    for pattern, template, change, dimensions in rules:
        match = re.fullmatch(pattern, name)
        if match:
            values = match.groupdict()
            if "k" in values:
                values["noise"] = _noise_layer(int(values["k"][:4]))
            return template.format(**values), change, dimensions
    if NOT_SQUARE.fullmatch(name):
        raise source.refuse(f"draws images that are not square ({shown(name)}); only square networks are supported")
    raise source.refuse(f"{network} has a variable {shown(name)}, which no supported StyleGAN2 has; not supported")


def _noise_layer(k: int) -> str:
    """Return the layer of noise map k: 0 at 4 px, then conv0 and conv1 of each resolution."""
    return "synthesis.b4.conv1" if k == 0 else f"synthesis.b{8 * 2 ** ((k - 1) // 2)}.conv{(k - 1) % 2}"
