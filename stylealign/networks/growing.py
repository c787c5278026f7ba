"""Networks of twice the resolution, grown from trained ones by a block (after Karras et al. 2018, arXiv 1710.10196).

The skip generator adds the RGB outputs of its blocks, so no fading in is needed: the new block's toRGB starts at 0, and
the grown generator's image is the smaller one's, up-sampled, to the bit. The discriminator's new block starts as what
halves an image and reads its colours (in the way of Chen et al. 2016, "Net2Net", arXiv 1511.05641): the grown one
judges an image as the smaller one judges it at half the size.
"""

import math
from typing import TypeVar

import torch
from torch import nn

from stylealign.config import LARGEST_PX
from stylealign.errors import StyleAlignError
from stylealign.networks.architecture import Architecture
from stylealign.networks.discriminator import Discriminator
from stylealign.networks.generator import Generator
from stylealign.networks.layers import Convolution
from stylealign.ops.bias_act import LEAKY_GAIN, LEAKY_SLOPE
from stylealign.streams import seeded

N = TypeVar("N", Generator, Discriminator)


def grown_architecture(architecture: Architecture) -> Architecture:
    """Return the shape with a block more.

    Raises:
        StyleAlignError: the largest size, or a block that would have no channels.
    """
    px = 2 * architecture.resolution
    if px > LARGEST_PX:
        raise StyleAlignError(
            f"{architecture.resolution} px cannot be doubled: none of more than {LARGEST_PX} px is known here"
        )
    if architecture.channels(px) < 1:
        raise StyleAlignError(f"channel_base {architecture.channel_base} leaves no channels for a block of {px} px")
    return architecture.model_copy(update={"resolution": px})


def grown_generator(generator: Generator, seed: int = 0) -> Generator:
    """Return a generator of twice the resolution that draws the images of `generator` up-sampled.

    Args:
        generator: the smaller one; its weights are copied.
        seed: of the new block's convolutions, which nothing shows until its toRGB has learnt something.
    """
    result = _fresh(Generator, generator.architecture, seed)
    result.load_state_dict(result.state_dict() | generator.state_dict())
    torgb = getattr(result.synthesis, f"b{result.architecture.resolution}").torgb
    nn.init.zeros_(torgb.weight)
    nn.init.zeros_(torgb.bias)
    return result.requires_grad_(False)


@torch.no_grad()
def grown_discriminator(discriminator: Discriminator, seed: int = 0) -> Discriminator:
    """Return a discriminator of twice the resolution that judges images as `discriminator` judges them halved.

    A new block of fewer channels than twice those of an image starts fresh: it has to learn what the trained ones are
    to be shown.

    Args:
        discriminator: the smaller one; its weights are copied.
        seed: of what the new block has beside that, which the trained blocks do not see at first.
    """
    result = _fresh(Discriminator, discriminator.architecture, seed)
    kept = {name: value for name, value in discriminator.state_dict().items() if ".fromrgb." not in name}
    result.load_state_dict(result.state_dict() | kept)
    block = getattr(result, f"b{result.architecture.resolution}")
    colours, channels = discriminator.architecture.img_channels, block.conv0.weight.shape[0]
    if channels >= 2 * colours:
        # Two channels carry a colour through a leaky ReLU: it and its negative.
        signs = torch.tensor([1.0, -1.0]).repeat(colours)
        pairs = torch.zeros(2 * colours, colours)
        pairs[torch.arange(2 * colours), torch.arange(2 * colours) // 2] = signs
        back = pairs.t() / (LEAKY_GAIN * (1 + LEAKY_SLOPE))
        smaller = getattr(discriminator, f"b{discriminator.architecture.resolution}").fromrgb
        reads = smaller.weight[:, :, 0, 0] * smaller.weight_gain
        _set(block.fromrgb, pairs)
        _set(block.conv0, pairs @ back)
        # The block's output is scaled: what is read makes up for it.
        _set(block.conv1, math.sqrt(2) * reads @ back, math.sqrt(2) * smaller.bias)
        nn.init.zeros_(block.skip.weight)
    return result.requires_grad_(False)


def _set(layer: Convolution, wanted: torch.Tensor, bias: torch.Tensor | None = None) -> None:
    """Make the first outputs of a layer those of `wanted [out, in]` on its first inputs, at a kernel's middle alone."""
    outputs, inputs = wanted.shape
    middle = layer.weight.shape[-1] // 2
    layer.weight[:outputs] = 0
    layer.weight[:outputs, :inputs, middle, middle] = wanted / layer.weight_gain
    if bias is not None:
        assert layer.bias is not None
        layer.bias[:] = bias


def _fresh(kind: type[N], architecture: Architecture, seed: int) -> N:
    with seeded(f"grown {kind.__name__}", seed):
        return kind(grown_architecture(architecture))
