"""Which GPUs use the kernels, and what is said where one does not run; without a GPU here."""

import ctypes
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from stylealign.errors import StyleAlignError
from stylealign.ops.native import build, functions, gpu

GPU = torch.device("cuda", 0)


class Sizes(ctypes.Structure):
    _fields_ = [("pixels", ctypes.c_int64)]


@pytest.fixture(autouse=True)
def _anew() -> Iterator[None]:
    build._is_new_enough.cache_clear()
    yield
    build._is_new_enough.cache_clear()


@pytest.mark.parametrize(
    ("asked", "capability", "wanted"),
    [
        (None, (7, 5), False),
        (None, (8, 0), True),
        (None, (9, 0), True),
        (None, (10, 0), True),
        ("", (9, 0), True),
        ("0", (9, 0), False),
        ("cuda", (7, 0), True),
    ],
)
def test_kernels_are_for_gpus_that_are_new_enough_unless_the_environment_says(
    asked: str | None, capability: tuple[int, int], wanted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("STYLEALIGN_NATIVE", raising=False)
    if asked is not None:
        monkeypatch.setenv("STYLEALIGN_NATIVE", asked)
    monkeypatch.setattr(torch.version, "hip", None)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    monkeypatch.setattr(gpu, "kernels", lambda: {})
    monkeypatch.setattr(gpu, "start", lambda device: True)
    assert build.wanted_on_gpu(GPU) == wanted
    images: Any = SimpleNamespace(device=GPU, dtype=torch.float16)
    assert functions.supported(images) == wanted
    monkeypatch.setattr(gpu, "kernels", lambda: None)
    assert not functions.supported(images), "Triton is not installed"


@pytest.mark.parametrize("value", ["1", "off", "false", "CUDA"])
def test_a_word_that_says_nothing_of_kernels_is_refused(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STYLEALIGN_NATIVE", value)
    for ask in (lambda: build.wanted_on_gpu(GPU), build.forced_on_gpu, build.cpu_library.__wrapped__):
        with pytest.raises(StyleAlignError, match=f"^STYLEALIGN_NATIVE={value}: 0 turns .* else unset it$"):
            ask()


def test_gpus_of_another_maker_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STYLEALIGN_NATIVE", raising=False)
    monkeypatch.setattr(torch.version, "hip", "6.0")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (9, 4))
    assert not build.wanted_on_gpu(GPU)


def test_a_kernel_that_does_not_run_is_told_in_one_line_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(tensors: Any, sizes: Any) -> None:
        raise RuntimeError("Triton Error [CUDA]:\n invalid argument")

    monkeypatch.setitem(gpu.LAUNCHES, "resample", fails)
    with pytest.raises(
        StyleAlignError, match=r"the kernel resample .* STYLEALIGN_NATIVE=0 turns the kernels off"
    ) as found:
        gpu.call("resample", [], Sizes())
    assert "Triton Error [CUDA]: invalid argument" in str(found.value)
    assert "\n" not in str(found.value)
    assert isinstance(found.value.__cause__, RuntimeError)
    assert isinstance(found.value, RuntimeError), "what looks for a failed recording finds it"


def test_a_lack_of_memory_stays_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(tensors: Any, sizes: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setitem(gpu.LAUNCHES, "resample", fails)
    with pytest.raises(torch.OutOfMemoryError, match="CUDA out of memory"):
        gpu.call("resample", [], Sizes())


def test_a_gpu_that_runs_no_kernel_is_left_to_pytorch_unless_the_environment_insists(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(tensors: Any, sizes: Any) -> None:
        raise RuntimeError("Failed to find\n C compiler")

    monkeypatch.setitem(gpu.LAUNCHES, "resample", fails)
    monkeypatch.setattr(build, "wanted_on_gpu", lambda device: True)
    monkeypatch.setattr(functions, "wanted_on_gpu", lambda device: True)
    monkeypatch.setattr(gpu, "kernels", lambda: {})
    gpu.start.cache_clear()
    monkeypatch.setattr(gpu, "start", lambda device, start=gpu.start: start(torch.device("cpu")))
    images: Any = SimpleNamespace(device=GPU, dtype=torch.float16)
    monkeypatch.delenv("STYLEALIGN_NATIVE", raising=False)
    assert [functions.supported(images), functions.supported(images)] == [False, False]
    assert capsys.readouterr().err == (
        "note: the kernels for GPUs are off, PyTorch computes: RuntimeError: Failed to find C compiler\n"
    )
    monkeypatch.setenv("STYLEALIGN_NATIVE", "cuda")
    assert functions.supported(images)
