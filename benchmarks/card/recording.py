"""What a CUDA graph does, without a GPU: operations on tensors, noted once and repeated on the very same memory."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

Scalars = dict[str, Tensor]


class OperationRecording(TorchDispatchMode):
    """A function that ran once, as a `graphs.Recording`: nothing of it is Python when it is repeated.

    All its tensors are kept, so that memory is not used twice.
    """

    def __init__(self, run: Callable[[], Scalars]) -> None:
        super().__init__()
        self._noted: list[tuple[Any, Any, Any, Any]] = []
        with self:
            self.result = run()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run an operation and note it; a view is the memory of what it views, and needs no repetition."""
        result = func(*args, **(kwargs or {}))
        if not func.is_view:
            self._noted.append((func, args, kwargs or {}, result))
        return result

    @torch.no_grad()
    def replay(self) -> None:
        """Repeat every operation, and put what is new where the first run's results lie."""
        for func, args, kwargs, result in self._noted:
            again = func(*args, **kwargs)
            for old, new in zip(tree_leaves(result), tree_leaves(again), strict=True):
                if isinstance(old, Tensor) and old is not new:
                    old.copy_(new)
