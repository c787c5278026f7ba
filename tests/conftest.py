"""Shared by all tests: one CPU thread, so that results do not depend on the machine's core count."""

import pytest


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
