"""The Triton kernels against the plain form, interpreted or on a GPU; `test_triton.py` runs this file by itself."""

import itertools
import math
import os
from collections.abc import Iterator
from typing import Any, Literal

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.card import checks
from benchmarks.card.forms import device, form, tf32
from stylealign.config import TrainSettings
from stylealign.networks.architecture import Architecture
from stylealign.networks.generator import Generator
from stylealign.networks.layers import Convolution
from stylealign.ops import reference
from stylealign.ops.bias_act import LEAKY_SLOPE
from stylealign.ops.native import colours, gpu, styled
from stylealign.ops.native import functions as native
from stylealign.training import selftest, trial
from stylealign.training.warp import warp
from tests.ops import guarded
from tests.tolerances import FLOAT32, FLOAT64

INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"
assert INTERPRETED or torch.cuda.is_available(), "run by test_triton.py"
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
def _where_kernels_run(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every tensor is made on the GPU, or the CPU's go to the interpreter, where no memory is beside them."""
    if INTERPRETED:
        monkeypatch.setattr(native, "call", guarded.call)
    else:
        monkeypatch.setenv("STYLEALIGN_NATIVE", "cuda")
        torch.set_default_device("cuda")
    torch.manual_seed(0)
    yield
    torch.set_default_device(None)


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


def both_derivatives(outs: list[Tensor], inputs: list[Tensor], grads: list[Tensor]) -> list[Tensor]:
    """Return first derivatives, and the second ones of the inputs and of what the first are computed from."""
    grads = [grad.requires_grad_() for grad in grads]
    first = torch.autograd.grad(outs, inputs, grads, create_graph=True)
    generator = torch.Generator(torch.get_default_device()).manual_seed(1)
    # Few bits and one sign: the same number in every type, and no sum of them is near 0 beside its terms.
    directions = [torch.randint(1, 9, f.shape, generator=generator).to(f) / 8 for f in first]
    given = [*inputs, *grads]
    second = torch.autograd.grad(first, given, directions, allow_unused=True, materialize_grads=True)
    return [*first, *second]


def close_to_exact(found: Tensor, exact: Tensor, tolerance: dict[str, float]) -> None:
    """Compare relative to the largest: there are sums over pixels and channels."""
    size = exact.abs().max().clamp_min(1e-30)
    torch.testing.assert_close(found.double() / size, exact / size, **tolerance)


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
    channels: int,
    slope: float,
    clamp: float | None,
    presences: list[tuple[bool, bool, int]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In float64; which of scale, bias and noise (none, one, one a sample) there are; several programs' sums."""
    monkeypatch.setattr(gpu, "STEPS", 2)
    height, width = {1: (9, 17), 19: (7, 11), 70: (5, 11)}[channels]
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
    """Of values with few bits, so that no rounding decides on which side of a kink or of the clamp one lies."""
    shapes = (2, 19, 9, 7), (2, 19), (19,), (1, 1, 9, 7)
    given = [((torch.randn(shape).clamp(-1.9, 1.9) * 4).floor() * 2 + 1) / 8 for shape in shapes]
    given[1] = 2.0 * given[1].sign()
    given = [t.to(dtype) for t in given]
    given[0] = given[0].contiguous(memory_format=torch.channels_last)
    inputs = [t.requires_grad_() for t in given]
    exact = [t.detach().double().requires_grad_() for t in given]
    out, wanted = native.epilogue(*inputs, LEAKY_SLOPE, 1.4376), plain(*exact, LEAKY_SLOPE, 1.4376)
    assert out.dtype == dtype
    torch.testing.assert_close(out.double(), wanted, **TOLERANCE[dtype])
    direction = torch.randn_like(wanted).to(dtype)
    for a, b in zip(
        both_derivatives([out], inputs, [direction]),
        both_derivatives([wanted], exact, [direction.double()]),
        strict=True,
    ):
        close_to_exact(a, b, TOLERANCE[dtype])


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


def plain_styled(
    values: Tensor, scale: Tensor, bias: Tensor, noise: Tensor | None, style: Tensor, clamp: float | None
) -> tuple[Tensor, Tensor]:
    kept = plain(values, scale, bias, noise, LEAKY_SLOPE, clamp)
    return kept, kept * style[:, :, None, None]


def styled_inputs(channels: int, noisy: int, height: int, width: int) -> list[Tensor]:
    shapes = [(2, channels), (channels,), *([(noisy, 1, height, width)] if noisy else []), (2, channels)]
    return [channels_last(2, channels, height, width), *(torch.randn(shape, dtype=torch.float64) for shape in shapes)]


@pytest.mark.parametrize(
    ("channels", "noisy", "clamp", "used"),
    [(19, 1, 0.7, (0, 1)), (70, 2, 0.7, (1,)), (3, 0, None, (0, 1)), (19, 2, None, (0,)), (1, 1, 0.7, (0, 1))],
)
def test_activation_and_next_style_and_both_derivatives(
    channels: int, noisy: int, clamp: float | None, used: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`used`: which of the two results has a gradient."""
    monkeypatch.setattr(gpu, "STEPS", 1)  # several programs' sums
    height, width = (9, 11) if channels > 3 else (1, 67)
    inputs = [t.requires_grad_() for t in styled_inputs(channels, noisy, height, width)]
    values, scale, bias, *noise, style = inputs
    grads = [channels_last(2, channels, height, width).requires_grad_() for _ in used]
    directions = [torch.randn_like(t) for t in inputs]
    outcomes = []
    for is_kernel in (True, False):
        given = values, scale, bias, noise[0] if noise else None, style
        if is_kernel:
            keeps = 0 in used
            results = styled.styled(*given, LEAKY_SLOPE, clamp, torch.float64, keeps)
            assert (results[0] is not None) == keeps
        else:
            results = plain_styled(*given, clamp)
        outs = [t for t in (results[i] for i in used) if t is not None]
        found = [*outs]
        for chosen in (range(len(inputs)), (0, 1)):  # of which first derivatives the second ones are
            some = [inputs[i] for i in chosen]
            first = torch.autograd.grad(outs, some, grads, create_graph=True, materialize_grads=True)
            total = torch.stack([(f * directions[i]).sum() for f, i in zip(first, chosen, strict=True)]).sum()
            wanted = [*inputs, *grads]
            second = torch.autograd.grad(total, wanted, retain_graph=True, allow_unused=True, materialize_grads=True)
            found += [*first, *second]
        outcomes.append(found)
    for ours, theirs in zip(*outcomes, strict=True):
        torch.testing.assert_close(ours, theirs, **FLOAT64)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_activation_and_next_style_in_lower_precision(dtype: torch.dtype) -> None:
    """Into single precision, as from a block to the next one."""
    values, *rest = styled_inputs(19, 1, 3, 7)
    inputs = [values.to(dtype).requires_grad_(), *(t.float().requires_grad_() for t in rest)]
    exact = [t.detach().double().requires_grad_() for t in inputs]
    results = styled.styled(*inputs, LEAKY_SLOPE, 1.5, torch.float32, True)  # type: ignore[arg-type]
    assert results[0] is not None
    assert [t.dtype for t in results if t is not None] == [dtype, torch.float32]
    wanted = plain_styled(*exact, 1.5)  # type: ignore[arg-type]
    directions = [torch.randn_like(t).to(r.dtype) for t, r in zip(wanted, results, strict=True) if r is not None]
    outs = [t for t in results if t is not None]
    ours = [*outs, *both_derivatives(outs, inputs, directions)]
    theirs = [*wanted, *both_derivatives(list(wanted), exact, [t.double() for t in directions])]
    for a, b in zip(ours, theirs, strict=True):
        close_to_exact(a, b, TOLERANCE[dtype] if a.dtype == dtype else FLOAT32)


def plain_colours(features: Tensor, own: Tensor, bias: Tensor, image: Tensor | None, clamp: float | None) -> Tensor:
    z = torch.einsum("nchw,noc->nohw", features, own) + bias[:, None, None]
    z = z if clamp is None else z.clamp(-clamp, clamp)
    return z if image is None else reference.upsample2d(image) + z


def colours_inputs(channels: int, height: int, width: int, skip: bool, few: int = 3) -> list[Tensor]:
    found = [
        channels_last(2, channels, height, width),
        torch.randn(2, few, channels).double(),
        torch.randn(few).double(),
    ]
    return [*found, channels_last(2, few, height // 2, width // 2)] if skip else found


@pytest.mark.parametrize(
    ("channels", "height", "width", "clamp", "skip", "few"),
    [(19, 10, 6, 0.7, True, 3), (130, 2, 6, None, True, 3), (5, 3, 7, 0.7, False, 1), (1, 2, 2, None, True, 4)],
)
def test_colours_and_both_derivatives(
    channels: int, height: int, width: int, clamp: float | None, skip: bool, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpu, "STEPS", 1)  # several programs' sums
    given = colours_inputs(channels, height, width, skip, few)
    inputs = [t.requires_grad_() for t in given]
    grad = channels_last(2, few, height, width).requires_grad_()
    directions = [torch.randn_like(t) for t in inputs]
    outcomes = []
    for kernel in (True, False):
        features, own, bias, image = (*inputs, None)[:4]
        assert features is not None and own is not None and bias is not None
        out = (
            colours.colours(features, own, bias, image, clamp, torch.float64)
            if kernel
            else plain_colours(features, own, bias, image, clamp)
        )
        found = [out]
        for chosen in (range(len(inputs)), (few % 3,)):  # of which first derivatives the second ones are
            first = torch.autograd.grad(out, [inputs[i] for i in chosen], grad, create_graph=True)
            total = torch.stack([(f * directions[i]).sum() for f, i in zip(first, chosen, strict=True)]).sum()
            second = torch.autograd.grad(total, [*inputs, grad], allow_unused=True, materialize_grads=True)
            found += [*first, *second]
        outcomes.append(found)
    assert outcomes[0][0].dtype == torch.float64
    for ours, theirs in zip(*outcomes, strict=True):
        torch.testing.assert_close(ours, theirs, **FLOAT64)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_colours_in_lower_precision(dtype: torch.dtype) -> None:
    """Activations in `dtype`, the rest in single precision: sums too large for half precision are cut, not infinite."""
    features, own, bias, image = colours_inputs(19, 6, 4, True)
    given = [features.to(dtype), *(t.float() for t in (own, bias, image))]
    given[1][0] *= 1e5
    inputs = [t.requires_grad_() for t in given]
    exact = [t.detach().double().requires_grad_() for t in given]
    out = colours.colours(*inputs, 1e7, torch.float32)
    wanted = plain_colours(*exact, 1e7)
    assert (out.dtype, float(out.detach().abs().max()) > 65504) == (torch.float32, True)
    direction = torch.randn_like(wanted).float() * 1e-3
    ours = [out, *both_derivatives([out], inputs, [direction])]
    theirs = [wanted, *both_derivatives([wanted], exact, [direction.double()])]
    for a, b in zip(ours, theirs, strict=True):
        close_to_exact(a, b, TOLERANCE[dtype] if a.dtype == dtype else FLOAT32)


@pytest.mark.parametrize(
    ("height", "width", "dtype"),
    [(9, 12, torch.float64), (2, 5, torch.float64), (3, 1, torch.float64), (8, 8, torch.float32)],
)
def test_a_warp_and_both_derivatives(
    height: int, width: int, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Far beyond the image, too, where its mirror images are."""
    monkeypatch.setattr(gpu, "SAMPLE_BLOCK", 512)
    inverse = torch.eye(3, dtype=torch.float64) + 0.4 * torch.randn(2, 3, 3, dtype=torch.float64)
    inverse[:, :, 2] *= 30
    inverse[0] = torch.eye(3)
    images = torch.randn(2, 2, height, width, dtype=dtype, requires_grad=True)
    direction = torch.randn(2, 2, height, width, dtype=dtype, requires_grad=True)
    outcomes = []
    for is_on in (True, False):
        monkeypatch.setattr(native, "fuses", lambda images, is_on=is_on: is_on)
        assert warp(images[:0], inverse[:0]).shape == (0, 2, height, width)
        out = warp(images, inverse)
        (first,) = torch.autograd.grad(out, images, direction, create_graph=True)
        (second,) = torch.autograd.grad(first.square().sum(), direction)
        outcomes.append([out, first, second])
    assert outcomes[0][0].dtype == dtype
    allowed = FLOAT64 if dtype == torch.float64 else {"rtol": 1e-3, "atol": 1e-3}  # where a pixel comes from is rounded
    for ours, theirs in zip(*outcomes, strict=True):
        torch.testing.assert_close(ours, theirs, **allowed)


def test_a_generator_and_both_derivatives(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every kernel where the generator uses it; second derivatives as path lengths take them."""
    monkeypatch.setattr(gpu, "STEPS", 1)
    shape = Architecture(resolution=8, z_dim=4, w_dim=4, channel_base=32, channel_max=5, conv_clamp=0.9)
    generator = Generator(shape).double()
    with torch.no_grad():
        for name, parameter in generator.synthesis.named_parameters():
            if name.endswith(("bias", "noise_strength")):
                parameter.normal_()
    ws = torch.randn(1, shape.num_ws, 4, dtype=torch.float64, requires_grad=True)
    direction = torch.randn(1, 3, 8, 8, dtype=torch.float64)
    outcomes = []
    for is_on in (True, False):
        monkeypatch.setattr(native, "supported", lambda images, is_on=is_on: is_on)
        monkeypatch.setattr(native, "fuses", lambda images, is_on=is_on: is_on)
        images = generator.synthesis(ws)
        (first,) = torch.autograd.grad((images * direction).sum(), ws, create_graph=True)
        parameters = list(generator.synthesis.parameters())
        second = torch.autograd.grad(first.square().sum(), [ws, *parameters], allow_unused=True, materialize_grads=True)
        outcomes.append([images, first, *second])
    for ours, theirs in zip(*outcomes, strict=True):
        torch.testing.assert_close(ours, theirs, **FLOAT64)


SMALL = Architecture(resolution=8, z_dim=4, w_dim=4, mapping_layers=1, channel_base=32, channel_max=4)
SECOND = {"epilogue_double_backward": 3, "styled_double_backward": 7, "colours_double_backward": 3}
"""Kernels of second derivatives, and how many results each has, behind what it is given."""


def without(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a kernel's results be 0."""

    def zeroed(tensors: Any, sizes: Any) -> None:
        for tensor in tensors[-SECOND[name] :]:
            if tensor is not None:
                tensor.zero_()

    monkeypatch.setitem(gpu.LAUNCHES, name, zeroed)


def test_the_self_test_and_the_checks_on_a_card_refuse_kernels_without_second_derivatives(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(trial, "COMPARED", (0,))
    settings = TrainSettings(batch_size=2, mbstd_group_size=2)

    def found(name: Literal["torch", "kernels"]) -> selftest.Trial:
        with form(name), tf32(False):
            return selftest.Trial(scalars=trial.compared(*trial.begun(SMALL, settings, device())))

    expected = found("torch")
    assert selftest._difference(found("kernels"), expected) < 1e-3
    for name in SECOND:
        with monkeypatch.context() as changes:
            without(name, changes)
            assert not selftest._agrees(found("kernels"), expected), name
    without("colours_double_backward", monkeypatch)
    assert checks._step(None) > 0.1


def test_empty_batches_and_what_is_no_number() -> None:
    features, own, bias = torch.zeros(0, 5, 4, 4, requires_grad=True), torch.zeros(0, 3, 5), torch.zeros(3)
    bias.requires_grad_()
    image = colours.colours(features, own, bias, torch.zeros(0, 3, 2, 2), 1.0, torch.float32)
    assert image.shape == (0, 3, 4, 4)
    of_features, of_bias = torch.autograd.grad(image.sum(), [features, bias])
    assert (of_features.shape, of_bias.tolist()) == ((0, 5, 4, 4), [0.0, 0.0, 0.0])
    empty, none = torch.zeros(0, 5, 4, 4, requires_grad=True), torch.zeros(0, 5)
    kept, scaled = styled.styled(empty, none, torch.zeros(5), None, none, 0.2, 1.0, torch.float16, True)
    assert kept is not None and (kept.shape, scaled.shape, scaled.dtype) == (empty.shape, empty.shape, torch.float16)
    scaled.sum().backward()
    unknown = torch.full((1, 2, 2, 2), math.nan)
    assert (
        styled.styled(unknown, torch.ones(1, 2), torch.ones(2), None, torch.ones(1, 2), 0.2, 1.0, torch.float32, True)[
            1
        ]
        .isnan()
        .all()
    )
    assert colours.colours(unknown, torch.ones(1, 3, 2), torch.ones(3), None, 1.0, torch.float32).isnan().all()
    empty = torch.zeros(0, 3, 4, 4, requires_grad=True)
    out = native.resample(native.epilogue(empty, torch.zeros(0, 3), torch.ones(3)), (8, 8), 2, 1, (2, 2), 4.0)
    assert out.shape == (0, 3, 8, 8)
    out.sum().backward()
    values = torch.tensor([math.nan, math.inf, -math.inf, 1.0]).repeat(8)[None, :, None, None]
    result = native.epilogue(values, None, None, None, LEAKY_SLOPE, 2.0)[0, :4, 0, 0]
    assert result[0].isnan()
    assert result[1:].tolist() == [2.0, -2.0, 1.0]
