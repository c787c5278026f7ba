"""The tensor functions in plain form, as the papers write them: what the fast ones are tested and measured against.

Nothing but tests and benchmarks uses them. Names, arguments and results are those of the functions they stand for.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from stylealign.ops.bias_act import LEAKY_GAIN, LEAKY_SLOPE
from stylealign.ops.modulated_conv2d import EPSILON
from stylealign.ops.upfirdn2d import Padding, low_pass_filter


def upfirdn2d(images: Tensor, up: int = 1, down: int = 1, padding: Padding = (0, 0, 0, 0), gain: float = 1.0) -> Tensor:
    """Insert zeros, pad or crop, filter at full resolution, keep every `down`-th pixel."""
    n, channels, height, width = images.shape
    wide = images.new_zeros(n, channels, height, up, width, up)
    wide[:, :, :, 0, :, 0] = images
    wide = F.pad(wide.reshape(n, channels, height * up, width * up), padding)
    taps = low_pass_filter(images.dtype, images.device)
    kernel = (taps[:, None] * taps).expand(channels, 1, 4, 4)
    return F.conv2d(wide, kernel, groups=channels)[:, :, ::down, ::down] * gain


def upsample2d(images: Tensor) -> Tensor:
    """Double the height and width."""
    return upfirdn2d(images, up=2, padding=(2, 1, 2, 1), gain=4.0)


def bias_act(
    values: Tensor, bias: Tensor | None = None, linear: bool = False, gain: float = 1.0, clamp: float | None = None
) -> Tensor:
    """Add the bias, apply leaky ReLU, its gain, the clamp and the gain, one after another."""
    if bias is not None:
        values = values + bias.reshape(1, -1, *[1] * (values.ndim - 2))
    if not linear:
        values = torch.where(values >= 0, values, values * LEAKY_SLOPE) * LEAKY_GAIN
    values = values if clamp is None else values.clamp(-clamp, clamp)
    return values * gain


def conv2d_resampled(
    features: Tensor, weight: Tensor, bias: Tensor | None = None, up: bool = False, down: bool = False
) -> Tensor:
    """Convolve, with a filter behind the doubling or before the halving, each as a function of its own."""
    size = weight.shape[-1]
    if up:
        features = F.conv_transpose2d(features, weight.transpose(0, 1), stride=2)
        before, after = (6 - size) // 2, (5 - size) // 2
        features = upfirdn2d(features, padding=(before, after, before, after), gain=4.0)
    elif down:
        before, after = (size + 2) // 2, (size + 1) // 2
        features = F.conv2d(upfirdn2d(features, padding=(before, after, before, after)), weight, stride=2)
    else:
        features = F.conv2d(features, weight, padding=size // 2)
    return features if bias is None else features + bias[:, None, None]


def modulated_conv2d(
    features: Tensor, weight: Tensor, styles: Tensor, up: bool = False, demodulate: bool = True, gain: float = 1.0
) -> Tensor:
    """Convolve every sample with weights of its own, all samples in one grouped convolution."""
    n, inner, height, width = features.shape
    outer, size = weight.shape[0], weight.shape[-1]
    own = weight[None] * styles.reshape(n, 1, inner, 1, 1)  # eq. 1 of Karras et al. 2020
    if demodulate:
        own = own / (own.square().sum(dim=(2, 3, 4), keepdim=True) + EPSILON).sqrt()  # eq. 3
    stacked = features.reshape(1, n * inner, height, width)
    if up:
        own = own.transpose(1, 2).reshape(n * inner, outer, size, size)
        result = F.conv_transpose2d(stacked, own, stride=2, groups=n)
        before, after = (6 - size) // 2, (5 - size) // 2
        result = upfirdn2d(result, padding=(before, after, before, after), gain=4.0)
    else:
        result = F.conv2d(stacked, own.reshape(n * outer, inner, size, size), padding=size // 2, groups=n)
    return result.reshape(n, outer, *result.shape[2:]) * gain
