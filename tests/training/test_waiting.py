"""Nothing between two reports waits for a GPU: no step reads a tensor, and what is copied comes from pinned memory.

What waits cannot be part of a CUDA graph either.
"""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from stylealign.images import from_uint8
from stylealign.ops.native import functions as native
from stylealign.training import blur, draws, inputs, loop
from stylealign.training.loop import seed_step
from tests.training.common import WAYS, Squares, in_training, make_run

READ = ("_local_scalar_dense", "equal", "nonzero", "masked_select", "item")
"""Operations whose result, or its shape, is the value of a tensor: a GPU has to be waited for."""
TRAININGS: list[dict[str, Any]] = [
    {},
    {"keep": WAYS},
    {"augment": "bgc"},
    {"blur_px": 2.0},
    {"accumulate": 2},
    {"discriminator": "projected"},
    {"discriminator": "both", "augment": "bgc"},
]


class Unread(TorchDispatchMode):
    """Refuses to read what a GPU would have to compute first, and to copy from the CPU.

    The networks are on the CPU, or on `meta` in a GPU's place.

    Attributes:
        is_pinned: what is copied now is copied while the program goes on.
    """

    is_pinned = False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.name().removeprefix("aten::").partition(".")[0]
        masks = [t for t in tree_leaves(args[1:]) if isinstance(t, torch.Tensor) and t.dtype == torch.bool]
        reads = name in READ or (name.startswith("index") and masks)
        result = func(*args, **(kwargs or {}))
        if isinstance(result, torch.Tensor) and result.ndim:  # a number is given along with an operation
            given = [t for t in tree_leaves([args, kwargs]) if isinstance(t, torch.Tensor) and t.ndim]
            moves = result.is_meta and any(not t.is_meta for t in given) and not self.is_pinned
            is_number = name == "lift_fresh" and result.dtype != torch.float64  # the CPU draws in double precision
            reads = reads or moves or is_number
        assert not reads, f"{func.name()} waits for a GPU"
        return result


def test_reading_a_value_is_seen() -> None:
    ones = torch.ones(2)
    for wait in (
        lambda: ones[0].item(),
        ones.nonzero,
        lambda: bool(ones[0]),
        lambda: ones[ones > 0],
        lambda: ones.new_tensor([1.0, 2.0]),
        lambda: ones.to("meta"),
    ):
        with pytest.raises(AssertionError, match="waits for a GPU"), Unread():
            wait()


@pytest.mark.parametrize("changes", TRAININGS, ids=str)
def test_a_step_reads_no_value(changes: dict[str, Any]) -> None:
    step = in_training(changes, "cpu")
    step.step(0, from_uint8(Squares().batch(0, 8, 0, False)))  # what is kept from step to step is copied once
    for index in range(7):  # every kind of step
        seed_step(0, index)
        real = from_uint8(Squares().batch(index, 8, 0, False))
        with Unread():
            step.step(index, real)


@pytest.mark.parametrize("kernels", [False, True])
@pytest.mark.parametrize("changes", TRAININGS, ids=str)
def test_a_step_copies_from_pinned_memory_alone(
    changes: dict[str, Any], kernels: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On `meta` tensors, which no tensor of the CPU goes with; with PyTorch's operations, and as with the kernels."""
    mode, adam = Unread(), torch.optim.Adam

    def moved(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
        mode.is_pinned = True
        try:
            return tensor.to(device)
        finally:
            mode.is_pinned = False

    for module in (draws, inputs, blur):
        monkeypatch.setattr(module, "moved", moved)
    monkeypatch.setattr(torch.optim, "Adam", lambda groups, fused, **options: adam(groups, **options))
    monkeypatch.setattr(adam, "step", lambda self: None)  # PyTorch's own, fused, is for real devices
    for name in ("supported", "fuses"):
        monkeypatch.setattr(native, name, lambda images: kernels)
    monkeypatch.setattr(native, "_fills_vectors", lambda *channels, like: False)
    monkeypatch.setattr(native, "call", lambda *arguments: None)
    step = in_training(changes, "meta")
    real = torch.zeros(8, 3, 16, 16, device="meta")
    step.step(0, real)
    for index in range(7):
        seed_step(0, index)
        with mode:
            step.step(index, real)


def test_the_images_of_a_step_do_not_make_the_program_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def moved(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
        seen.append(tensor.dtype)
        return draws.moved(tensor, device)

    monkeypatch.setattr(loop, "moved", moved)
    run = make_run(tmp_path)
    run.train()
    assert seen == [torch.uint8] * run.steps_done
