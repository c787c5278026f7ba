"""Bias, leaky ReLU, gain and clamp: what follows every convolution of StyleGAN2."""

import math

import torch.nn.functional as F
from torch import Tensor

from stylealign.ops.native import functions as native

LEAKY_SLOPE = 0.2
LEAKY_GAIN = math.sqrt(2.0)


def bias_act(
    values: Tensor, bias: Tensor | None = None, linear: bool = False, gain: float = 1.0, clamp: float | None = None
) -> Tensor:
    """Add a bias, apply leaky ReLU (slope 0.2, gain sqrt 2) unless `linear`, clamp, and scale by `gain`.

    Args:
        values: `[N, C, ...]` of any float dtype.
        bias: `[C]`, or None.
        linear: leave out the leaky ReLU and its gain.
        gain: further factor of the result, of the clamp as well.
        clamp: largest magnitude behind the activation's own gain and before `gain`, or None.

    Returns:
        A tensor of the shape and dtype of `values`.
    """
    if bias is not None:
        values = values + bias.to(values.dtype).reshape(1, -1, *[1] * (values.ndim - 2))
    if not linear:
        values = F.leaky_relu(values, LEAKY_SLOPE)
    factor = gain if linear else gain * LEAKY_GAIN
    if factor != 1.0:
        values = values * factor
    return values if clamp is None else values.clamp(-clamp * gain, clamp * gain)


def scaled_bias_act(
    values: Tensor,
    scale: Tensor | None = None,
    bias: Tensor | None = None,
    noise: Tensor | None = None,
    clamp: float | None = None,
) -> Tensor:
    """Return ``clamp(leaky_relu(values * scale + bias + noise))``: what follows a modulated convolution.

    The activation's gain is left to the caller, who can fold it into what comes before since leaky ReLU is positively
    homogeneous: ``gain * leaky_relu(x) = leaky_relu(gain * x)``. `values` may be overwritten.

    Args:
        values: `[N, C, H, W]` of any float dtype.
        scale: `[N, C]`, or None.
        bias: `[C]`, or None.
        noise: `[N or 1, 1, H, W]`, or None.
        clamp: largest magnitude of the result, or None.
    """
    if native.supported(values):
        return native.epilogue(values, scale, bias, noise, LEAKY_SLOPE, clamp)
    if scale is not None:
        values = values * scale.to(values.dtype)[:, :, None, None]
    if noise is not None:
        values += noise.to(values.dtype)
    if bias is not None:
        values += bias.to(values.dtype)[:, None, None]
    return leaky_relu_(values, clamp)


def scale_channels(values: Tensor, scale: Tensor) -> Tensor:
    """Multiply every channel of `[N, C, H, W]` by its own factor `[N, C]`."""
    if native.supported(values):
        return native.epilogue(values, scale)
    return values * scale.to(values.dtype)[:, :, None, None]


def leaky_relu_(values: Tensor, clamp: float | None = None) -> Tensor:
    """Apply leaky ReLU in place, without its gain, and clamp to `[-clamp, clamp]`.

    The gain can be folded into what comes before, since leaky ReLU is positively homogeneous:
    ``gain * leaky_relu(x) = leaky_relu(gain * x)``. That saves a pass over the activations.
    """
    values = F.leaky_relu_(values, LEAKY_SLOPE)
    return values if clamp is None else values.clamp(-clamp, clamp)
