"""The native operations against the plain form; their build: concurrent, interrupted, without a compiler, cached."""

import ctypes
import itertools
import math
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck

from stylealign.ops import reference
from stylealign.ops.bias_act import LEAKY_SLOPE
from stylealign.ops.convolution import conv2d
from stylealign.ops.native import build
from stylealign.ops.native import functions as native
from stylealign.ops.parameter_gradients import without_parameter_gradients
from tests.tolerances import FLOAT32, FLOAT64

TOLERANCE = {torch.float32: FLOAT32, torch.float64: FLOAT64}
DTYPES = list(TOLERANCE)
LAYOUTS = {
    "contiguous": lambda x: x,
    "channels-last": lambda x: x.contiguous(memory_format=torch.channels_last),
    "every other column": lambda x: torch.stack([x, x], dim=-1)[..., 0],
    "expanded": lambda x: x[:1].expand(x.shape),
}


@pytest.fixture(autouse=True)
def _native_or_skip() -> None:
    torch.manual_seed(0)
    if build.cpu_library() is None:
        pytest.skip("no C++ compiler")


def images(shape: tuple[int, ...], dtype: torch.dtype, layout: str) -> Tensor:
    return LAYOUTS[layout](torch.randn(shape, dtype=dtype))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(
    ("up", "down", "padding"),
    [
        (1, 1, (2, 1, 0, 3)),
        (1, 1, (-1, 2, 3, -2)),
        (2, 1, (2, 1, 2, 1)),
        (2, 1, (-3, 1, 5, 2)),
        (1, 2, (1, 1, 1, 1)),
        (2, 2, (3, 0, -1, 4)),
        (2, 3, (4, -1, 3, 2)),
        (3, 1, (1, 2, 3, 4)),
    ],
)
def test_resample_equals_the_plain_form(
    up: int, down: int, padding: tuple[int, int, int, int], layout: str, dtype: torch.dtype
) -> None:
    left, _, top, _ = padding
    for channels, height, width in ((1, 7, 5), (3, 9, 4), (16, 5, 8), (19, 4, 6), (32, 6, 6)):
        x = images((2, channels, height, width), dtype, layout)
        expected = reference.upfirdn2d(x, up, down, padding, gain=1.7)
        result = native.resample(x, tuple(expected.shape[2:]), up, down, (top, left), 1.7)
        assert result.dtype == dtype
        torch.testing.assert_close(result, expected, **TOLERANCE[dtype])


def plain_epilogue(
    values: Tensor,
    scale: Tensor | None,
    bias: Tensor | None,
    noise: Tensor | None,
    slope: float,
    clamp: float | None,
) -> Tensor:
    z = values
    z = z if scale is None else z * scale[:, :, None, None]
    z = z if bias is None else z + bias[:, None, None]
    z = z if noise is None else z + noise
    z = F.leaky_relu(z, slope)
    return z if clamp is None else z.clamp(-clamp, clamp)


def arguments(
    channels: int, dtype: torch.dtype, layout: str, present: tuple[bool, bool, int]
) -> tuple[Tensor | None, ...]:
    """Values, scale, bias and noise (0: none, 1: shared, 2: per sample) that require gradients."""
    values = images((2, channels, 13, 11), dtype, layout)
    scale = torch.randn(2, channels, dtype=dtype) if present[0] else None
    bias = torch.randn(channels, dtype=dtype) if present[1] else None
    noise = torch.randn(present[2], 1, 13, 11, dtype=dtype) if present[2] else None
    return tuple(None if t is None else t.detach().requires_grad_(True) for t in (values, scale, bias, noise))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("channels", [1, 16, 19, 35])
@pytest.mark.parametrize(("slope", "clamp"), [(1.0, None), (LEAKY_SLOPE, None), (LEAKY_SLOPE, 0.7)])
def test_epilogue_and_both_derivatives_equal_the_plain_form(
    channels: int, layout: str, slope: float, clamp: float | None, dtype: torch.dtype
) -> None:
    for present in itertools.product((False, True), (False, True), (0, 1, 2)):
        given = arguments(channels, dtype, layout, present)
        inputs = [t for t in given if t is not None]
        grad = torch.randn(given[0].shape, dtype=dtype, requires_grad=True)
        directions = [torch.randn_like(t) for t in inputs]
        outcomes = []
        for function in (native.epilogue, plain_epilogue):
            out = function(*given, slope, clamp)
            first = torch.autograd.grad(out, inputs, grad, create_graph=True)
            sums = sum((f * d).sum() for f, d in zip(first, directions, strict=True))
            second = torch.autograd.grad(sums, [*inputs, grad], allow_unused=True)
            # An unused gradient and zeros are the same.
            second = [torch.zeros(()) if t is None or not t.any() else t for t in second]
            outcomes.append([out, *first, *second])
        for ours, theirs in zip(*outcomes, strict=True):
            torch.testing.assert_close(ours, theirs.to(ours.dtype), **TOLERANCE[dtype])


