"""A patch discriminator beside the one of whole images, which then sees half of the latents (Ojha et al. 2021, 3.2).

The two share the layers next to the image. The half is the half space of Z in which the first number is positive.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stylealign.config.keeping import PatchesMethod
from stylealign.errors import StyleAlignError
from stylealign.networks.architecture import Architecture
from stylealign.networks.layers import Convolution
from stylealign.streams import seeded


@dataclass(frozen=True)
class Verdict:
    """What the discriminators say of N images."""

    whole: Tensor
    """Logits `[N, 1]` of the images: StyleGAN2's; without it the mean of the scales."""
    patches: Tensor | None = None
    """Logits `[N, 1, h, w]` of their patches; None without a patch discriminator."""
    scales: tuple[Tensor, ...] = ()
    """Logits `[N, 1, h, w]` of a projected discriminator, a map a scale; empty without one."""


class PatchHead(nn.Module):
    """The patch discriminator's own layers: features `[N, C, h, w]` of the discriminator -> logits `[N, 1, h, w]`.

    Args:
        architecture: of the discriminator.
        method: where its features are taken from.
        seed: of the weights.

    Raises:
        StyleAlignError: the discriminator has no such features.
    """

    def __init__(self, architecture: Architecture, method: PatchesMethod, seed: int) -> None:
        super().__init__()
        self.at_px = method.at_px or max(architecture.resolution // 4, 4)
        if not 4 <= self.at_px < architecture.resolution:
            raise StyleAlignError(
                f"keep.patches.at_px {self.at_px}: the discriminator has features from 4 px to"
                f" {architecture.resolution // 2} px"
            )
        channels = architecture.channels(self.at_px)
        with seeded("patch head", seed):
            self.conv = Convolution(channels, channels, 3)
            self.out = Convolution(channels, 1, 1, linear=True)

    def forward(self, features: Tensor) -> Tensor:
        features = features.float() if features.dtype == torch.float16 else features
        logits: Tensor = self.out(self.conv(features))
        return logits


def in_half(z: Tensor) -> Tensor:
    """Return which latents `[N, z_dim]` the discriminator of whole images sees: `[N, 1]`, 1 or 0."""
    return (z[:, :1] > 0).to(z.dtype)


def patched_generator_loss(fake: Verdict, half: Tensor, strength: float) -> Tensor:
    """Return the non-saturating loss: of whole images in the half of the latents, and of all patches.

    Args:
        fake: of N generated images.
        half: `[N, 1]`, of `in_half`.
        strength: weight of the patches.
    """
    assert fake.patches is not None
    return (2 * half * F.softplus(-fake.whole)).mean() + strength * F.softplus(-fake.patches).mean()


def patched_discriminator_loss(real: Verdict, fake: Verdict, half: Tensor, strength: float) -> Tensor:
    """Return the logistic loss of both discriminators; arguments as of `patched_generator_loss`."""
    assert real.patches is not None and fake.patches is not None
    whole = (2 * half * F.softplus(fake.whole)).mean() + F.softplus(-real.whole).mean()
    return whole + strength * (F.softplus(fake.patches).mean() + F.softplus(-real.patches).mean())
