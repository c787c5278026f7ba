"""Leaving out the gradients of parameters in backward passes that only ask for those of inputs."""

from collections.abc import Iterator
from contextlib import contextmanager


class _Wanted:
    """Whether backward passes compute gradients of parameters: process-wide, as GPUs differentiate in own threads."""

    parameters = True


@contextmanager
def without_parameter_gradients() -> Iterator[None]:
    """Spare the first derivatives of weights and biases inside, where only those of inputs are asked for.

    PyTorch does not tell a function of ours which of its gradients `torch.autograd.grad` is after.
    """
    before, _Wanted.parameters = _Wanted.parameters, False
    try:
        yield
    finally:
        _Wanted.parameters = before


def parameters_wanted() -> bool:
    """Say whether a backward pass should compute the gradients of parameters."""
    return _Wanted.parameters
