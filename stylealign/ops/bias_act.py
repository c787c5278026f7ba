"""Bias, leaky ReLU, gain and clamp: what follows every convolution of StyleGAN2."""

import math

import torch.nn.functional as F
from torch import Tensor

LEAKY_SLOPE = 0.2
LEAKY_GAIN = math.sqrt(2.0)


def bias_act(
    values: Tensor, bias: Tensor | None = None, linear: bool = False, gain: float = 1.0, clamp: float | None = None
) -> Tensor:
    """Add a bias, apply leaky ReLU (slope 0.2, gain sqrt 2) unless `linear`, scale by `gain` and clamp.

    Args:
        values: `[N, C, ...]` of any float dtype.
        bias: `[C]`, or None.
        linear: leave out the leaky ReLU and its gain.
        gain: further factor, applied to the clamp as well.
        clamp: largest magnitude before `gain` and the activation's own gain, or None.

    Returns:
        A tensor of the shape and dtype of `values`.
    """
    if bias is not None:
        values = values + bias.to(values.dtype).reshape(1, -1, *[1] * (values.ndim - 2))
    if not linear:
        values = F.leaky_relu(values, LEAKY_SLOPE)
        gain = gain * LEAKY_GAIN
    if gain != 1.0:
        values = values * gain
    return values if clamp is None else values.clamp(-clamp * gain, clamp * gain)


def leaky_relu_(values: Tensor, clamp: float | None = None) -> Tensor:
    """Apply leaky ReLU in place, without its gain, and clamp to `[-clamp, clamp]`.

    The gain can be folded into what comes before, since leaky ReLU is positively homogeneous:
    ``gain * leaky_relu(x) = leaky_relu(gain * x)``. That saves a pass over the activations.
    """
    values = F.leaky_relu_(values, LEAKY_SLOPE)
    return values if clamp is None else values.clamp(-clamp, clamp)
