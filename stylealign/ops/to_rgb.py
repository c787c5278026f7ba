"""Colours of one resolution, on top of the image so far: the skip architecture of Karras et al. 2020, section 4.1."""

import torch
from torch import Tensor

from stylealign.ops.bias_act import bias_act
from stylealign.ops.modulated_conv2d import modulated_conv2d
from stylealign.ops.native import colours as native
from stylealign.ops.upfirdn2d import upsample2d


def to_rgb(
    features: Tensor,
    weight: Tensor,
    styles: Tensor,
    bias: Tensor,
    image: Tensor | None,
    clamp: float | None,
    dtype: torch.dtype,
) -> Tensor:
    """Mix the channels of every pixel by ``weight * styles[n]``, add the bias, clamp, add the image of half the size.

    Args:
        features: `[N, C, H, W]`.
        weight: `[O, C, 1, 1]`.
        styles: `[N, C]`, with their gain.
        bias: `[O]`.
        image: `[N, O, H / 2, W / 2]`, which is up-sampled; None for none.
        clamp: largest magnitude before the image is added, or None.
        dtype: of the result.

    Returns:
        `[N, O, H, W]`.
    """
    if native.fits(features, len(weight)):
        return native.colours(features, weight[:, :, 0, 0] * styles[:, None], bias, image, clamp, dtype)
    colours = modulated_conv2d(features, weight, styles, demodulate=False)
    colours = bias_act(colours, bias, linear=True, clamp=clamp).to(dtype)
    return colours if image is None else upsample2d(image) + colours