def double(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, requires_grad=True)


def test_gradients_numerically() -> None:
    x, scale, bias, noise = double(2, 3, 5, 4), double(2, 3), double(3), double(1, 1, 5, 4)
    calls = [
        (lambda x: native.resample(x, (4, 3), 2, 2, (1, -1), 1.3), (x,)),
        (lambda *t: native.epilogue(*t, LEAKY_SLOPE, 0.9), (x, scale, bias, noise)),
        (native.mix, (double(2, 6, 5), double(2, 3, 5))),
        (native.mix, (double(2, 6, 3), double(2, 5, 3))),
        (lambda *t: conv2d(*t, 1, 1), (x, double(2, 3, 3, 3), double(2))),
        (lambda *t: conv2d(*t, None, 2, 0, True), (x, double(3, 2, 3, 3))),
    ]
    for call, inputs in calls:
        assert all(t.dtype == torch.float64 for t in inputs)
        assert gradcheck(call, inputs)
        assert gradgradcheck(call, inputs)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("inputs", "outputs"), [(16, 3), (35, 1), (3, 16), (4, 19), (2, 2)])
def test_mix_equals_a_product_of_matrices(inputs: int, outputs: int, dtype: torch.dtype) -> None:
    pixels = torch.randn(2, inputs, 300, dtype=dtype).transpose(1, 2).requires_grad_(True)
    weight = torch.randn(2, outputs, inputs, dtype=dtype, requires_grad=True)
    grad = torch.randn(2, 300, outputs, dtype=dtype)
    results = []
    for product in (native.mix(pixels, weight), pixels @ weight.transpose(1, 2)):
        results.append([product, *torch.autograd.grad(product, (pixels, weight), grad)])
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, **TOLERANCE[dtype])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("padding", "height", "width"), [(0, 17, 12), (1, 8, 8), (1, 9, 31), (2, 7, 13)])
def test_convolution_and_its_adjoint_equal_pytorchs(
    padding: int, height: int, width: int, layout: str, dtype: torch.dtype
) -> None:
    for inputs, outputs in ((16, 16), (48, 32), (112, 64), (32, 176)):
        x = images((3, inputs, height, width), dtype, layout)
        weight, bias = (
            torch.randn(outputs, inputs, 3, 3, dtype=dtype) / max(inputs, outputs) ** 0.5,
            torch.randn(outputs, dtype=dtype),
        )
        grad = images((3, outputs, height + 2 * padding - 2, width + 2 * padding - 2), dtype, layout)
        for form in (weight, LAYOUTS["channels-last"](weight), weight.flip(0)):
            result = native.convolution(x, form, bias, padding, adjoint=False)
            assert result.dtype == dtype
            torch.testing.assert_close(result, F.conv2d(x, form, bias, padding=padding), **TOLERANCE[dtype])
            result = native.convolution(grad, form, None, padding, adjoint=True)
            torch.testing.assert_close(result, F.conv_transpose2d(grad, form, padding=padding), **TOLERANCE[dtype])


def test_convolutions_left_to_pytorch() -> None:
    x, weight = torch.randn(2, 32, 8, 8), torch.randn(16, 32, 3, 3)
    for images_, kernels in (
        (x[:, :20], weight[:, :20]),
        (x, weight[:10]),
        (x[:, :, :7], weight),
        (x[:0], weight),
        (x.bfloat16(), weight.bfloat16()),
    ):
        assert native.convolution(images_, kernels, None, 1, adjoint=False) is None


