"""The allow-list: every name that a known checkpoint format mentions, and what is built for it.

A constructor gets the arguments as they stand in the file, checks them, and returns a description (`values`)
or a plain container. None of them imports, evaluates or calls anything that the file chooses.
"""

from typing import Any

from stylealign.checkpoints.untrusted.machine import ANY_MODULE, Constructor, PickleMachine
from stylealign.checkpoints.untrusted.source import Blob
from stylealign.checkpoints.untrusted.torch_sequence import read_nested_storage
from stylealign.checkpoints.untrusted.values import (
    Array,
    Dtype,
    Instance,
    Module,
    Storage,
    StoredTensor,
    as_bytes,
    make_tensor,
)

INERT_TORCH = (
    *("float16", "float32", "float64", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool"),
    *("strided", "contiguous_format", "channels_last", "preserve_format"),
)
PERSISTENT_KEYS = {"type", "version", "module_src", "class_name", "state"}
MODULE_CLASSES = (
    *("Generator", "Discriminator", "PixelNorm", "EqualLinear", "EqualConv2d", "ConstantInput", "StyledConv", "ToRGB"),
    *("ModulatedConv2d", "NoiseInjection", "Blur", "Upsample", "Downsample", "ConvLayer", "ResBlock"),
    *("FusedLeakyReLU", "ScaledLeakyReLU"),
)
"""Classes of rosinality-style networks, wherever a user's copy of that code keeps them."""
TORCH_CLASSES = (
    ("torch.nn.modules.container", "Sequential"),
    ("torch.nn.modules.container", "ModuleList"),
    ("torch.nn.modules.module", "Module"),
    ("torch.nn.modules.activation", "LeakyReLU"),
    ("torch.nn.parallel.data_parallel", "DataParallel"),
    ("torch.nn.parallel.distributed", "DistributedDataParallel"),
)
TENSORFLOW_NETWORK = "dnnlib.tflib.network.Network"


def _dictionary(m: PickleMachine, arguments: tuple[Any, ...]) -> dict[Any, Any]:
    """OrderedDict and EasyDict: empty (items follow), or from a list of pairs."""
    if arguments == ():
        return {}
    pairs = arguments[0] if len(arguments) == 1 else None
    if not isinstance(pairs, list) or not all(isinstance(pair, (list, tuple)) and len(pair) == 2 for pair in pairs):
        raise m.unexpected("builds a dictionary")
    return {m.key(key): value for key, value in pairs}


def _set(m: PickleMachine, arguments: tuple[Any, ...]) -> set[Any]:
    if len(arguments) != 1 or not isinstance(arguments[0], (list, tuple)):
        raise m.unexpected("builds a set")
    return {m.key(item) for item in arguments[0]}


def _persistent_object(m: PickleMachine, arguments: tuple[Any, ...]) -> Instance:
    """A module of a StyleGAN2-ADA pickle. `module_src`, its source text, is dropped unread."""
    meta = arguments[0] if len(arguments) == 1 else None
    if not isinstance(meta, dict) or set(meta) != PERSISTENT_KEYS or meta["type"] != "class":
        raise m.unexpected("calls torch_utils.persistence._reconstruct_persistent_obj")
    if not isinstance(meta["class_name"], str) or not isinstance(meta["state"], dict):
        raise m.unexpected("calls torch_utils.persistence._reconstruct_persistent_obj")
    return Instance(meta["class_name"], meta["state"])


def _tensor(m: PickleMachine, arguments: tuple[Any, ...]) -> StoredTensor:
    """storage, offset, size, stride(, requires_grad, backward_hooks(, metadata))."""
    if not 4 <= len(arguments) <= 7 or (len(arguments) > 5 and arguments[5] not in ({}, None)):
        raise m.unexpected("calls torch._utils._rebuild_tensor_v2")
    storage, offset, shape, strides = arguments[:4]
    return make_tensor(m, storage, offset, shape, strides)


def _parameter(m: PickleMachine, arguments: tuple[Any, ...]) -> StoredTensor:
    """tensor, requires_grad, backward_hooks(, state)."""
    if not 2 <= len(arguments) <= 4 or not isinstance(arguments[0], StoredTensor):
        raise m.unexpected("calls torch._utils._rebuild_parameter")
    return arguments[0]


def _storage(m: PickleMachine, arguments: tuple[Any, ...]) -> Storage:
    """A whole torch file inside the pickle, which holds one storage."""
    if len(arguments) != 1 or not isinstance(arguments[0], Blob):
        raise m.unexpected("calls torch.storage._load_from_bytes")
    return read_nested_storage(arguments[0])


def _size(m: PickleMachine, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    if len(arguments) != 1 or not isinstance(arguments[0], (tuple, list)):
        raise m.unexpected("calls torch.Size")
    return tuple(arguments[0])


def _text(m: PickleMachine, arguments: tuple[Any, ...]) -> str:
    """Devices, layouts and paths: kept as text."""
    if not all(isinstance(part, (str, int)) for part in arguments):
        raise m.unexpected("names a device or a path")
    return ":".join(map(str, arguments))


def _encode(m: PickleMachine, arguments: tuple[Any, ...]) -> bytes:
    """Bytes, as pickle protocol 2 spells them."""
    text, encoding = arguments if len(arguments) == 2 else (None, None)
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise m.unexpected("calls _codecs.encode")
    return as_bytes(m, text)


def _dtype(m: PickleMachine, arguments: tuple[Any, ...]) -> Dtype:
    if not 1 <= len(arguments) <= 3:
        raise m.unexpected("calls numpy.dtype")
    return Dtype(m, arguments[0])


def _array(m: PickleMachine, arguments: tuple[Any, ...]) -> Array:
    """numpy's _reconstruct(ndarray, (0,), b'b'): an empty array whose state follows."""
    if len(arguments) != 3 or arguments[1] != (0,) or str(arguments[0]) != "numpy.ndarray":
        raise m.unexpected("calls numpy.core.multiarray._reconstruct")
    return Array()


def _array_from_buffer(m: PickleMachine, arguments: tuple[Any, ...]) -> Array:
    """numpy's _frombuffer(buffer, dtype, shape, order), of pickle protocol 5."""
    if len(arguments) != 4 or not isinstance(arguments[1], Dtype) or arguments[3] not in ("C", "F"):
        raise m.unexpected("calls numpy.core.numeric._frombuffer")
    array = Array()
    array.fill(m, arguments[2], arguments[1].dtype, arguments[3] == "F", arguments[0])
    return array


def _scalar(m: PickleMachine, arguments: tuple[Any, ...]) -> float | int | bool:
    if len(arguments) != 2 or not isinstance(arguments[0], Dtype):
        raise m.unexpected("calls numpy.core.multiarray.scalar")
    array = Array()
    array.fill(m, (), arguments[0].dtype, False, arguments[1])
    return array.read().item()


def _namespace(m: PickleMachine, arguments: tuple[Any, ...]) -> Instance:
    if arguments != ():
        raise m.unexpected("builds argparse.Namespace")
    return Instance("argparse.Namespace")


def _network(m: PickleMachine, arguments: tuple[Any, ...]) -> Instance:
    if arguments != ():
        raise m.unexpected(f"builds {TENSORFLOW_NETWORK}")
    return Instance(TENSORFLOW_NETWORK)


def _module_class(name: str) -> Constructor:
    def construct(m: PickleMachine, arguments: tuple[Any, ...]) -> Module:
        if arguments != ():
            raise m.unexpected(f"builds {name}")
        return Module(name)

    return construct


def _allow_list() -> dict[tuple[str, str], Constructor | None]:
    allowed: dict[tuple[str, str], Constructor | None] = {
        ("collections", "OrderedDict"): _dictionary,
        ("dnnlib.util", "EasyDict"): _dictionary,
        ("dnnlib", "EasyDict"): _dictionary,
        ("dnnlib.tflib.network", "Network"): _network,
        ("torch_utils.persistence", "_reconstruct_persistent_obj"): _persistent_object,
        ("torch._utils", "_rebuild_tensor"): _tensor,
        ("torch._utils", "_rebuild_tensor_v2"): _tensor,
        ("torch._utils", "_rebuild_parameter"): _parameter,
        ("torch._utils", "_rebuild_parameter_with_state"): _parameter,
        ("torch.storage", "_load_from_bytes"): _storage,
        ("torch", "Size"): _size,
        ("torch", "device"): _text,
        ("torch.serialization", "_get_layout"): _text,
        ("numpy", "ndarray"): None,
        ("numpy", "dtype"): _dtype,
        ("_codecs", "encode"): _encode,
        ("argparse", "Namespace"): _namespace,
    }
    for package in ("numpy.core", "numpy._core"):
        allowed[f"{package}.multiarray", "_reconstruct"] = _array
        allowed[f"{package}.multiarray", "scalar"] = _scalar
        allowed[f"{package}.numeric", "_frombuffer"] = _array_from_buffer
    for module in ("pathlib", "pathlib._local"):
        allowed[module, "PosixPath"] = allowed[module, "WindowsPath"] = _text
    for builtins in ("builtins", "__builtin__"):
        allowed[builtins, "set"] = allowed[builtins, "frozenset"] = _set
    for key in (*TORCH_CLASSES, *((ANY_MODULE, name) for name in MODULE_CLASSES)):
        allowed[key] = _module_class(key[1])
    return allowed | {("torch", name): None for name in INERT_TORCH}


ALLOWED = _allow_list()
