"""Builds other programs' checkpoint files, byte by byte as those programs write them, from a state dict.

Every table here is written down anew from the description of the formats, independently of the importers. The pickles
are made by Python's own pickler from stand-ins for the other programs' classes.
"""

import argparse
import collections
import contextlib
import io
import pickle
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

State = dict[str, Tensor]

# Stand-ins: what counts is the module and the name that the pickle mentions.


def _reconstruct_persistent_obj(meta: dict[str, Any]) -> None:
    raise AssertionError("the importer must never call into another program")


class EasyDict(dict):  # type: ignore[type-arg]
    """The attribute dictionary of NVIDIA's code."""


class Network:
    """A TensorFlow network: all of it is in its state."""

    def __init__(self, state: dict[str, Any]) -> None:
        self.state = state

    def __getstate__(self) -> dict[str, Any]:
        return self.state


class Persistent:
    """A module of StyleGAN2-ADA: pickled as source text, class name and attributes."""

    def __init__(self, class_name: str, state: dict[str, Any], module_src: str = "import torch\n") -> None:
        self.meta = EasyDict(type="class", version=6, module_src=module_src, class_name=class_name, state=state)

    def __reduce__(self) -> tuple[Any, ...]:
        return _reconstruct_persistent_obj, (self.meta,), None, None, None


STAND_INS = {
    ("torch_utils.persistence", "_reconstruct_persistent_obj"): _reconstruct_persistent_obj,
    ("dnnlib.util", "EasyDict"): EasyDict,
    ("dnnlib.tflib.network", "Network"): Network,
}


@contextlib.contextmanager
def stand_ins() -> Iterator[None]:
    """Let the pickler find the stand-ins under the other programs' names."""
    added = []
    for (module_name, name), value in STAND_INS.items():
        for depth in range(1, module_name.count(".") + 2):
            parent = ".".join(module_name.split(".")[:depth])
            if parent not in sys.modules:
                sys.modules[parent] = types.ModuleType(parent)
                added.append(parent)
        setattr(sys.modules[module_name], name, value)
        value.__module__ = module_name
    try:
        yield
    finally:
        for name in added:
            del sys.modules[name]


def pickled(value: Any, protocol: int = 4) -> bytes:
    """Return the pickle of a value made of stand-ins."""
    with stand_ins():
        return pickle.dumps(value, protocol=protocol)


# StyleGAN2-ADA (PyTorch).

LOWPASS = torch.outer(torch.tensor([1.0, 3.0, 3.0, 1.0]), torch.tensor([1.0, 3.0, 3.0, 1.0])) / 64
BUFFERS = ("w_avg", "noise_const", "resample_filter")


def ada_class(path: str, discriminator: bool) -> str:
    """Return the class of the module at `path` ("synthesis.b8.conv0") in NVIDIA's code."""
    last = path.rsplit(".", 1)[-1]
    if path == "":
        return "Discriminator" if discriminator else "Generator"
    if last in ("mapping", "synthesis"):
        return {"mapping": "MappingNetwork", "synthesis": "SynthesisNetwork"}[last]
    if last == "b4" and discriminator:
        return "DiscriminatorEpilogue"
    if last.startswith("b") and last[1:].isdigit():
        return "DiscriminatorBlock" if discriminator else "SynthesisBlock"
    if last in ("affine", "embed", "fc", "out") or last.startswith("fc"):
        return "FullyConnectedLayer"
    if last == "torgb":
        return "ToRGBLayer"
    return "Conv2dLayer" if discriminator else "SynthesisLayer"


