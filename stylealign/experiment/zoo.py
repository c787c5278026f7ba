"""What planning needs of `data/zoo.yaml`: entries as they stand there, sizes, shared archives."""

from functools import cached_property
from pathlib import Path
from typing import Any

from stylealign.config import read_yaml


class Zoo:
    """The known models, data sets and weights, as plain values.

    Args:
        path: `data/zoo.yaml`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @cached_property
    def _values(self) -> dict[str, Any]:
        return read_yaml(self.path)

    def names(self, kind: str) -> list[str]:
        """Return the names of the `models`, `datasets` or `weights`."""
        return list(self._entries(kind))

    def entry(self, kind: str, name: str) -> dict[str, Any]:
        """Return an entry, {} where there is none of that name."""
        return self._entries(kind).get(name) or {}

    def _entries(self, kind: str) -> dict[str, dict[str, Any]]:
        return self._values.get(kind) or {}  # a key without a value is none

    def file_of(self, model: str) -> Path | None:
        """Return the bundled file of a model, None where it is downloaded or not known."""
        entry = self.entry("models", model)
        return self.path.parent / entry["path"] if "path" in entry else None

    def size_mb(self, kind: str, name: str) -> float | None:
        """Return the size of a download; 0 for a file that is here, None where it is not known."""
        entry = self.entry(kind, name)
        if not entry:
            return None if "://" in name else 0.0
        size: float | None = 0.0 if "path" in entry else entry.get("size_mb")
        return size

    def archive(self, name: str) -> str:
        """Return the address of a data set's archive, which several data sets may be parts of."""
        return str((self.entry("datasets", name).get("urls") or [name])[0])
