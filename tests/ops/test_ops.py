"""The tensor functions: closed forms, gradients of both orders, batch independence."""

import pytest
import torch
import torch.nn.functional as F

from stylealign.ops.bias_act import bias_act
from stylealign.ops.modulated_conv2d import conv2d_resampled, modulated_conv2d
from stylealign.ops.upfirdn2d import low_pass_filter, upfirdn2d, upsample2d
from tests.tolerances import FLOAT64


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def double(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, requires_grad=True)


@pytest.mark.parametrize(
    ("up", "down", "padding"), [(1, 1, (2, 1, 0, 3)), (2, 1, (2, 1, 2, 1)), (1, 2, (1, 1, 1, 1)), (2, 3, (4, -1, 3, 2))]
)
def test_upfirdn2d_is_insert_pad_filter_keep(up: int, down: int, padding: tuple[int, int, int, int]) -> None:
    images = double(2, 3, 7, 5)
    taps = low_pass_filter(torch.float64)
    wide = torch.zeros(2, 3, 7 * up, 5 * up, dtype=torch.float64)
    wide[:, :, ::up, ::up] = images.detach()
    left, right, top, bottom = padding
    wide = F.pad(wide, (max(left, 0), max(right, 0), max(top, 0), max(bottom, 0)))
    wide = wide[:, :, max(-top, 0) : wide.shape[2] - max(-bottom, 0), max(-left, 0) : wide.shape[3] - max(-right, 0)]
    expected = sum(
        taps[i] * taps[j] * wide[:, :, i : wide.shape[2] - 3 + i, j : wide.shape[3] - 3 + j]
        for i in range(4)
        for j in range(4)
    )
    result = upfirdn2d(images, up, down, padding, gain=1.7)
    torch.testing.assert_close(result, 1.7 * expected[:, :, ::down, ::down], **FLOAT64)


def test_resampling_keeps_a_constant_image() -> None:
    image = torch.full((1, 2, 12, 12), 0.3, dtype=torch.float64)
    for resampled in (upsample2d(image), upfirdn2d(image, down=2, padding=(1, 1, 1, 1))):
        inner = resampled[:, :, 2:-2, 2:-2]
        torch.testing.assert_close(inner, torch.full_like(inner, 0.3), **FLOAT64)


def test_bias_act_closed_form() -> None:
    values = torch.tensor([[-1.0, 2.0]], dtype=torch.float64)
    bias = torch.tensor([0.5, 1.0], dtype=torch.float64)
    root = 2**0.5
    torch.testing.assert_close(bias_act(values, bias), torch.tensor([[-0.1 * root, 3 * root]], dtype=torch.float64))
    torch.testing.assert_close(
        bias_act(values, bias, linear=True, gain=2), torch.tensor([[-1.0, 6.0]], dtype=torch.float64)
    )
    clamped = bias_act(values, bias, clamp=1.0, gain=0.5)
    # The limit comes behind the activation's gain and before the other one: 3 sqrt 2 is cut at 1, then halved.
    torch.testing.assert_close(clamped, torch.tensor([[-0.05 * root, 0.5]], dtype=torch.float64))


@pytest.mark.parametrize("up", [False, True])
@pytest.mark.parametrize("demodulate", [False, True])
def test_modulated_conv_equals_per_sample_weights(up: bool, demodulate: bool) -> None:
    features, weight, styles = double(3, 4, 5, 5), double(6, 4, 3, 3), double(3, 4)
    result = modulated_conv2d(features, weight, styles, up=up, demodulate=demodulate)
    for n in range(3):
        own = weight * styles[n].reshape(1, 4, 1, 1)
        if demodulate:
            own = own / (own.square().sum(dim=(1, 2, 3), keepdim=True) + 1e-8).sqrt()
        torch.testing.assert_close(result[n : n + 1], conv2d_resampled(features[n : n + 1], own, up=up), **FLOAT64)


def test_gradients_of_both_orders() -> None:
    features, weight, styles, bias = double(2, 2, 4, 4), double(3, 2, 3, 3), double(2, 2), double(3)

    def layer(features: torch.Tensor, weight: torch.Tensor, styles: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        result = bias_act(modulated_conv2d(features, weight, styles, up=True), bias)
        assert result.dtype == torch.float64
        return upfirdn2d(result, down=2, padding=(1, 1, 1, 1))

    inputs = (features, weight, styles, bias)
    assert torch.autograd.gradcheck(layer, inputs)
    assert torch.autograd.gradgradcheck(layer, inputs)


@pytest.mark.parametrize(
    ("size", "up", "down", "expected"),
    [(3, True, False, 12), (3, False, True, 3), (1, False, True, 3), (3, False, False, 6), (1, True, False, 12)],
)
def test_resampled_sizes(size: int, up: bool, down: bool, expected: int) -> None:
    result = conv2d_resampled(torch.randn(2, 3, 6, 6), torch.randn(4, 3, size, size), up=up, down=down)
    assert result.shape == (2, 4, expected, expected)


def test_an_empty_batch_stays_empty() -> None:
    result = modulated_conv2d(torch.randn(0, 3, 4, 4), torch.randn(5, 3, 3, 3), torch.randn(0, 3), up=True)
    assert result.shape == (0, 5, 8, 8)
