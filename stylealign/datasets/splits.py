"""Which split a figure belongs to, by what it is made of: no combination of parts is in two splits."""

import hashlib
from collections.abc import Callable, Mapping

import numpy as np

SPLITS = ("train", "test", "val")
"""The order is part of the seed of every drawn image."""

_SHARES = {"test": 1, "val": 1, "train": 8}
"""Shares of all combinations."""


def split_of(domain: str, parts: Mapping[str, str | None]) -> str:
    """Return the split of a combination of parts (component -> variant); a function of the combination alone."""
    text = domain + "".join(f"|{name}={variant}" for name, variant in sorted(parts.items()))
    place = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) % sum(_SHARES.values())
    for split, share in _SHARES.items():
        if place < share:
            return split
        place -= share
    raise AssertionError


def draw_parts(
    domain: str, split: str, rng: np.random.Generator, choose: Callable[[np.random.Generator], dict[str, str | None]]
) -> dict[str, str | None]:
    """Return the first combination of parts that belongs to a split."""
    while True:
        parts = choose(rng)
        if split_of(domain, parts) == split:
            return parts
