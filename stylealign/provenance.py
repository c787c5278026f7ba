"""Provenance: what has to be known of a result to make the same one again. Imports no torch."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from stylealign.config import TrainSettings
from stylealign.errors import StyleAlignError
from stylealign.files import safetensors_texts, sha256_of_path
from stylealign.installed import release


def provenance_of(
    verb: str,
    version: int,
    settings: Any,
    inputs: dict[str, str | Path | None],
    known_sha256: dict[str, str] | None = None,
    **facts: Any,
) -> dict[str, Any]:
    """Return what has to be known to make the same numbers again.

    Args:
        verb: command that measured.
        version: its version, of `stylealign.versions`.
        settings: settings model of the verb, or a dict of JSON values.
        inputs: files by role; None for a role that is not filled.
        known_sha256: hashes by role that the caller has already, so that a large file is not read twice.
        facts: anything else (features, protocol, counts).

    Returns:
        JSON object with the versions of package and torch, the seed, the settings, and path and SHA-256 of each input
        (of a folder: the hash of its files' names and hashes).
    """
    for role, path in inputs.items():
        if path is not None and not Path(path).exists():
            raise StyleAlignError(f"{path}: no such file ({role})")
    files = {role: path for role, path in inputs.items() if path is not None}
    known = known_sha256 or {}
    values = settings if isinstance(settings, dict) else settings.model_dump(mode="json")
    return {
        "version": release("stylealign"),
        "torch": release("torch"),
        "verb": verb,
        "verb_version": version,
        "seed": values.get("seed"),
        "settings": values,
        "inputs": {role: str(path) for role, path in files.items()},
        "inputs_sha256": {role: known.get(role) or sha256_of_path(path) for role, path in files.items()},
        **facts,
    }


def begun_with(run_dirs: Iterable[Path], settings: TrainSettings, is_child: bool) -> TrainSettings:
    """Return the settings of a training with its idle keys and its recipe's name as its last snapshot has them.

    The header of its model has the same: ended again, it is the same file, which its children know by its hash.

    Args:
        run_dirs: run directories of the training, for other numbers of threads.
        settings: as they are now.
        is_child: whether it starts from a parent.
    """
    snapshots = [path for folder in run_dirs for path in folder.glob("snapshots/[0-9]*.safetensors")]
    try:
        last = max(snapshots, key=lambda path: (path.name, path))
        known = json.loads(safetensors_texts(last)["stylealign"])["info"]["settings"]
    except (OSError, ValueError, KeyError):  # none yet, or a damaged one
        return settings
    was = {key: known[key] for key in ("preset", *settings.idle(is_child)) if key in known}
    return settings.model_copy(
        update={key: tuple(value) if isinstance(value, list) else value for key, value in was.items()}
    )
