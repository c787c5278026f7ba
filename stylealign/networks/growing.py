"""Networks of twice the resolution, grown from trained ones by a block (after Karras et al. 2018, arXiv 1710.10196).

The skip generator adds the RGB outputs of its blocks, so no fading in is needed: the new block's toRGB starts at 0, and
the grown generator's image is the smaller one's, up-sampled, to the bit. The discriminator's new block starts fresh: it
has to learn what its trained blocks are to be shown.
"""

from typing import TypeVar

from torch import nn

from stylealign.errors import StyleAlignError
from stylealign.networks.architecture import Architecture
from stylealign.networks.discriminator import Discriminator
from stylealign.networks.generator import Generator
from stylealign.streams import seeded

LARGEST_PX = 1024
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


def grown_discriminator(discriminator: Discriminator, seed: int = 0) -> Discriminator:
    """Return a discriminator of twice the resolution: the trained blocks, without their fromRGB, below a fresh one."""
    result = _fresh(Discriminator, discriminator.architecture, seed)
    kept = {name: value for name, value in discriminator.state_dict().items() if ".fromrgb." not in name}
    result.load_state_dict(result.state_dict() | kept)
    return result.requires_grad_(False)


def _fresh(kind: type[N], architecture: Architecture, seed: int) -> N:
    with seeded(f"grown {kind.__name__}", seed):
        return kind(grown_architecture(architecture))
