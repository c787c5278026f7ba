"""Where the time of a CPU's training step goes, by kind of operation, in the calling thread's own time.

Operations are timed one by one where PyTorch dispatches them, and where `ops.native` calls its library. What the
timing adds lies outside of what it times, or is taken off (`call_cost_ns`), so that the rest of a step (Python,
autograd, calls) is a step's time without it less the operations.
"""

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from stylealign.ops.native import functions as native

NATIVE = {
    "winograd": "convolutions",
    "weight_gradient": "weight gradients",
    "resample": "filters",
    "epilogue": "activations",
    "epilogue_backward": "activations",
    "epilogue_double_backward": "activations",
    "mix_to_few": "colours",
    "mix_to_many": "colours",
    "mix_outer": "colours",
}
"""Part of every operation of the CPU's library."""
PRODUCTS = ("mm", "addmm", "bmm", "baddbmm")
OPTIMISER = ("_fused_adam_", "_foreach_lerp_")
ARITHMETIC = ("convolutions", "weight gradients", "products")
"""What the multiplications that are counted are done in."""
PASSES, SMALL = "other passes", "small operations"
PARTS = (*ARITHMETIC, "filters", "activations", "colours", "Adam and averaging", PASSES, SMALL)
"""Kinds of operations; `REST` is what is left of a step."""
REST = "Python, autograd, calls"
NOT_DIVIDED = (SMALL, REST)
"""What threads cannot divide."""
GRAIN = 32768
"""Numbers of a tensor below which PyTorch's operations element by element use one thread."""


def part_of(name: str, arguments: tuple[Any, ...], size: int) -> str:
    """Return the part that one of PyTorch's operations belongs to.

    Args:
        name: of the operation, without its namespace.
        arguments: its positional arguments.
        size: numbers of the largest tensor that it reads or writes.
    """
    if name == "convolution":
        return "convolutions"
    if name == "convolution_backward":  # its last argument says which gradients are wanted: input, weights, bias
        return "weight gradients" if arguments[-1][1] else "convolutions"
    if name in PRODUCTS:
        return "products"
    if name in OPTIMISER:
        return "Adam and averaging"
    return SMALL if size < GRAIN else PASSES


class Profile(TorchDispatchMode):
    """Adds up the nanoseconds of the operations inside, by part.

    Args:
        cost_ns: what timing adds to an operation.
    """

    def __init__(self, cost_ns: float = 0.0) -> None:
        super().__init__()
        self.cost_ns, self.spent_ns = cost_ns, defaultdict[str, float](float)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run an operation and time it."""
        started = time.thread_time_ns()
        result = func(*args, **(kwargs or {}))
        took = time.thread_time_ns() - started
        size = max((leaf.numel() for leaf in tree_leaves((args, result)) if isinstance(leaf, Tensor)), default=0)
        self.spent_ns[part_of(func.overloadpacket.__name__, args, size)] += max(took - self.cost_ns, 0.0)
        return result


@contextmanager
def profiled(cost_ns: float = 0.0) -> Iterator[Profile]:
    """Time the operations inside."""
    profile, call = Profile(cost_ns), native.call

    def timed(name: str, *arguments: Any) -> None:
        started = time.thread_time_ns()
        call(name, *arguments)
        profile.spent_ns[NATIVE[name]] += time.thread_time_ns() - started

    with patch.object(native, "call", timed), profile:
        yield profile


def call_cost_ns(calls: int = 500) -> float:
    """Return what timing adds to an operation: that of one number, timed, less what it takes by itself."""
    number = torch.zeros(1)
    started = time.thread_time_ns()
    for _ in range(calls):
        number.neg()
    itself = time.thread_time_ns() - started
    with Profile() as profile:
        for _ in range(calls):
            number.neg()
    return max(profile.spent_ns[SMALL] - itself, 0.0) / calls


def divided(one: float, two: float) -> float:
    """Return the share of a time that threads divide, from what one thread takes and what each of two does."""
    return min(max(2 * (1 - two / one), 0.0), 1.0) if one > 0 else 0.0


def with_threads(one: dict[str, float], shares: dict[str, float], threads: int) -> float:
    """Return what a step takes with more threads by Amdahl's law, part by part.

    Args:
        one: time of each part with one thread.
        shares: what threads divide of each; 0 where it is not named.
        threads: how many.
    """
    return sum(took * (1 - shares.get(part, 0.0) * (1 - 1 / threads)) for part, took in one.items())
