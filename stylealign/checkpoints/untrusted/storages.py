"""The storages of a torch file: the types that it may name, and where in the file each one's values are."""

from typing import Any

import torch

from stylealign.checkpoints.untrusted.machine import Constructor, Global
from stylealign.checkpoints.untrusted.source import Source, shown
from stylealign.checkpoints.untrusted.values import Storage

STORAGE_DTYPES = {
    "FloatStorage": torch.float32,
    "DoubleStorage": torch.float64,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}
STORAGES: dict[tuple[str, str], Constructor | None] = {
    (module, name): None for module in ("torch", "torch.cuda") for name in STORAGE_DTYPES
}
"""Mentioned in persistent ids only: a storage's type."""


def storage_dtype(name: str) -> torch.dtype:
    """Return the element type of an allow-listed storage class."""
    assert name in STORAGE_DTYPES, shown(name)
    return STORAGE_DTYPES[name]


class StoragesOfFile:
    """The storages a pickle refers to, by key."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.by_key: dict[str, Storage] = {}

    def __call__(self, reference: Any) -> Storage | Global:
        """Return the storage of a persistent id ("storage", type, key, location, numel(, None)).

        Older files name the class of a whole module like this too, with its source text, which is dropped unread:
        ("module", class, file, source).
        """
        if isinstance(reference, tuple) and len(reference) == 4 and reference[0] == "module":
            if not isinstance(reference[1], Global):
                raise self.source.refuse("refers to outside data in an unknown way; refused")
            return reference[1]
        if (
            not isinstance(reference, tuple)
            or len(reference) not in (5, 6)
            or reference[0] != "storage"
            or reference[5:] not in ((), (None,))
        ):
            raise self.source.refuse("refers to outside data in an unknown way; refused")
        _, kind, key, _, numel = reference[:5]
        if not isinstance(kind, Global) or (kind.module, kind.name) not in STORAGES or not isinstance(key, (str, int)):
            raise self.source.refuse("refers to outside data in an unknown way; refused")
        if type(numel) is not int or not 0 <= numel <= self.source.size:
            raise self.source.refuse(
                f"a storage claims {shown(numel)} values, more than the file holds; truncated or damaged"
            )
        storage = self.by_key.setdefault(str(key), Storage(self.source, storage_dtype(kind.name), numel))
        if storage.numel != numel or storage.dtype != storage_dtype(kind.name):
            raise self.source.refuse("describes one storage in two ways; the file is damaged")
        return storage
