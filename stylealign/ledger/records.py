"""Reads from a file, or from what lies beside it, how the file was made."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np

from stylealign.files import UNREADABLE_ARRAYS, UNREADABLE_ENTRY, opened_zip, safetensors_texts

SIDECAR = "metrics.json"
"""File that holds the provenance of everything else in its folder."""

MODEL = "model.safetensors"
"""File whose header holds the provenance of everything else that its training made."""

INFO_KEYS = ("kimg", "settings", "source", "source_sha256", "source_format", "blend")
"""What the header of a model says beside its provenance."""


@dataclasses.dataclass(frozen=True)
class Input:
    """A file that something was made from.

    Attributes:
        role: what it was used as.
        path: where it lay, relative to the folder of the run; None where only its hash was recorded.
        sha256: its hash then.
    """

    role: str
    path: str | None
    sha256: str


@dataclasses.dataclass(frozen=True)
class Record:
    """How a file was made.

    Attributes:
        facts: JSON values: verb, versions, seed, settings and whatever else was recorded.
        inputs: the files it was made from.
    """

    facts: dict[str, Any]
    inputs: tuple[Input, ...]


def record_of(path: Path) -> Record | None:
    """Return how a file was made, None where neither it nor a file beside it says so."""
    content = _own_record(path)
    if not content:  # annotations are made with the zip of their split, snapshots with the model
        content = (
            _of_json(path.parent / SIDECAR)
            or _of_zip(path.parent / f"{path.name.split('.')[0]}.zip")
            or _of_safetensors(path.parent / MODEL)
        )
    return _as_record(content) if content else None


def _own_record(path: Path) -> dict[str, Any]:
    readers = {".json": _of_json, ".zip": _of_zip, ".safetensors": _of_safetensors, ".npz": _of_npz}
    reader = readers.get(path.suffix)
    return reader(path) if reader else {}


def _as_record(content: dict[str, Any]) -> Record:
    facts = dict(content)
    paths, digests = facts.pop("inputs", {}), facts.pop("inputs_sha256", {})
    inputs = tuple(Input(role, paths.get(role), digest) for role, digest in digests.items())
    return Record(facts, inputs)


def _of_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return _provenance_in(content)


def _of_zip(path: Path) -> dict[str, Any]:
    try:
        with opened_zip(path) as archive:
            return _provenance_in(json.loads(archive.read("dataset.json")))
    except (KeyError, ValueError, *UNREADABLE_ENTRY):
        return {}


def _of_npz(path: Path) -> dict[str, Any]:
    """Return what the header of features says; codes and annotations have none."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return _provenance_in(json.loads(str(file["header"])))
    except UNREADABLE_ARRAYS:
        return {}


def _of_safetensors(path: Path) -> dict[str, Any]:
    """Return what the header of a model, an encoder or a label network says, without reading its tensors."""
    try:
        headers = [json.loads(text) for text in safetensors_texts(path).values()]
    except (OSError, ValueError):
        return {}
    found: dict[str, Any] = {}
    for header in headers:
        if isinstance(header, dict):
            info = header.get("info", header)
            found |= _model_facts(info) | _provenance_in(info)
    return found


def _model_facts(info: dict[str, Any]) -> dict[str, Any]:
    """Return the facts of a model's info; hashes that came without a path become inputs of their own."""
    facts = {key: info[key] for key in INFO_KEYS if key in info}
    digests = {role: info[role] for role in ("data", "parent") if role in info}
    return facts | ({"inputs_sha256": digests} if digests else {})


def _provenance_in(content: Any) -> dict[str, Any]:
    provenance = content.get("provenance") if isinstance(content, dict) else None
    return provenance if isinstance(provenance, dict) else {}
