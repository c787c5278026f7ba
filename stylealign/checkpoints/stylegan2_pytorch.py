"""Importer of StyleGAN2-ADA (PyTorch) pickles, also as StyleGAN3's code writes them for StyleGAN2 networks."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from stylealign.checkpoints.inference import check_filter, infer_architecture
from stylealign.checkpoints.untrusted.source import Source, shown
from stylealign.checkpoints.untrusted.values import Instance, StoredTensor
from stylealign.checkpoints.weights import AVERAGED, DISCRIMINATOR, RAW, Weights

FORMAT = "stylegan2-ada-pytorch"
KNOWN_CLASSES = frozenset(
    {
        "Generator",
        "MappingNetwork",
        "SynthesisNetwork",
        "SynthesisBlock",
        "SynthesisLayer",
        "ToRGBLayer",
        "FullyConnectedLayer",
        "Discriminator",
        "DiscriminatorBlock",
        "DiscriminatorEpilogue",
        "MinibatchStdLayer",
        "Conv2dLayer",
    }
)
STYLEGAN3_CLASSES = frozenset({"SynthesisInput"})
ACTIVATIONS = frozenset({"lrelu", "linear"})
DEEPEST = 6


def recognises(value: Any) -> bool:
    """Return whether an unpickled value is of this format."""
    return isinstance(value, dict) and any(isinstance(value.get(name), Instance) for name in (AVERAGED, RAW))


def read(source: Source, value: dict[str, Any]) -> Weights:
    """Return the weights of an unpickled StyleGAN2-ADA file.

    Raises:
        StyleAlignError: a network of another kind, or one that the architecture description cannot express.
    """
    if not isinstance(value.get(AVERAGED), Instance):
        raise source.refuse("has no averaged generator (G_ema); give a complete snapshot")
    modules = {name: value[name] for name in (AVERAGED, RAW, DISCRIMINATOR) if isinstance(value.get(name), Instance)}
    networks = {name: _state_dict(source, name, module) for name, module in modules.items()}
    hints, notices = _hints(source, modules)
    if value.get("augment_pipe") is not None:
        notices.append("augment_pipe ignored: augmentation is set up by the training settings")
    architecture = infer_architecture(networks[AVERAGED], hints, source.name)
    attributes = modules[AVERAGED].state
    for ours, theirs in {"z_dim": "z_dim", "w_dim": "w_dim", "c_dim": "c_dim", "resolution": "img_resolution"}.items():
        if theirs in attributes and attributes[theirs] != getattr(architecture, ours):
            stated = shown(attributes[theirs])
            raise source.refuse(f"says {theirs} is {stated}, its tensors say {getattr(architecture, ours)}; damaged")
    return Weights(architecture, networks, {"source_format": FORMAT, "notices": notices})


def _state_dict(source: Source, network: str, module: Instance) -> dict[str, Tensor]:
    """Read the tensors of a network by name, without the low-pass filters, which are checked instead."""
    tensors = {}
    for name, stored in _named_tensors(source, module, network):
        tensor = stored.read()
        if name.endswith("resample_filter"):
            check_filter(tensor, 1.0, f"{network} {name}", source.name)
        else:
            tensors[name] = tensor.to(torch.float32)
    return tensors


def _named_tensors(
    source: Source, module: Any, network: str, prefix: str = "", depth: int = 0
) -> Iterator[tuple[str, StoredTensor]]:
    _check_class(source, module, f"{network}.{prefix}".rstrip("."), depth)
    for group in ("_parameters", "_buffers"):
        for name, value in _mapping(source, module, group).items():
            if isinstance(value, StoredTensor):
                yield f"{prefix}{name}", value
            elif value is not None:
                raise source.refuse(f"{network} {prefix}{shown(name)} is {shown(value)}, not a tensor; damaged")
    for name, child in _mapping(source, module, "_modules").items():
        if child is not None:
            yield from _named_tensors(source, child, network, f"{prefix}{name}.", depth + 1)


def _check_class(source: Source, module: Any, where: str, depth: int) -> None:
    if not isinstance(module, Instance) or depth > DEEPEST:
        raise source.refuse(f"{where[:80]} is no StyleGAN2 module; not supported")
    if module.class_name in STYLEGAN3_CLASSES:
        raise source.refuse("a StyleGAN3 model; only StyleGAN2 models can be imported")
    if module.class_name not in KNOWN_CLASSES:
        raise source.refuse(
            f"{where[:80]} is of class {shown(module.class_name)}, which no StyleGAN2 has; not supported"
        )
    activation = module.state.get("activation", "lrelu")
    if not isinstance(activation, str) or activation not in ACTIVATIONS:
        raise source.refuse(f"{where[:80]} uses the activation {shown(activation)}; only lrelu is supported")


def _mapping(source: Source, module: Instance, group: str) -> dict[str, Any]:
    value = module.state.get(group, {})
    if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
        raise source.refuse(f"a module without a proper {group}; the file is damaged")
    return value


def _hints(source: Source, modules: dict[str, Instance]) -> tuple[dict[str, Any], list[str]]:
    """Return what no tensor's shape shows, and what the user should know of it."""
    generator, discriminator = modules[AVERAGED], modules.get(DISCRIMINATOR)
    arguments = _arguments(generator)
    # StyleGAN3's code gives a StyleGAN2 generator what is meant for the synthesis network directly.
    synthesis, mapping = arguments | _nested(arguments, "synthesis_kwargs"), _nested(arguments, "mapping_kwargs")
    first = _child(generator, "synthesis", "b4", "conv1")
    hints: dict[str, Any] = {
        "conv_clamp": first.get("conv_clamp", synthesis.get("conv_clamp")),
        "fp16_resolutions": synthesis.get("num_fp16_res", 0),
        "channel_base": synthesis.get("channel_base"),
        "mapping_lr_multiplier": _child(generator, "mapping", "fc0").get(
            "bias_gain", mapping.get("lr_multiplier", 0.01)
        ),
    }
    notices = []
    if discriminator is not None:
        epilogue = _nested(_arguments(discriminator), "epilogue_kwargs")
        statistics = _child(discriminator, "b4", "mbstd")
        hints["mbstd_group_size"] = statistics.get("group_size", epilogue.get("mbstd_group_size", 4))
        channels = statistics.get("num_channels", epilogue.get("mbstd_num_channels", 1))
        if channels != 1:
            raise source.refuse(f"its minibatch standard deviation has {shown(channels)} channels, not 1; unsupported")
        clamp = _child(discriminator, "b4", "conv").get("conv_clamp", _arguments(discriminator).get("conv_clamp"))
        if clamp != hints["conv_clamp"]:
            notices.append(f"D clamped its activations at {shown(clamp)}; here at {hints['conv_clamp']}, as G does")
        labels = _nested(_arguments(discriminator), "mapping_kwargs").get("lr_multiplier")
        hints["label_lr_multiplier"] = _child(discriminator, "mapping", "fc0").get("bias_gain", labels)
        halves = _arguments(discriminator).get("num_fp16_res", hints["fp16_resolutions"])
        if halves != hints["fp16_resolutions"]:
            notices.append(
                f"D ran {shown(halves)} resolutions in half precision; here as many as G, {hints['fp16_resolutions']}"
            )
    keys_of_none = ("conv_clamp", "mbstd_group_size")  # None is a value: no clamp, the whole batch
    return {key: value for key, value in hints.items() if value is not None or key in keys_of_none}, notices


def _arguments(module: Instance) -> dict[str, Any]:
    return _nested(module.state, "_init_kwargs")


def _nested(values: dict[str, Any], key: str) -> dict[str, Any]:
    value = values.get(key)
    return value if isinstance(value, dict) else {}


def _child(module: Instance, *path: str) -> dict[str, Any]:
    """Return the attributes of a module inside `module`, or none where it is missing."""
    for name in path:
        child = _nested(module.state, "_modules").get(name)
        if not isinstance(child, Instance):
            return {}
        module = child
    return module.state