def gradient_of_weight(x: Tensor, weight: Tensor, grad: Tensor, stride: int, padding: int, transposed: bool) -> Tensor:
    """PyTorch's own."""
    arguments = [0], [stride] * 2, [padding] * 2, [1, 1], transposed, [0, 0], 1, [False, True, False]
    return torch.ops.aten.convolution_backward(grad, x, weight, *arguments)[1]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize(
    ("kernel", "stride", "padding", "height", "width"),
    [(3, 1, 1, 7, 5), (3, 2, 0, 9, 7), (3, 2, 1, 8, 6), (3, 2, 1, 1, 300), (5, 3, 2, 11, 8), (3, 1, 2, 4, 3)],
)
def test_weight_gradient_equals_pytorchs(
    kernel: int, stride: int, padding: int, height: int, width: int, transposed: bool, layout: str, dtype: torch.dtype
) -> None:
    for few, many in ((1, 16), (6, 32), (13, 48), (29, 112), (64, 64)):
        weight = torch.randn(few, many, kernel, kernel, dtype=dtype)
        x = images((3, few if transposed else many, height, width), dtype, layout)
        grad = torch.randn_like(
            F.conv_transpose2d(x, weight, stride=stride, padding=padding)
            if transposed
            else F.conv2d(x, weight, stride=stride, padding=padding)
        )
        small, large = (x, grad) if transposed else (grad, x)
        result = native.weight_gradient(small, large, weight, stride, padding)
        assert result.dtype == dtype
        expected = gradient_of_weight(x, weight, grad, stride, padding, transposed)
        scale = expected.abs().max().clamp(min=1.0)  # sums of up to 900 products, whose order differs
        torch.testing.assert_close(result / scale, expected / scale, **TOLERANCE[dtype])


