"""What a file is, by its content: the file's name plays no part."""

from pathlib import Path
from typing import Any, NamedTuple

from stylealign.checkpoints import native, rosinality, stylegan2_pytorch, stylegan2_states, stylegan2_tensorflow
from stylealign.checkpoints.module_trees import without_data_parallel, without_modules
from stylealign.checkpoints.untrusted.source import Source, shown
from stylealign.checkpoints.untrusted.torch_files import (
    LEGACY_START,
    PICKLE_START,
    ZIP_START,
    read_legacy,
    read_pickle,
    read_zip,
)
from stylealign.checkpoints.untrusted.values import Instance
from stylealign.checkpoints.weights import AVERAGED, Weights, checked

NATIVE = "native"
IMPORTERS = (stylegan2_pytorch, stylegan2_tensorflow, rosinality, stylegan2_states)


class Recognised(NamedTuple):
    """The content of a checkpoint file and the format it was in."""

    format: str
    weights: Weights


def read_any(path: str | Path) -> Recognised:
    """Read a checkpoint of any known format. No code from the file runs.

    Raises:
        StyleAlignError: a file that is missing, damaged, of an unknown or unsupported kind, or that asks for a
            Python name which no checkpoint needs.
    """
    with Source(path) as source:
        start = source.data[:64]
        if not _is_safetensors(start):
            return _imported(source, _unpickled(source, start))
    return Recognised(NATIVE, native.read(path))


def _is_safetensors(start: bytes) -> bool:
    """Return whether a file begins with the length of a JSON header and its brace."""
    return start[8:9] == b"{" and int.from_bytes(start[:8], "little") < 1 << 32


def _unpickled(source: Source, start: bytes) -> Any:
    if start.startswith(ZIP_START):
        return read_zip(source)
    if start.startswith(LEGACY_START):
        return read_legacy(source)
    if start.startswith(PICKLE_START):
        return read_pickle(source)
    if not start:
        raise source.refuse("empty; make or fetch it again")
    if start.lstrip().lower().startswith((b"<!doctype", b"<html", b"<?xml")):
        raise source.refuse("a web page, not a model; download the file itself")
    if len(start) < 16:
        raise source.refuse("too short for a model; make or fetch it again")
    # Old text pickles end here too, by way of the name of the first global they ask for.
    if start[:1] in b"c(":
        return read_pickle(source)
    raise source.refuse(f"not a model file of a known format (begins with {start[:8]!r})")


def _plain(source: Source, value: Any) -> Any:
    """Return what a file holds as the importers know it: whole modules and DataParallel's names in their plain form."""
    value = without_data_parallel(without_modules(source, value))
    if isinstance(value, dict):
        return {key: without_data_parallel(part) for key, part in value.items()}
    lone = isinstance(value, Instance) and value.class_name == "Generator"
    return {AVERAGED: value} if lone else value


def _imported(source: Source, value: Any) -> Recognised:
    value = _plain(source, value)
    for importer in IMPORTERS:
        if importer.recognises(value):
            weights = importer.read(source, value)
            return Recognised(importer.FORMAT, checked(weights, source.name))
    if isinstance(value, dict):
        keys = ", ".join(shown(key) for key in list(value)[:8])
        raise source.refuse(f"holds no StyleGAN2 model known here (its keys: {keys})")
    raise source.refuse(f"holds {shown(value)}, no StyleGAN2 model known here")
