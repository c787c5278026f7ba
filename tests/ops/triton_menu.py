"""The Triton kernels, interpreted, against the plain form; `test_triton.py` runs this file, in a process of its own."""

import itertools
import math
import os
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from stylealign.networks.layers import Convolution
from stylealign.ops import reference
from stylealign.ops.bias_act import LEAKY_SLOPE
from stylealign.ops.native import functions as native
from stylealign.ops.native import gpu
from tests.tolerances import FLOAT32, FLOAT64

assert os.environ.get("TRITON_INTERPRET") == "1", "run by test_triton.py"
TOLERANCE = {
    torch.float64: FLOAT64,
    torch.float32: FLOAT32,
    torch.float16: {"rtol": 4e-3, "atol": 4e-3},  # 11 bits, one rounding of the result and one of the inputs' products
    torch.bfloat16: {"rtol": 3e-2, "atol": 3e-2},  # 8 bits
}
DTYPES = list(TOLERANCE)
PADDINGS = [
    (1, 1, (-1, 2, 3, -2)),
    (2, 1, (2, 1, 2, 1)),
    (2, 1, (-3, 1, 5, 2)),
    (1, 2, (1, 1, 1, 1)),
    (2, 3, (4, -1, 3, 2)),
    (3, 1, (1, 2, 3, 4)),
]
CASES = [(torch.float64, *padding) for padding in PADDINGS] + [(dtype, *PADDINGS[1]) for dtype in DTYPES[1:]]


@pytest.fixture(autouse=True)
def _on_the_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    monkeypatch.setattr(native, "_call", lambda name, tensors, sizes, like: gpu.call(name, tensors, sizes))


