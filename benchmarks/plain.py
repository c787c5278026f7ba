"""Networks in plain form: one tensor function after another, as the papers write them, instead of the fast ones."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from unittest.mock import patch

import torch
import torch.nn.functional as F
from torch import Tensor

from stylealign.networks import layers, synthesis
from stylealign.networks.layers import Convolution, FullyConnected
from stylealign.networks.synthesis import SynthesisLayer
from stylealign.ops import reference, to_rgb
from stylealign.ops.modulated_conv2d import Modulation

REPLACED = {
    layers: ("conv2d_resampled",),
    to_rgb: ("bias_act", "modulated_conv2d", "upsample2d"),
}


def _fully_connected(self: FullyConnected, values: Tensor) -> Tensor:
    values = F.linear(values, self.weight * self.weight_gain)
    return reference.bias_act(values, self.bias * self.lr_multiplier, linear=self.linear)


def _convolution(self: Convolution, features: Tensor, gain: float = 1.0) -> Tensor:
    weight = self.weight * self.weight_gain
    features = reference.conv2d_resampled(features.contiguous(), weight, down=self.down)
    return reference.bias_act(features, self.bias, linear=self.linear, gain=gain, clamp=self.clamp)


def _modulation(weight: Tensor, styles: Tensor, dtype: torch.dtype) -> Modulation:
    """Leave the style to the layer."""
    return Modulation(weight, styles, styles)


def _synthesis_layer(
    self: SynthesisLayer, features: Tensor, own: Modulation, noise: Tensor | None, following: object, keeps: bool
) -> tuple[Tensor, Tensor]:
    features = reference.modulated_conv2d(features.contiguous(), self.weight, own.scale, up=self.up)
    if noise is not None:
        features = features + noise * self.noise_strength
    features = reference.bias_act(features, self.bias, clamp=self.clamp)
    return features, features


@contextmanager
def plain_form() -> Iterator[None]:
    """Make every network of this process run in plain form."""
    with ExitStack() as stack:
        for module, names in REPLACED.items():
            for name in names:
                stack.enter_context(patch.object(module, name, getattr(reference, name)))
        stack.enter_context(patch.object(FullyConnected, "forward", _fully_connected))
        stack.enter_context(patch.object(Convolution, "forward", _convolution))
        stack.enter_context(patch.object(synthesis, "modulation", _modulation))
        stack.enter_context(patch.object(synthesis, "scale_channels", lambda features, scale: features))
        stack.enter_context(patch.object(SynthesisLayer, "forward", _synthesis_layer))
        yield
