"""What the discriminators say of images, whole and in patches or on every scale, and the losses that follow from it."""

from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from stylealign.config.keeping import PatchesMethod
from stylealign.networks.discriminator import Discriminator
from stylealign.training.keep.patches import (
    PatchHead,
    Verdict,
    patched_discriminator_loss,
    patched_generator_loss,
)
from stylealign.training.losses import discriminator_loss, generator_loss
from stylealign.training.projected import ProjectedDiscriminator

AnyDiscriminator = Discriminator | ProjectedDiscriminator


class Judging(Protocol):
    """What a training step asks of its discriminators."""

    def begin(self) -> None:
        """Get ready for a step."""

    def verdict(self, images: Tensor, kimg: float) -> Verdict:
        """Return what they say of images `[N, 3, H, W]`."""

    def logits(self, verdict: Verdict, kimg: float) -> Tensor:
        """Return the logits `[N, 1]` that R1 looks at."""

    def generator_loss(self, fake: Verdict, half: Tensor, kimg: float) -> Tensor:
        """Return G's loss; `half` as of `in_half`."""

    def discriminator_loss(self, real: Verdict, fake: Verdict, half: Tensor, kimg: float) -> Tensor:
        """Return D's loss; `half` as of `in_half`."""


class ProjectedJudges:
    """A projected discriminator and its hinge loss (Sauer et al. 2021), the mean over the scales."""

    def __init__(self, discriminator: ProjectedDiscriminator) -> None:
        self._discriminator = discriminator

    def begin(self) -> None:
        """Move the estimates of the spectral norms."""
        self._discriminator.advance()

    def verdict(self, images: Tensor, kimg: float) -> Verdict:
        """Return what it says of images `[N, 3, H, W]`."""
        scales = self._discriminator(images)
        whole = torch.stack([logits.mean(dim=(2, 3)) for logits in scales]).mean(dim=0)
        return Verdict(whole, scales=tuple(scales))

    def logits(self, verdict: Verdict, kimg: float) -> Tensor:
        """Return the means of the maps, `[N, 1]`."""
        return verdict.whole

    def generator_loss(self, fake: Verdict, half: Tensor, kimg: float) -> Tensor:
        """Return the mean logit, negated."""
        return -fake.whole.mean()

    def discriminator_loss(self, real: Verdict, fake: Verdict, half: Tensor, kimg: float) -> Tensor:
        """Return the hinge loss."""
        losses = [
            F.relu(1 - of_real).mean() + F.relu(1 + of_fake).mean()
            for of_real, of_fake in zip(real.scales, fake.scales, strict=True)
        ]
        return torch.stack(losses).mean()


class Judges:
    """The discriminator and, where the method is on, the one of patches beside it.

    Args:
        discriminator: of whole images.
        patch_head: the patch discriminator's own layers; None where the method is off.
        method: how strongly the patches count, by how long the training is: `kimg`, thousands of images.
    """

    def __init__(self, discriminator: Discriminator, patch_head: PatchHead | None, method: PatchesMethod) -> None:
        self._discriminator, self._patch_head, self._method = discriminator, patch_head, method

    def begin(self) -> None:
        """Nothing to get ready."""

    def verdict(self, images: Tensor, kimg: float) -> Verdict:
        """Return what they say of images `[N, 3, H, W]`; no patches while those do not count."""
        if self._patch_head is None or self._method.strength(kimg) == 0:
            return Verdict(self._discriminator(images))
        whole, features = self._discriminator.judge(images, at_px=self._patch_head.at_px)
        return Verdict(whole, self._patch_head(features))

    def logits(self, verdict: Verdict, kimg: float) -> Tensor:
        """Return the logits `[N, 1]` of a verdict, those of patches with their mean."""
        if verdict.patches is None:
            return verdict.whole
        return verdict.whole + self._method.strength(kimg) * verdict.patches.mean(dim=(2, 3))

    def generator_loss(self, fake: Verdict, half: Tensor, kimg: float) -> Tensor:
        """Return G's loss; `half` as of `in_half`."""
        if fake.patches is None:
            return generator_loss(fake.whole)
        return patched_generator_loss(fake, half, self._method.strength(kimg))

    def discriminator_loss(self, real: Verdict, fake: Verdict, half: Tensor, kimg: float) -> Tensor:
        """Return D's loss; `half` as of `in_half`."""
        if fake.patches is None:
            return discriminator_loss(real.whole, fake.whole)
        return patched_discriminator_loss(real, fake, half, self._method.strength(kimg))
