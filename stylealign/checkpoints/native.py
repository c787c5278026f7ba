"""The native format: `model.safetensors`, tensors `G_ema.*`, `G.*`, `D.*`, and one JSON header entry.

The header entry `stylealign` holds the format version, the architecture and the info. It is the only entry, so a
file's bytes depend on its content alone (safetensors keeps several entries in no fixed order).
"""

import json
from collections.abc import Set
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from stylealign.checkpoints.weights import AVERAGED, DISCRIMINATOR, RAW, Weights, checked
from stylealign.errors import StyleAlignError
from stylealign.files import atomic_path, utf8_path
from stylealign.networks.architecture import Architecture

FORMAT_VERSION = 1
HEADER_KEY = "stylealign"


def save(
    path: str | Path,
    *,
    generator: nn.Module,
    generator_raw: nn.Module | None = None,
    discriminator: nn.Module | None = None,
    info: dict[str, Any] | None = None,
) -> None:
    """Write a checkpoint from networks, atomically.

    Args:
        path: the file, `model.safetensors`.
        generator: the averaged generator; its architecture is the checkpoint's.
        generator_raw: the generator in training.
        discriminator: the discriminator.
        info: JSON values to keep with the weights (`kimg`, `domain`, ...).

    Raises:
        StyleAlignError: the file cannot be written.
    """
    modules = {AVERAGED: generator, RAW: generator_raw, DISCRIMINATOR: discriminator}
    networks = {name: module.state_dict() for name, module in modules.items() if module is not None}
    write(path, Weights(generator.architecture, networks, dict(info or {})))  # type: ignore[arg-type]


def write(path: str | Path, weights: Weights, half: Set[str] = frozenset()) -> None:
    """Write `weights` atomically as float32.

    Args:
        path: the file.
        weights: the networks.
        half: tensors, by their names in a network, that are stored as float16: whoever reads them gets float32.

    Raises:
        StyleAlignError: tensors that do not fit the architecture, or a file that cannot be written.
    """
    weights = checked(weights, str(path))
    tensors = _separate(
        {
            f"{network}.{name}": (tensor.half() if name in half else tensor).cpu().contiguous()
            for network, state in weights.networks.items()
            for name, tensor in state.items()
        }
    )
    header = {"format_version": FORMAT_VERSION, "architecture": weights.architecture.model_dump(), "info": weights.info}
    with atomic_path(path) as temporary:
        try:
            with utf8_path(temporary) as writable:
                save_file(tensors, writable, metadata={HEADER_KEY: json.dumps(header)})
        except SafetensorError as error:
            raise StyleAlignError(f"{path}: cannot be written ({error}); nothing was changed") from error


def _separate(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Copy a tensor that shares its memory with an earlier one, as when one generator is saved as G_ema and G."""
    seen: set[int] = set()
    separate = {}
    for name, tensor in tensors.items():
        memory = tensor.data_ptr()
        separate[name] = tensor.clone() if memory in seen else tensor
        seen.add(memory)
    return separate


def read(path: str | Path) -> Weights:
    """Read a native checkpoint; its tensors are views of the file, paged in when used.

    Raises:
        StyleAlignError: a missing, truncated or damaged file, or one that is not a native checkpoint.
    """
    try:
        with utf8_path(path) as readable, safe_open(readable, framework="pt", device="cpu") as file:
            header = _header(file.metadata(), path)
            networks: dict[str, dict[str, Any]] = {}
            for key in file.keys():  # noqa: SIM118 - a safetensors handle is no dict
                network, _, name = key.partition(".")
                networks.setdefault(network, {})[name] = file.get_tensor(key)
    except (FileNotFoundError, IsADirectoryError) as error:
        raise StyleAlignError(f"{path}: no such file") from error
    except OSError as error:
        raise StyleAlignError(f"{path}: cannot be read ({error.strerror or error})") from error
    except SafetensorError as error:
        raise StyleAlignError(f"{path}: truncated or damaged ({error}); make or fetch it again") from error
    return checked(Weights(_architecture(header, path), networks, header["info"]), str(path))


def read_header(path: str | Path) -> dict[str, Any]:
    """Return the JSON header of a native checkpoint (`format_version`, `architecture`, `info`) without its tensors.

    Raises:
        StyleAlignError: as `read`.
    """
    try:
        with utf8_path(path) as readable, safe_open(readable, framework="pt", device="cpu") as file:
            return _header(file.metadata(), path)
    except (FileNotFoundError, IsADirectoryError) as error:
        raise StyleAlignError(f"{path}: no such file") from error
    except (OSError, SafetensorError) as error:
        raise StyleAlignError(f"{path}: truncated or damaged ({error}); make or fetch it again") from error


def _header(metadata: dict[str, str] | None, path: str | Path) -> dict[str, Any]:
    if not metadata or HEADER_KEY not in metadata:
        raise StyleAlignError(
            f"{path}: a safetensors file of another program (no {HEADER_KEY!r} header); no model can be read from it"
        )
    try:
        header = json.loads(metadata[HEADER_KEY])
    except (json.JSONDecodeError, RecursionError) as error:
        raise StyleAlignError(f"{path}: damaged header ({error}); make or fetch it again") from error
    if isinstance(header, dict) and isinstance(header.get("format"), str):
        raise StyleAlignError(f"{path}: holds {header['format']}, no model; give a model (stylealign train, fetch)")
    if not isinstance(header, dict) or not isinstance(header.get("info"), dict):
        raise StyleAlignError(f"{path}: damaged header (no info); make or fetch it again")
    if header.get("format_version") != FORMAT_VERSION:
        version = header.get("format_version")
        raise StyleAlignError(f"{path}: format version {version!r}, not {FORMAT_VERSION}; install a newer stylealign")
    return header


def _architecture(header: dict[str, Any], path: str | Path) -> Architecture:
    try:
        return Architecture.model_validate(header.get("architecture"))
    except ValidationError as error:
        problem = error.errors()[0]
        key = ".".join(map(str, problem["loc"]))
        raise StyleAlignError(
            f"{path}: architecture in the header: {key}: {problem['msg']}; make or fetch it again"
        ) from error
