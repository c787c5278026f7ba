"""Random streams that have nothing in common: each is named by what it is for, and a seed.

Two draws that take one seed as it is are one draw: latents of the seed that a network was initialised with would be
that network's first weights. So the state of a generator is a hash of purpose and numbers. Streams whose outcome others
can repeat keep their own definition: the latents of `--seeds` (`sampling.z_of_seeds`), the steps of a training, the
orders and splits of data sets, the drawn figures, and what importers draw for a file that lacks it. Torch is imported
where it is seeded: light modules draw with NumPy alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch


def seed_of(purpose: str, *numbers: int) -> int:
    """Return the state of the stream of a purpose and its numbers (a seed first): 63 bits of a SHA-256."""
    name = ":".join([purpose, *(str(int(number)) for number in numbers)])
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") >> 1


def torch_stream(purpose: str, *numbers: int) -> torch.Generator:
    """Return a generator of PyTorch's on the CPU."""
    import torch

    return torch.Generator().manual_seed(seed_of(purpose, *numbers))


def numpy_stream(purpose: str, *numbers: int) -> np.random.Generator:
    """Return a generator of NumPy's."""
    return np.random.default_rng(seed_of(purpose, *numbers))


def seed_globally(purpose: str, *numbers: int) -> None:
    """Seed PyTorch's global generators, of every device."""
    import torch

    torch.manual_seed(seed_of(purpose, *numbers))


@contextmanager
def seeded(purpose: str, *numbers: int) -> Iterator[None]:
    """Seed PyTorch's global generator of the CPU for a block that initialises weights; after it all is as before."""
    import torch

    with torch.random.fork_rng(devices=[]):
        seed_globally(purpose, *numbers)
        yield
