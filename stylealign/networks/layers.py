"""Equalised layers: weights are N(0, 1) / lr_multiplier, scaled at run time (Karras et al. 2018, section 4.1)."""

import math

import torch
from torch import Tensor, nn

from stylealign.ops.bias_act import LEAKY_GAIN, leaky_relu_, scaled_bias_act
from stylealign.ops.modulated_conv2d import conv2d_resampled
from stylealign.ops.native import functions as native

EPSILON = 1e-8


def normalize_rms(values: Tensor) -> Tensor:
    """Divide each row of `[N, D]` by its root mean square."""
    return values * (values.square().mean(dim=1, keepdim=True) + EPSILON).rsqrt()


class FullyConnected(nn.Module):
    """Equalised linear layer `[N, in] -> [N, out]`, with leaky ReLU unless `linear`."""

    def __init__(
        self,
        in_features: int,
        out_features: int,
        linear: bool = False,
        lr_multiplier: float = 1.0,
        bias_init: float = 0.0,
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out_features, in_features) / lr_multiplier)
        self.bias = nn.Parameter(torch.full((out_features,), bias_init / lr_multiplier))
        self.linear = linear
        self.lr_multiplier = lr_multiplier
        self.weight_gain = lr_multiplier / math.sqrt(in_features)

    def forward(self, values: Tensor) -> Tensor:
        # All factors in one product, the activation's gain too: these layers are small, calls are what they cost.
        gain = 1.0 if self.linear else LEAKY_GAIN
        weight, bias = self.weight.to(values.dtype), self.bias.to(values.dtype)
        values = torch.addmm(bias, values, weight.t(), beta=self.lr_multiplier * gain, alpha=self.weight_gain * gain)
        return values if self.linear else leaky_relu_(values)


class Convolution(nn.Module):
    """Equalised convolution of the discriminator, with leaky ReLU unless `linear`; `down` halves the resolution."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        size: int,
        bias: bool = True,
        linear: bool = False,
        down: bool = False,
        clamp: float | None = None,
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, size, size))
        self.bias = nn.Parameter(torch.zeros(out_channels)) if bias else None
        self.linear = linear
        self.down = down
        self.clamp = clamp
        self.weight_gain = 1.0 / math.sqrt(in_channels * size * size)

    def forward(self, features: Tensor, gain: float = 1.0) -> Tensor:
        # The gains are folded into weight and bias: no pass over the activations for them.
        # The clamp comes behind the activation's gain: it knows the caller's gain only.
        clamp = None if self.clamp is None else self.clamp * gain
        gain = gain if self.linear else gain * LEAKY_GAIN
        dtype = features.dtype
        weight = (self.weight * (self.weight_gain * gain)).to(dtype)
        bias = None if self.bias is None else (self.bias * gain).to(dtype)
        if not self.linear and native.fuses(features):
            return scaled_bias_act(conv2d_resampled(features, weight, down=self.down), bias=bias, clamp=clamp)
        features = conv2d_resampled(features, weight, bias, down=self.down)
        if self.linear:
            return features if clamp is None else features.clamp(-clamp, clamp)
        return leaky_relu_(features, clamp)
