"""The fast tensor functions against their plain forms."""

from typing import Any

import pytest
import torch

from benchmarks.plain import plain_form
from stylealign.config import ArchitectureSettings, TrainSettings
from stylealign.ops import reference
from stylealign.ops.bias_act import bias_act
from stylealign.ops.modulated_conv2d import conv2d_resampled, modulated_conv2d
from stylealign.ops.upfirdn2d import upfirdn2d, upsample2d
from stylealign.training.start import new_networks
from tests.tolerances import FLOAT32, FLOAT64

LAYOUTS = (torch.contiguous_format, torch.channels_last)
DTYPES = (torch.float32, torch.float64)


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def random(dtype: torch.dtype, layout: torch.memory_format, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=dtype).to(memory_format=layout).requires_grad_(True)


def assert_agree(fast: Any, plain: Any, *inputs: torch.Tensor) -> None:
    """Compare values, first derivatives, and the derivatives of their squared norm."""
    tolerance = FLOAT64 if inputs[0].dtype == torch.float64 else FLOAT32
    results = []
    for function in (fast, plain):
        value = function(*inputs)
        first = torch.autograd.grad(value.sin().sum(), inputs, create_graph=True)
        second = torch.autograd.grad(sum(g.square().sum() for g in first), inputs, allow_unused=True)
        results.append([value, *first, *second])
    for a, b in zip(*results, strict=True):
        assert (a is None) == (b is None)
        if a is not None:
            assert a.dtype == inputs[0].dtype
            # Relative to the largest value: second derivatives are sums of large terms that cancel.
            scale = b.detach().abs().max().clamp_min(1.0)
            torch.testing.assert_close(a / scale, b / scale, **tolerance)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(
    ("up", "down", "padding"),
    [(1, 1, (2, 1, 0, 3)), (2, 1, (2, 1, 2, 1)), (1, 2, (1, 1, 1, 1)), (2, 3, (4, -1, 3, 2)), (3, 2, (-1, -2, 5, 0))],
)
def test_upfirdn2d(dtype: torch.dtype, layout: torch.memory_format, up: int, down: int, padding: Any) -> None:
    images = random(dtype, layout, 2, 3, 7, 5)
    assert_agree(*(lambda x, f=f: f(x, up, down, padding, 1.7) for f in (upfirdn2d, reference.upfirdn2d)), images)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_doubling(layout: torch.memory_format) -> None:
    images = random(torch.float64, layout, 2, 3, 6, 10)
    assert_agree(upsample2d, reference.upsample2d, images)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "options", [{}, {"linear": True}, {"gain": 0.7}, {"clamp": 0.5, "gain": 2.0}, {"linear": True, "clamp": 0.3}]
)
def test_bias_act(dtype: torch.dtype, options: dict[str, Any]) -> None:
    values, bias = random(dtype, torch.contiguous_format, 2, 3, 5, 4), torch.randn(3, dtype=dtype, requires_grad=True)
    assert_agree(*(lambda x, b, f=f: f(x, b, **options) for f in (bias_act, reference.bias_act)), values, bias)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize("mode", [{}, {"up": True}, {"down": True}])
def test_resampled_convolution(layout: torch.memory_format, size: int, mode: dict[str, bool]) -> None:
    features, weight = random(torch.float64, layout, 2, 3, 6, 8), random(torch.float64, layout, 5, 3, size, size)
    functions = (conv2d_resampled, reference.conv2d_resampled)
    assert_agree(*(lambda x, w, f=f: f(x, w, **mode) for f in functions), features, weight)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("up", [False, True])
@pytest.mark.parametrize("demodulate", [False, True])
def test_modulated_convolution(dtype: torch.dtype, layout: torch.memory_format, up: bool, demodulate: bool) -> None:
    inputs = random(dtype, layout, 3, 4, 5, 7), random(dtype, layout, 6, 4, 3, 3), torch.randn(3, 4, dtype=dtype)
    inputs[2].requires_grad_(True)
    functions = (modulated_conv2d, reference.modulated_conv2d)
    assert_agree(*(lambda *x, f=f: f(*x, up=up, demodulate=demodulate, gain=1.3) for f in functions), *inputs)


@pytest.mark.parametrize("up", [1, 2])
def test_an_empty_batch(up: int) -> None:
    images = torch.randn(0, 3, 6, 6)
    assert upfirdn2d(images, up, 1, (2, 1, 2, 1)).shape == (0, 3, 6 * up, 6 * up)
    assert bias_act(images, torch.zeros(3)).shape == images.shape


def test_whole_networks_in_plain_form() -> None:
    torch.set_default_dtype(torch.float64)
    try:
        shape = ArchitectureSettings(z_dim=8, w_dim=8, channel_base=256, channel_max=16)
        generator, _, discriminator = new_networks(shape, TrainSettings(fp16_resolutions=1), 16)
        with torch.no_grad():
            for name, parameter in generator.named_parameters():
                if name.endswith(("bias", "noise_strength")):
                    parameter.add_(torch.randn_like(parameter))
        z = torch.randn(4, 8)
        fast = generator(z), discriminator(generator(z))
        with plain_form():
            plain = generator(z), discriminator(generator(z))
    finally:
        torch.set_default_dtype(torch.float32)
    for a, b in zip(fast, plain, strict=True):
        torch.testing.assert_close(a, b, **FLOAT64)
