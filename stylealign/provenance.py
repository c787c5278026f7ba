"""Provenance: what has to be known of a result to make the same one again. Imports no torch."""

from pathlib import Path
from typing import Any

from stylealign.errors import StyleAlignError
from stylealign.files import sha256_of_path
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