def test_weight_gradients_left_to_pytorch() -> None:
    x = torch.randn(2, 32, 6, 6)
    for weight, what in (
        (torch.randn(8, 32, 1, 1), x),
        (torch.randn(8, 20, 3, 3), x[:, :20]),
        (torch.randn(8, 32, 3, 3), x[:0]),
        (torch.randn(8, 32, 3, 3), x.bfloat16()),
    ):
        small = torch.zeros(len(what), 8, 6, 6, dtype=what.dtype)
        assert native.weight_gradient(small, what, weight, 1, weight.shape[2] // 2) is None


def test_empty_batches() -> None:
    x = torch.zeros(0, 3, 4, 4, requires_grad=True)
    scale, bias = torch.zeros(0, 3, requires_grad=True), torch.ones(3, requires_grad=True)
    out = native.resample(native.epilogue(x, scale, bias), (8, 8), 2, 1, (2, 2), 4.0)
    mixed = native.mix(out.permute(0, 2, 3, 1).reshape(0, 64, 3), torch.zeros(0, 5, 3))
    assert out.shape == (0, 3, 8, 8)
    assert mixed.shape == (0, 64, 5)
    mixed.sum().backward()
    assert x.grad is not None
    assert not bias.grad.any()


def test_sums_do_not_depend_on_the_number_of_threads() -> None:
    values, scale = torch.randn(3, 19, 33, 31), torch.rand(3, 19, requires_grad=True)
    threads, results = torch.get_num_threads(), []
    try:
        for count in (1, 3):
            torch.set_num_threads(count)
            of_scale = torch.autograd.grad(native.epilogue(values, scale, None).square().sum(), scale)[0]
            of_weight = native.weight_gradient(values, values[:, :16], torch.empty(19, 16, 3, 3), 1, 1)
            convolved = native.convolution(values[:, :16], torch.ones(32, 16, 3, 3), None, 1, adjoint=False)
            results.append((of_scale, of_weight, convolved))
    finally:
        torch.set_num_threads(threads)
    for one, three in zip(*results, strict=True):
        assert torch.equal(one, three)


def test_not_a_number_stays_visible() -> None:
    values = torch.tensor([math.nan, math.inf, -math.inf, 1.0]).repeat(8)[None, :, None, None]
    result = native.epilogue(values, None, None, None, LEAKY_SLOPE, 2.0)[0, :4, 0, 0]
    assert result[0].isnan()
    assert result[1:].tolist() == [2.0, -2.0, 1.0]


def test_gradients_of_parameters_can_be_left_out() -> None:
    x, weight, bias = double(1, 2, 4, 4), double(3, 2, 3, 3), double(3)
    with without_parameter_gradients():
        gradient, left_out = torch.autograd.grad(conv2d(x, weight, bias).sum(), (x, weight), allow_unused=True)
    assert left_out is None
    torch.testing.assert_close(gradient, torch.autograd.grad(F.conv2d(x, weight, bias).sum(), x)[0], **FLOAT64)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_other_types_use_the_plain_form(dtype: torch.dtype) -> None:
    assert not native.supported(torch.zeros(1, 1, 2, 2, dtype=dtype))


USE = (
    "import torch; from stylealign.ops.upfirdn2d import upsample2d; from stylealign.ops.native.build import *;"
    "x = torch.arange(64.).reshape(1, 1, 8, 8); [upsample2d(x) for _ in range(3)];"
    "print(cpu_library() is not None, float(upsample2d(x).sum()))"
)


def in_new_process(cache: Path, **environment: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", USE],
        env=os.environ | {"STYLEALIGN_CACHE": str(cache)} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def sum_in_plain_form() -> str:
    return str(float(reference.upsample2d(torch.arange(64.0).reshape(1, 1, 8, 8)).sum()))


def test_concurrent_first_uses_build_once(tmp_path: Path) -> None:
    left_behind = tmp_path / "build-killed"
    left_behind.mkdir()
    (left_behind / "library.so").write_bytes(b"half a library")
    for process in [in_new_process(tmp_path) for _ in range(3)]:
        output, errors = process.communicate(timeout=300)
        assert output.split() == ["True", sum_in_plain_form()], errors
        assert errors == ""
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".lock", ".so"]


def test_without_a_compiler_one_notice_and_the_same_result(tmp_path: Path) -> None:
    output, errors = in_new_process(tmp_path, PATH=str(tmp_path)).communicate(timeout=300)
    assert output.split() == ["False", sum_in_plain_form()]
    assert errors.count("\n") == errors.count("note: native operations are off") == 1
    assert "install g++" in errors


def test_a_failing_compiler_is_a_notice_too(tmp_path: Path) -> None:
    compiler = tmp_path / "broken"
    compiler.write_text("#!/bin/sh\necho 'error: no space'; exit 1\n")
    compiler.chmod(0o755)
    output, errors = in_new_process(tmp_path, CXX=str(compiler)).communicate(timeout=300)
    assert output.split()[0] == "False"
    assert "error: no space" in errors
    assert not list(tmp_path.glob("*.so"))


def test_the_switch(tmp_path: Path) -> None:
    output, errors = in_new_process(tmp_path, STYLEALIGN_NATIVE="0").communicate(timeout=300)
    assert output.split()[0] == "False"
    assert errors == ""
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("text", "words"), [("", ()), ("  ", ()), ("wrapper c++ -w", ("c++", "-w")), ('"wrapper" c++', ("c++",))]
)
def test_the_compiler_is_a_command_as_for_make(
    text: str, words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrapper = tmp_path / "wrapper"
    wrapper.write_text('#!/bin/sh\nexec "$@"\n')
    wrapper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("CXX", text)
    found = build.find_compiler()
    assert found[1:] == words
    source = tmp_path / "a.cpp"
    source.write_text('extern "C" int seven() { return 7; }')
    library = build.built(found, [source], "-fPIC -shared", tmp_path / "folder with spaces")
    assert ctypes.CDLL(str(library)).seven() == 7


@pytest.mark.parametrize("text", ["missing-compiler -O2", '"unclosed'])
def test_a_compiler_that_is_none_is_named(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", text)
    with pytest.raises(build.BuildError, match=re.escape(text)):
        build.find_compiler()


def test_the_key_covers_what_the_library_depends_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "a.cpp"
    source.write_text("int a;")
    compiler = build.find_compiler()
    keys = [build.key(compiler, [source], "-O2"), build.key(compiler, [source], "-O3")]
    assert keys[0] == build.key(compiler, [source], "-O2")
    source.write_text("int b;")
    keys.append(build.key(compiler, [source], "-O2"))
    monkeypatch.setattr(torch, "__version__", "0.0")
    keys.append(build.key(compiler, [source], "-O2"))
    monkeypatch.setattr(build, "_processor", lambda: "flags: other")
    keys.append(build.key(compiler, [source], "-O2"))
    other = tmp_path / "c++"
    other.write_text("#!/bin/sh\necho 'other 1.0'\n")
    other.chmod(0o755)
    keys.append(build.key((str(other),), [source], "-O2"))
    assert len(set(keys)) == len(keys)