def channels_last(*shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(shape, dtype=torch.float64).to(dtype).contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(("dtype", "up", "down", "padding"), CASES)
def test_resample_and_its_adjoint(dtype: torch.dtype, up: int, down: int, padding: tuple[int, int, int, int]) -> None:
    for channels, height, width, contiguous in ((19, 5, 4, False), (1, 4, 5, True)):
        images = channels_last(2, channels, height, width, dtype=dtype)
        images = (images.contiguous() if contiguous else images).requires_grad_()
        exact = images.detach().double().requires_grad_()
        expected = reference.upfirdn2d(exact, up, down, padding, gain=1.7)
        result = native.resample(images, tuple(expected.shape[2:]), up, down, (padding[2], padding[0]), 1.7)
        assert result.dtype == dtype
        torch.testing.assert_close(result.double(), expected, **TOLERANCE[dtype])
        direction = torch.randn_like(expected).to(dtype)
        (gradient,) = torch.autograd.grad(result, images, direction)
        (wanted,) = torch.autograd.grad(expected, exact, direction.double())
        torch.testing.assert_close(gradient.double(), wanted, **TOLERANCE[dtype])


def plain(values: Tensor, scale: Any, bias: Any, noise: Any, slope: float, clamp: float | None) -> Tensor:
    z = values if scale is None else values * scale[:, :, None, None]
    z = z if bias is None else z + bias[:, None, None]
    z = z if noise is None else z + noise
    z = F.leaky_relu(z, slope)
    return z if clamp is None else z.clamp(-clamp, clamp)


EVERY = list(itertools.product((False, True), (False, True), (0, 1, 2)))
FEW = [(False, False, 0), (True, True, 1), (True, False, 2)]


@pytest.mark.parametrize(
    ("channels", "slope", "clamp", "presences"),
    [(19, LEAKY_SLOPE, 0.7, EVERY), (70, LEAKY_SLOPE, 0.7, FEW), (1, LEAKY_SLOPE, None, FEW), (19, 1.0, None, FEW)],
)
def test_epilogue_and_both_derivatives(
    channels: int, slope: float, clamp: float | None, presences: list[tuple[bool, bool, int]]
) -> None:
    """In float64; which of scale, bias and noise (none, one, one a sample) there are; several programs' sums."""
    height, width = {1: (131, 131), 19: (7, 11), 70: (23, 19)}[channels]
    for present in presences:
        values = channels_last(2, channels, height, width)
        scale = torch.randn(2, channels, dtype=torch.float64) if present[0] else None
        bias = torch.randn(channels, dtype=torch.float64) if present[1] else None
        noise = torch.randn(present[2], 1, height, width, dtype=torch.float64) if present[2] else None
        given = [None if t is None else t.requires_grad_() for t in (values, scale, bias, noise)]
        inputs = [t for t in given if t is not None]
        grad = channels_last(2, channels, height, width).requires_grad_()
        directions = [torch.randn_like(t) for t in inputs]
        outcomes = []
        for function in (native.epilogue, plain):
            out = function(*given, slope, clamp)  # type: ignore[arg-type]
            first = torch.autograd.grad(out, inputs, grad, create_graph=True)
            sums = sum((f * d).sum() for f, d in zip(first, directions, strict=True))
            second = torch.autograd.grad(sums, [*inputs, grad], allow_unused=True)  # type: ignore[arg-type]
            outcomes.append([out, *first, *(torch.zeros(()) if t is None or not t.any() else t for t in second)])
        for ours, theirs in zip(*outcomes, strict=True):
            torch.testing.assert_close(ours.double(), theirs.double(), **FLOAT64)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_epilogue_in_lower_precision(dtype: torch.dtype) -> None:
    given = [
        channels_last(2, 19, 9, 7, dtype=dtype),
        *(torch.randn(*s).to(dtype) for s in ((2, 19), (19,), (1, 1, 9, 7))),
    ]
    inputs = [t.requires_grad_() for t in given]
    exact = [t.detach().double().requires_grad_() for t in given]
    out, wanted = native.epilogue(*inputs, LEAKY_SLOPE, 1.5), plain(*exact, LEAKY_SLOPE, 1.5)
    assert out.dtype == dtype
    torch.testing.assert_close(out.double(), wanted, **TOLERANCE[dtype])
    direction = torch.randn_like(wanted).to(dtype)
    ours = torch.autograd.grad(out, inputs, direction)
    theirs = torch.autograd.grad(wanted, exact, direction.double())
    for a, b in zip(ours, theirs, strict=True):
        size = b.abs().max()  # sums over pixels and channels: relative to the largest
        torch.testing.assert_close(a.double() / size, b / size, **TOLERANCE[dtype])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("clamp", [0.7, 0.703, 181.02])
def test_no_gradient_passes_a_clamp_that_half_precision_cannot_hold(clamp: float, dtype: torch.dtype) -> None:
    values = torch.tensor([-300.0, 0.25, 300.0], dtype=dtype).reshape(1, 1, 1, 3).requires_grad_()
    out = native.epilogue(values, None, None, None, 1.0, clamp)
    (gradient,) = torch.autograd.grad(out.sum(), values)
    assert gradient.flatten().tolist() == [0.0, 1.0, 0.0]
    torch.testing.assert_close(out.flatten()[2], torch.tensor(clamp, dtype=dtype), rtol=0, atol=0)


@pytest.mark.parametrize(("clamp", "down"), [(None, False), (0.7, True)])
def test_a_convolution_of_the_discriminator_and_both_derivatives(
    clamp: float | None, down: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    layer = Convolution(2, 5, 3, down=down, clamp=clamp).double()
    images = channels_last(2, 2, 6, 4).requires_grad_()
    with torch.no_grad():
        layer.bias.normal_()
    outcomes = []
    for is_on in (True, False):
        monkeypatch.setattr(native, "supported", lambda images, is_on=is_on: is_on)
        monkeypatch.setattr(native, "fuses", lambda images, is_on=is_on: is_on)
        out = layer(images, gain=0.6)
        (first,) = torch.autograd.grad(out.square().sum(), images, create_graph=True)
        second = torch.autograd.grad(first.square().sum(), [images, *layer.parameters()])
        outcomes.append([out, first, *second])
    for ours, theirs in zip(*outcomes, strict=True):
        torch.testing.assert_close(ours, theirs, **FLOAT64)


def test_empty_batches_and_what_is_no_number() -> None:
    empty = torch.zeros(0, 3, 4, 4, requires_grad=True)
    out = native.resample(native.epilogue(empty, torch.zeros(0, 3), torch.ones(3)), (8, 8), 2, 1, (2, 2), 4.0)
    assert out.shape == (0, 3, 8, 8)
    out.sum().backward()
    values = torch.tensor([math.nan, math.inf, -math.inf, 1.0]).repeat(8)[None, :, None, None]
    result = native.epilogue(values, None, None, None, LEAKY_SLOPE, 2.0)[0, :4, 0, 0]
    assert result[0].isnan()
    assert result[1:].tolist() == [2.0, -2.0, 1.0]
