"""The files of a label network that was trained elsewhere: a YAML and the ONNX file that it names."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from stylealign.config.labellers import LabellerSettings
from stylealign.config.messages import validate
from stylealign.config.reading import read_yaml
from stylealign.errors import StyleAlignError
from stylealign.files import safetensors_texts

YAML = (".yaml", ".yml")
_OF_LENGTH, _LENGTHS, _GRAPH = 2, {1: 8, 5: 4}, 7
"""Kinds of fields in a protobuf file: with a length of their own, of fixed length; and the number of ONNX's graph."""


def is_description(path: str | Path) -> bool:
    """Return whether a file is the YAML of a label network, by its name."""
    return Path(path).suffix.lower() in YAML


def described(path: str | Path) -> tuple[LabellerSettings, Path]:
    """Return what the YAML of a label network says, and its ONNX file.

    Raises:
        StyleAlignError: no such YAML, or a mistake in it.
    """
    path = Path(path)
    settings = validate(LabellerSettings, read_yaml(path), str(path))
    return settings, path.parent / Path(settings.onnx).expanduser() if settings.onnx else path.with_suffix(".onnx")


def onnx_file_of(path: str | Path) -> Path:
    """Return the ONNX file that the YAML of a label network names.

    Raises:
        StyleAlignError: no such YAML, or a mistake in it.
    """
    return described(path)[1]


def task_and_names_of(path: str | Path) -> tuple[str, Sequence[str]]:
    """Return the task of a label network and what it names, by its YAML or the header of its file.

    Raises:
        StyleAlignError: a mistake in the YAML, or a file that is no label network.
    """
    if is_description(path):
        settings, _ = described(path)
        return settings.task, tuple(settings.names)
    try:
        spec = json.loads(safetensors_texts(path)["stylealign"])["spec"]
        return str(spec["task"]), tuple(map(str, spec["names"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StyleAlignError(
            f"{path}: no label network, or a damaged one; give the YAML of an ONNX file, or a file of `stylealign "
            "supervise` or `transfer`"
        ) from error


def whole_onnx(path: str | Path) -> bool:
    """Return whether a file is an ONNX network from its beginning to its end, by the lengths that stand in it."""
    size, has_graph = Path(path).stat().st_size, False
    with Path(path).open("rb") as file:
        try:
            while file.tell() < size:
                number, kind = divmod(_varint(file), 8)
                length = _LENGTHS.get(kind)
                if kind == _OF_LENGTH:
                    length = _varint(file)
                elif length is None:
                    _varint(file)
                    length = 0
                has_graph |= number == _GRAPH and kind == _OF_LENGTH
                if kind not in (0, _OF_LENGTH, *_LENGTHS) or number == 0 or file.tell() + length > size:
                    return False
                file.seek(length, 1)
        except EOFError:
            return False
    return has_graph


def _varint(file: BinaryIO) -> int:
    """Return the next number of a protobuf file.

    Raises:
        EOFError: the file ends in it.
    """
    value = 0
    for place in range(10):
        byte = file.read(1)
        if not byte:
            break
        value |= (byte[0] & 0x7F) << (7 * place)
        if byte[0] < 0x80:
            return value
    raise EOFError
