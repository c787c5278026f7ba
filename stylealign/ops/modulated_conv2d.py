"""Convolution with weights modulated and demodulated per sample (Karras et al. 2020, section 2.2 and appendix B)."""

from typing import NamedTuple

import torch
from torch import Tensor

from stylealign.ops.bias_act import LEAKY_SLOPE, scale_channels, scaled_bias_act
from stylealign.ops.convolution import conv2d
from stylealign.ops.native import functions as native
from stylealign.ops.native import styled
from stylealign.ops.upfirdn2d import upfirdn2d

EPSILON = 1e-8


def demodulation(weight: Tensor, styles: Tensor) -> Tensor:
    """Return the factor that gives each output channel unit variance: eq. 3 of Karras et al. 2020.

    Args:
        weight: `[O, I, kh, kw]`.
        styles: `[N, I]`.

    Returns:
        `[N, O]`: ``1 / sqrt(sum over i, k of (styles_i weight_oik)^2 + 1e-8)``.
    """
    energy = weight.square().sum(dim=(2, 3))
    return (styles.square() @ energy.t() + EPSILON).rsqrt()


def modulated_conv2d(
    features: Tensor, weight: Tensor, styles: Tensor, up: bool = False, demodulate: bool = True, gain: float = 1.0
) -> Tensor:
    """Convolve with ``weight`` scaled per sample by ``styles`` on its input channels, then demodulate.

    Scaling the activations before and after one shared convolution equals convolving with per-sample weights
    (eq. 1 and 3 of Karras et al. 2020) and keeps the batch in one convolution.

    Args:
        features: `[N, I, H, W]`.
        weight: `[O, I, k, k]`, k odd.
        styles: `[N, I]`.
        up: double the resolution: transposed convolution with stride 2, then the low-pass filter.
        demodulate: divide by the expected standard deviation of each output channel.
        gain: factor of the result.

    Returns:
        `[N, O, H, W]`, or `[N, O, 2H, 2W]` with `up`.
    """
    if not demodulate and not up and weight.shape[-1] == 1 and features.dtype != torch.float16:
        return _mixed_colours(features, weight[:, :, 0, 0] * gain, styles)
    features, factor = modulated_sums(features, weight, styles, up, demodulate)
    return scale_channels(features, factor * gain)


def _mixed_colours(features: Tensor, weight: Tensor, styles: Tensor) -> Tensor:
    """Multiply the channels `[I]` of every pixel by ``weight [O, I] * styles[n]``: one pass over the activations."""
    n, channels, height, width = features.shape
    pixels = features.permute(0, 2, 3, 1).reshape(n, height * width, channels)
    own = (weight * styles[:, None]).to(features.dtype)
    fits = features.device.type == "cpu" and native.supported(features) and len(weight) <= native.FEW
    mixed = native.mix(pixels, own) if fits else pixels @ own.transpose(1, 2)
    return mixed.reshape(n, height, width, -1).permute(0, 3, 1, 2)


def modulated_sums(
    features: Tensor, weight: Tensor, styles: Tensor, up: bool = False, demodulate: bool = True
) -> tuple[Tensor, Tensor]:
    """Return a modulated convolution before the factor `[N, O]` of its channels, and that factor.

    See `modulated_conv2d`, which multiplies them; whoever has more to do with the result can do both in one pass.
    """
    own = modulation(weight, styles, features.dtype, demodulate)
    return conv2d_resampled(scale_channels(features, own.scale), own.weight, up=up), own.factor


class Modulation(NamedTuple):
    """A modulated convolution as one convolution for the whole batch, between factors of its channels."""

    weight: Tensor
    """`[O, I, k, k]`, in the type of the activations."""
    scale: Tensor
    """`[N, I]`: of the input."""
    factor: Tensor
    """`[N, O]`: of the result."""


def modulation(weight: Tensor, styles: Tensor, dtype: torch.dtype, demodulate: bool = True) -> Modulation:
    """Return what a convolution with `weight [O, I, k, k]` modulated by `styles [N, I]` does in `dtype`."""
    factor = demodulation(weight, styles) if demodulate else styles.new_ones(len(styles), len(weight))
    if dtype == torch.float16:
        # Unit-scale weights and styles keep sums finite in half precision (behind them, what overflows is infinite,
        # which a clamp can cut); the factor undoes the scale.
        peak = styles.abs().amax(dim=1, keepdim=True).clamp_min(EPSILON)
        scale = weight.square().mean().sqrt() if demodulate else 1.0
        styles, weight, factor = styles / peak, weight / scale, factor * peak * scale
    return Modulation(weight.to(dtype), styles, factor)


def act_and_scale(
    values: Tensor,
    scale: Tensor,
    bias: Tensor,
    noise: Tensor | None,
    clamp: float | None,
    following: Modulation | None,
    keeps: bool,
) -> tuple[Tensor | None, Tensor | None]:
    """Do what follows a modulated convolution, and what comes before the next one, in one pass where that is worth it.

    Args:
        values: `[N, C, H, W]`, which may be overwritten.
        scale, bias, noise, clamp: as `scaled_bias_act` takes them.
        following: the next convolution; None for none.
        keeps: the activations are used by others than the next convolution, too.

    Returns:
        The activations, which may be missing unless `keeps`, and the input of the next convolution in its type, None
        without one; both `[N, C, H, W]`.
    """
    if following is None:
        return scaled_bias_act(values, scale, bias, noise, clamp), None
    dtype = following.weight.dtype
    if native.fuses(values):
        return styled.styled(values, scale, bias, noise, following.scale, LEAKY_SLOPE, clamp, dtype, keeps)
    features = scaled_bias_act(values, scale, bias, noise, clamp)
    return features, scale_channels(features.to(dtype), following.scale)


def conv2d_resampled(
    features: Tensor, weight: Tensor, bias: Tensor | None = None, up: bool = False, down: bool = False
) -> Tensor:
    """Convolve `[N, I, H, W]` with `[O, I, k, k]` at the same, twice (`up`) or half (`down`) the resolution.

    Up-sampling is a transposed convolution with stride 2 followed by the low-pass filter; down-sampling is the
    low-pass filter followed by a convolution with stride 2. `bias` `[O]` is added at the end (not with `up`).
    """
    size = weight.shape[-1]
    if up:
        assert bias is None, "up-sampling filters after the convolution: add the bias behind it"
        features = conv2d(features, weight.transpose(0, 1), stride=2, transposed=True)
        before, after = (6 - size) // 2, (5 - size) // 2
        return upfirdn2d(features, padding=(before, after, before, after), gain=4.0)
    if down:
        before, after = (size + 2) // 2, (size + 1) // 2
        stride = 1 if size == 1 else 2
        features = upfirdn2d(features, down=2 // stride, padding=(before, after, before, after))
        return conv2d(features, weight, bias, stride=stride)
    return conv2d(features, weight, bias, padding=size // 2)
