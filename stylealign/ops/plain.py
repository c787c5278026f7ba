"""Running every operation in its PyTorch form, as exporting a network needs it."""

from collections.abc import Iterator
from contextlib import contextmanager


class _Wanted:
    """Whether operations run in PyTorch's form alone: process-wide, as what is exported is one network at a time."""

    plain = False


@contextmanager
def plain_form() -> Iterator[None]:
    """Run the operations inside in the form that other programs can be given; results agree to rounding."""
    before, _Wanted.plain = _Wanted.plain, True
    try:
        yield
    finally:
        _Wanted.plain = before


def plain_wanted() -> bool:
    """Say whether operations have to be made of PyTorch's own alone."""
    return _Wanted.plain