def ada_module(
    state: State, discriminator: bool, attributes: dict[str, dict[str, Any]], path: str = "", **options: Any
) -> Persistent:
    """Return the module tree of a state dict.

    Args:
        state: tensors by dotted name.
        discriminator: D rather than G.
        attributes: plain attributes of modules, by path.
        path: of this module.
        options: `module_src`, and `class_names` that replace the real ones by path.
    """
    prefix = f"{path}." if path else ""
    inside = {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
    own = {name: value for name, value in inside.items() if "." not in name}
    children = dict.fromkeys(name.split(".")[0] for name in inside if "." in name)
    fields: dict[str, Any] = {
        "training": False,
        "_parameters": collections.OrderedDict(
            (name, torch.nn.Parameter(value)) for name, value in own.items() if name not in BUFFERS
        ),
        "_buffers": collections.OrderedDict((name, value) for name, value in own.items() if name in BUFFERS),
        "_non_persistent_buffers_set": set(),
        "_backward_hooks": collections.OrderedDict(),
        "_forward_hooks": collections.OrderedDict(),
        "_is_full_backward_hook": None,
        "_modules": collections.OrderedDict(
            (name, ada_module(state, discriminator, attributes, prefix + name, **options)) for name in children
        ),
        "_init_args": (),
        "_init_kwargs": EasyDict(),
    }
    class_name = options.get("class_names", {}).get(path, ada_class(path, discriminator))
    return Persistent(class_name, fields | attributes.get(path, {}), options.get("module_src", "import torch\n"))


def with_filters(state: State) -> State:
    """Add the low-pass filters that NVIDIA's layers keep as buffers (the importers leave them out)."""
    filters = {}
    for name in state:
        module, _, last = name.rpartition(".")
        if last == "weight" and module.rsplit(".", 1)[-1] in ("conv0", "conv1", "skip", "conv", "fromrgb"):
            filters[f"{module}.resample_filter"] = LOWPASS
        if last == "weight" and module.endswith("torgb"):
            filters[f"{module.removesuffix('.torgb')}.resample_filter"] = LOWPASS
    return state | filters


def ada_snapshot(
    generator: State, discriminator: State | None, kwargs: dict[str, Any], **options: Any
) -> dict[str, Any]:
    """Return what a StyleGAN2-ADA snapshot pickles.

    Args:
        generator: state dict of G_ema (and, scaled by 2, of G).
        discriminator: state dict of D, or None.
        kwargs: the attributes z_dim, c_dim, w_dim, img_resolution, img_channels and `_init_kwargs` of the generator.
        options: of `ada_module`.
    """
    arguments = kwargs["_init_kwargs"]
    layer = {"conv_clamp": arguments["synthesis_kwargs"].get("conv_clamp"), "activation": "lrelu"}
    attributes = {"": kwargs, "synthesis.b4.conv1": layer, "mapping.fc0": {"bias_gain": 0.01, "activation": "lrelu"}}
    d_attributes = {"": {"_init_kwargs": EasyDict(conv_clamp=layer["conv_clamp"])}, "b4.conv": layer}
    augment = Persistent("AugmentPipe", {"_buffers": collections.OrderedDict(p=torch.zeros(())), "xflip": 1.0})
    return {
        "training_set_kwargs": EasyDict(class_name="training.dataset.ImageFolderDataset", path="data.zip"),
        "G": ada_module(with_filters({k: v * 2 for k, v in generator.items()}), False, attributes, **options),
        "D": ada_module(with_filters(discriminator), True, d_attributes, **options) if discriminator else None,
        "G_ema": ada_module(with_filters(generator), False, attributes, **options),
        "augment_pipe": augment,
    }


# TensorFlow.


def _hwio(value: Tensor) -> np.ndarray:
    return np.ascontiguousarray(value.permute(2, 3, 1, 0).numpy())


def tensorflow_generator(state: State) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return the variables of G, of its mapping and of its synthesis component."""
    main = {"dlatent_avg": state["mapping.w_avg"].numpy()}
    mapping, synthesis = {}, {}
    for name, value in state.items():
        parts = name.split(".")
        if parts[0] == "mapping" and parts[1] != "w_avg":
            layer = "LabelEmbed" if parts[1] == "embed" else f"Dense{parts[1][2:]}"
            mapping[f"{layer}/{parts[2]}"] = value.numpy().T.copy() if value.ndim == 2 else value.numpy()
        if parts[0] == "synthesis":
            resolution = int(parts[1][1:])
            theirs, array = _tensorflow_synthesis(resolution, parts[2:], value)
            synthesis[theirs] = array
    return main, mapping, synthesis


def _tensorflow_synthesis(resolution: int, parts: list[str], value: Tensor) -> tuple[str, np.ndarray]:
    scope = f"{resolution}x{resolution}"
    if parts == ["const"]:
        return f"{scope}/Const/const", value[None].numpy()
    layer = {"conv0": "Conv0_up", "conv1": "Conv" if resolution == 4 else "Conv1", "torgb": "ToRGB"}[parts[0]]
    if parts[1] == "noise_const":
        k = 0 if resolution == 4 else 2 * int(np.log2(resolution)) - (5 if parts[0] == "conv0" else 4)
        return f"noise{k}", value[None, None].numpy()
    if parts[1] == "affine":
        array = value.numpy().T.copy() if parts[2] == "weight" else value.numpy() - np.float32(1)
        return f"{scope}/{layer}/mod_{parts[2]}", array
    if parts[1] == "weight":
        return f"{scope}/{layer}/weight", _hwio(value.flip(2, 3) if layer == "Conv0_up" else value)
    return f"{scope}/{layer}/{parts[1]}", value.numpy()


def tensorflow_discriminator(state: State) -> dict[str, np.ndarray]:
    """Return the variables of D."""
    variables = {}
    names = {
        "fromrgb": "FromRGB",
        "conv0": "Conv0",
        "conv1": "Conv1_down",
        "skip": "Skip",
        "conv": "Conv",
        "fc": "Dense0",
    }
    for name, value in state.items():
        block, layer, part = name.split(".")
        scope = f"{block[1:]}x{block[1:]}/"
        if block == "mapping":
            layer = "LabelEmbed" if layer == "embed" else f"Mapping{layer[2:]}"
            variables[f"{layer}/{part}"] = value.numpy() if value.ndim == 1 else value.numpy().T.copy()
            continue
        theirs = f"Output/{part}" if layer == "out" else f"{scope}{names[layer]}/{part}"
        array = value.numpy() if value.ndim == 1 else value.numpy().T.copy() if value.ndim == 2 else _hwio(value)
        variables[theirs] = array
    return variables


def tensorflow_network(
    name: str,
    function: str,
    variables: dict[str, np.ndarray],
    static: dict[str, Any],
    components: dict[str, Network] | None = None,
) -> Network:
    """Return a network object as its pickle describes it."""
    return Network(
        {
            "version": 4,
            "name": name,
            "static_kwargs": static,
            "components": components or {},
            "build_module_src": "import numpy as np\n",
            "build_func_name": function,
            "variables": list(variables.items()),
        }
    )


def tensorflow_snapshot(
    generator: State, discriminator: State, static: dict[str, Any], d_static: dict[str, Any] | None = None
) -> tuple[Network, Network, Network]:
    """Return (G, D, Gs); G's weights are those of Gs times 2."""
    d_static = {"mbstd_group_size": 4} if d_static is None else d_static

    def whole(name: str, state: State) -> Network:
        main, mapping, synthesis = tensorflow_generator(state)
        parts = {
            "mapping": tensorflow_network("G_mapping", "G_mapping", mapping, static),
            "synthesis": tensorflow_network("G_synthesis", "G_synthesis_stylegan2", synthesis, static),
        }
        return tensorflow_network(name, "G_main", main, static, parts)

    d = tensorflow_network("D", "D_stylegan2", tensorflow_discriminator(discriminator), d_static)
    return whole("G", {name: value * 2 for name, value in generator.items()}), d, whole("Gs", generator)


# rosinality style.


def rosinality_generator(state: State) -> "collections.OrderedDict[str, Tensor]":
    """Return the state dict of a generator."""
    result: collections.OrderedDict[str, Tensor] = collections.OrderedDict()
    noises = {}
    for name, value in state.items():
        parts = name.split(".")
        if parts[0] == "mapping":
            if parts[1] != "w_avg":
                result[f"style.{int(parts[1][2:]) + 1}.{parts[2]}"] = value
            continue
        log2 = int(np.log2(int(parts[1][1:])))
        if parts[2] == "const":
            result["input.input"] = value[None]
            continue
        if parts[2] == "torgb":
            layer = "to_rgb1" if log2 == 2 else f"to_rgbs.{log2 - 3}"
        else:
            index = 2 * (log2 - 3) + int(parts[2][4:])
            layer = "conv1" if log2 == 2 else f"convs.{index}"
        if parts[3] == "affine":
            result[f"{layer}.conv.modulation.{parts[4]}"] = value
        elif parts[3] == "weight":
            result[f"{layer}.conv.weight"] = value[None]
            if parts[2] == "conv0":
                result[f"{layer}.conv.blur.kernel"] = LOWPASS * 4
            if parts[2] == "torgb" and log2 > 2:
                result[f"{layer}.upsample.kernel"] = LOWPASS * 4
        elif parts[3] == "bias":
            result[f"{layer}.bias" if parts[2] == "torgb" else f"{layer}.activate.bias"] = (
                value.reshape(1, -1, 1, 1) if parts[2] == "torgb" else value
            )
        elif parts[3] == "noise_strength":
            result[f"{layer}.noise.weight"] = value.reshape(1)
        else:
            noises["noises.noise_0" if log2 == 2 else f"noises.noise_{index + 1}"] = value[None, None]
    result.update(noises)
    return result


def rosinality_discriminator(state: State) -> "collections.OrderedDict[str, Tensor]":
    """Return the state dict of a discriminator."""
    top = max(int(name.split(".")[0][1:]) for name in state)
    result: collections.OrderedDict[str, Tensor] = collections.OrderedDict()
    for name, value in state.items():
        block, layer, part = name.split(".")
        i = int(np.log2(top // int(block[1:]))) + 1
        if layer == "fromrgb":
            result[f"convs.0.{'0.weight' if part == 'weight' else '1.bias'}"] = value
        elif block == "b4":
            rest = {
                "conv": f"final_conv.{'0.weight' if part == 'weight' else '1.bias'}",
                "fc": f"final_linear.0.{part}",
                "out": f"final_linear.1.{part}",
            }
            result[rest[layer]] = value
        elif layer == "conv0":
            result[f"convs.{i}.conv1.{'0.weight' if part == 'weight' else '1.bias'}"] = value
        elif layer == "conv1":
            result[f"convs.{i}.conv2.0.kernel"] = LOWPASS
            result[f"convs.{i}.conv2.{'1.weight' if part == 'weight' else '2.bias'}"] = value
        else:
            result[f"convs.{i}.skip.0.kernel"] = LOWPASS
            result[f"convs.{i}.skip.1.weight"] = value
    return result


def rosinality_snapshot(generator: State, discriminator: State | None = None) -> dict[str, Any]:
    """Return what a rosinality-style training snapshot saves; `g` is `g_ema` times 2."""
    snapshot: dict[str, Any] = {
        "g": rosinality_generator({name: value * 2 for name, value in generator.items()}),
        "g_ema": rosinality_generator(generator),
        "g_optim": {
            "state": {0: {"step": 3, "exp_avg": torch.ones(2)}},
            "param_groups": [{"lr": 0.002, "betas": (0.0, 0.99)}],
        },
        "args": argparse.Namespace(size=32, n_mlp=8, path="data", local_rank=0),
        "latent_avg": generator["mapping.w_avg"],
    }
    if discriminator is not None:
        snapshot["d"] = rosinality_discriminator(discriminator)
    return snapshot


WHOLE_CLASSES = ("Generator", "StyledConv", "ToRGB", "EqualLinear", "Blur")


@contextlib.contextmanager
def users_program(module: str, *more: str) -> Iterator[dict[str, type[torch.nn.Module]]]:
    """Yield the classes of a user's copy of a rosinality-style program, while its module can be found."""
    classes = {name: type(name, (torch.nn.Module,), {"__module__": module}) for name in (*WHOLE_CLASSES, *more)}
    parts = module.split(".")
    names = [".".join(parts[:depth]) for depth in range(1, len(parts) + 1)]
    sys.modules |= {name: types.ModuleType(name) for name in names}
    vars(sys.modules[module]).update(classes)
    try:
        yield classes
    finally:
        for name in names:
            del sys.modules[name]


def whole_module(state: State, classes: dict[str, type[torch.nn.Module]]) -> torch.nn.Module:
    """Return a module that has the tensors of a state dict, as parameters or buffers of a tree of modules."""
    root = classes["Generator"]()
    for name, value in state.items():
        module, *path, last = root, *name.split(".")
        for part in path:
            if part not in module._modules:
                numbered = part.isdigit() or part in ("convs", "to_rgbs", "style")
                kind = torch.nn.Module if part == "noises" else classes["StyledConv"]
                module.add_module(part, torch.nn.ModuleList() if numbered and not part.isdigit() else kind())
            module = module._modules[part]
        if last == "kernel" or "noises" in path:
            module.register_buffer(last, value)
        else:
            module.register_parameter(last, torch.nn.Parameter(value))
    return root


def torch_saved(value: Any, path: Path, legacy: bool = False) -> Path:
    """Write a `.pt` file as current torch does, or as torch did before 1.6."""
    buffer = io.BytesIO()
    torch.save(value, buffer, _use_new_zipfile_serialization=not legacy)
    path.write_bytes(buffer.getvalue())
    return path
