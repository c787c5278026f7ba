"""What the discriminators say of images, whole, in patches and on every scale, and the losses that follow from it."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

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


class BothDiscriminators(nn.Module):
    """StyleGAN2's discriminator and a projected one, trained side by side."""

    def __init__(self, stylegan2: Discriminator, projected: ProjectedDiscriminator) -> None:
        super().__init__()
        self.stylegan2, self.projected = stylegan2, projected


AnyDiscriminator = Discriminator | ProjectedDiscriminator | BothDiscriminators


def stylegan2_of(discriminator: AnyDiscriminator) -> Discriminator | None:
    """Return StyleGAN2's discriminator, if it is one or among them."""
    if isinstance(discriminator, BothDiscriminators):
        return discriminator.stylegan2
    return discriminator if isinstance(discriminator, Discriminator) else None


def projected_of(discriminator: AnyDiscriminator) -> ProjectedDiscriminator | None:
    """Return the projected discriminator, if it is one or among them."""
    if isinstance(discriminator, BothDiscriminators):
        return discriminator.projected
    return discriminator if isinstance(discriminator, ProjectedDiscriminator) else None


class Judges:
    """The discriminators of a training: StyleGAN2's with the one of patches beside it, a projected one, or all.

    Their losses are added: the logistic ones of StyleGAN2, and the hinge loss of Sauer et al. 2021, the mean over the
    scales.

    Args:
        discriminator: one, or two.
        patch_head: the patch discriminator's own layers; None where the method is off.
        method: how strongly the patches count, by how long the training is: `kimg`, thousands of images.
    """

    def __init__(self, discriminator: AnyDiscriminator, patch_head: PatchHead | None, method: PatchesMethod) -> None:
        self._stylegan2, self._projected = stylegan2_of(discriminator), projected_of(discriminator)
        self._patch_head, self._method = patch_head, method

    def begin(self) -> None:
        """Get ready for a step: move the estimates of the spectral norms."""
        if self._projected is not None:
            self._projected.advance()

    def verdict(self, images: Tensor, kimg: float) -> Verdict:
        """Return what they say of images `[N, 3, H, W]`; no patches while those do not count."""
        scales = () if self._projected is None else tuple(self._projected(images))
        if self._stylegan2 is None:
            return Verdict(torch.stack([logits.mean(dim=(2, 3)) for logits in scales]).mean(dim=0), scales=scales)
        return Verdict(*self._of_pixels(self._stylegan2, images, kimg), scales)

    def logits(self, images: Tensor, kimg: float) -> Tensor:
        """Return the logits `[N, 1]` that R1 looks at: StyleGAN2's, those of patches with their mean; a projected
        discriminator is not asked."""
        assert self._stylegan2 is not None
        whole, patches = self._of_pixels(self._stylegan2, images, kimg)
        return whole if patches is None else whole + self._method.strength(kimg) * patches.mean(dim=(2, 3))

    def _of_pixels(self, stylegan2: Discriminator, images: Tensor, kimg: float) -> tuple[Tensor, Tensor | None]:
        if self._patch_head is None or self._method.strength(kimg) == 0:
            return stylegan2(images), None
        whole, features = stylegan2.judge(images, at_px=self._patch_head.at_px)
        return whole, self._patch_head(features)

    def generator_loss(self, fake: Verdict, half: Tensor, kimg: float) -> Tensor:
        """Return G's loss; `half` as of `in_half`."""
        losses = [-logits.mean() for logits in fake.scales]
        of_scales = torch.stack(losses).mean() if losses else 0.0
        if self._stylegan2 is None:
            return torch.as_tensor(of_scales)
        if fake.patches is None:
            return generator_loss(fake.whole) + of_scales
        return patched_generator_loss(fake, half, self._method.strength(kimg)) + of_scales

    def discriminator_loss(self, real: Verdict, fake: Verdict, half: Tensor, kimg: float) -> Tensor:
        """Return D's loss; `half` as of `in_half`."""
        losses = [
            F.relu(1 - of_real).mean() + F.relu(1 + of_fake).mean()
            for of_real, of_fake in zip(real.scales, fake.scales, strict=True)
        ]
        of_scales = torch.stack(losses).mean() if losses else 0.0
        if self._stylegan2 is None:
            return torch.as_tensor(of_scales)
        if fake.patches is None:
            return discriminator_loss(real.whole, fake.whole) + of_scales
        return patched_discriminator_loss(real, fake, half, self._method.strength(kimg)) + of_scales
