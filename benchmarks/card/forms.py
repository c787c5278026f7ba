"""The ways a network can be computed, as contexts, on a GPU and, interpreted, on a machine without one."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Literal
from unittest.mock import patch

import torch

from benchmarks.plain import plain_form
from stylealign.ops.native import functions as native
from stylealign.ops.native import gpu

Form = Literal["plain", "torch", "kernels"]
"""As the papers write it; PyTorch's own operations; Triton's kernels in their place."""


def device() -> torch.device:
    """Return the GPU, or the CPU where there is none: the kernels are interpreted there."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@contextmanager
def form(name: Form) -> Iterator[None]:
    """Compute in one form inside."""
    with ExitStack() as stack:
        wanted = {"STYLEALIGN_NATIVE": "cuda" if name == "kernels" else "0"}
        stack.enter_context(patch.dict(os.environ, wanted))
        if device().type == "cpu":
            _interpret(stack, name == "kernels")
        if name == "plain":
            stack.enter_context(plain_form())
        yield


@contextmanager
def tf32(is_on: bool) -> Iterator[None]:
    """Allow TF32 units for single precision inside, or forbid them."""
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = is_on
    try:
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before


def _interpret(stack: ExitStack, is_on: bool) -> None:
    """Give the operations of a CPU to the interpreter of the kernels, or to PyTorch."""

    def call(name: str, tensors: Any, sizes: Any, like: Any) -> None:
        gpu.call(name, tensors, sizes)

    for attribute, value in {
        "supported": lambda images: is_on,
        "fuses": lambda images: is_on,
        "_fills_vectors": lambda *channels, like: False,
        "FEW": 0,  # as on a GPU, where PyTorch's colours are an ordinary product
        "call": call,
    }.items():
        stack.enter_context(patch.object(native, attribute, value))
    stack.enter_context(patch.object(gpu, "STEPS", 1))  # blocks of pixels one after another: all but one lie outside
