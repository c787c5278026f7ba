"""The processes of one training run: one a GPU, on one machine or several, started by `torchrun`.

Gradients are summed by one explicit all-reduce a backward pass, not by DistributedDataParallel: its hooks expect one
forward and one backward a step, and R1 and path length differentiate twice, with other parameters at other steps.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from stylealign.devices import compute_device
from stylealign.errors import StyleAlignError

ANSWER_S = 1800
"""Longest wait for another process in the middle of a step: one may compile its kernels, or read images from afar. One
that ends is noticed at once, by its connection and by `torchrun`."""
WRITING_S = 3600
"""Longest wait for the first process, which alone writes and measures."""


@dataclass(frozen=True)
class Workers:
    """This process among those of the run; by default the only one. Every method is called by all of them together."""

    rank: int = 0
    count: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    control: Any = None
    """Process group of the messages beside the gradients, with patience for the first process."""

    @property
    def is_first(self) -> bool:
        """Whether this process is the one that writes files and messages."""
        return self.rank == 0

    def sum_(self, tensors: Sequence[Tensor]) -> None:
        """Replace tensors by their sums over the processes, to the bit the same everywhere."""
        self.begin_sum(tensors)()

    def begin_sum(self, tensors: Sequence[Tensor]) -> Callable[[], None]:
        """Begin to sum tensors over the processes, in one flat bucket; the rest of the step can go on meanwhile.

        Returns:
            What waits for the sums and puts them in the tensors' place, which stay as they are until then.
        """
        if self.count == 1:
            return lambda: None
        flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
        with _answers():
            sending = dist.all_reduce(flat, async_op=True)
        assert sending is not None, "a process outside of the group"

        def finish() -> None:
            with _answers():
                sending.wait()
            parts = flat.split([tensor.numel() for tensor in tensors])
            sums = [part.reshape(tensor.shape) for part, tensor in zip(parts, tensors, strict=True)]
            torch._foreach_copy_(list(tensors), sums)

        return finish

    def largest(self, *values: int) -> list[int]:
        """Return the largest of each value among the processes."""
        if self.count == 1:
            return list(values)
        agreed = torch.tensor(values)
        with _answers():
            dist.all_reduce(agreed, dist.ReduceOp.MAX, group=self.control)
        return [int(value) for value in agreed]

    def from_first(self, value: Any) -> Any:
        """Return the first process's `value` (plain values and tensors)."""
        if self.count == 1:
            return value
        box = [value]
        with _answers():
            dist.broadcast_object_list(box, src=0, group=self.control)
        return box[0]

    def wait_for_first(self) -> None:
        """Wait until the first process has done what it does alone."""
        if self.count > 1:
            with _answers():
                dist.barrier(group=self.control)


@contextmanager
def connected(environment: Mapping[str, str]) -> Iterator[Workers]:
    """Join the processes that `torchrun` started, if it did; leave them when the block is done.

    Args:
        environment: torchrun's RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR and MASTER_PORT.

    Raises:
        StyleAlignError: there are fewer GPUs than processes, or the other processes cannot be reached.
    """
    on_gpu = torch.cuda.is_available()
    device = compute_device()
    if on_gpu:
        device = torch.device("cuda", int(environment.get("LOCAL_RANK", "0")))
        if device.index >= torch.cuda.device_count():
            raise StyleAlignError(
                f"process {device.index + 1} of this machine has no GPU, there are {torch.cuda.device_count()};"
                " start as many processes (torchrun --nproc-per-node)"
            )
        torch.cuda.set_device(device)
    count = int(environment.get("WORLD_SIZE", "1"))
    if count == 1:
        yield Workers(device=device)
        return
    with _answers():
        dist.init_process_group("nccl" if on_gpu else "gloo", timeout=timedelta(seconds=ANSWER_S))
        control = dist.new_group(backend="gloo", timeout=timedelta(seconds=WRITING_S))
    yield Workers(dist.get_rank(), count, device, control)
    # Only here, not after an error: taking leave would wait for processes that may be gone.
    dist.destroy_process_group()


@contextmanager
def _answers() -> Iterator[None]:
    """Turn a process that is gone or silent into an error of this one."""
    try:
        yield
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[0]
        raise StyleAlignError(
            f"rank {os.environ.get('RANK', '?')}: another process of the run ended or does not answer ({reason});"
            " see its message, then start the same command again: it goes on from the last saved state"
        ) from error
