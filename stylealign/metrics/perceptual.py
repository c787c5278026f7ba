"""Perceptual distances between images: LPIPS, and an offline distance of the same form on EfficientNet-Lite0.

LPIPS (Zhang et al. 2018, "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric", equation 1) compares
channel-normalised activations of several layers, weighted per channel by weights fitted to human judgements.
`efficientnet-lite0` is that formula with equal weights: **uncalibrated**, so its values rank pairs of images but are on
no human scale and must not be compared with LPIPS values.
"""

from pathlib import Path

import torch
from torch import Tensor, nn

from stylealign.errors import StyleAlignError
from stylealign.metrics.networks.registry import distance_protocols, network_of

LARGEST_MEAN = 16.0
"""Mean absolute value of a batch of images that are on the [-1, 1] scale; a young model's single pixels go further."""


class PerceptualDistance(nn.Module):
    """Distance between images, differentiable in both.

    `forward(a, b)` compares images; `features` and `between` split the work, so that an optimisation computes the
    activations of its fixed target once. Images are `[N, 3, H, W]` float32, nominally in [-1, 1]: a generator's
    overshoot is allowed, however far single pixels go; images on the 0..255 scale are refused, and a model's that
    diverged.
    """

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """Return the distance `[N]` float32 (0 for equal images)."""
        return self.between(self.features(a), self.features(b))

    def features(self, images: Tensor) -> list[Tensor]:
        """Return `activations` of images that are looked at first, for which a GPU is waited for.

        Raises:
            StyleAlignError: images far outside of [-1, 1], or of what is no number.
        """
        assert images.is_floating_point(), "images must be float"
        assert images.ndim == 4, "images must be [N, 3, H, W]"
        size = images.detach().abs().mean().item()
        if not size < LARGEST_MEAN:
            raise StyleAlignError(
                f"images far outside of [-1, 1] (mean size {size:.3g}): the model that draws them has diverged; take "
                "an earlier snapshot of it"
            )
        return self.activations(images)

    def between(self, features_a: list[Tensor], features_b: list[Tensor]) -> Tensor:
        """Return the distance `[N]` between two results of `features`.

        The squared difference is summed over channels and layers and averaged over positions.
        """
        layers = [(a - b).square().sum(dim=1).mean(dim=(1, 2)) for a, b in zip(features_a, features_b, strict=True)]
        return torch.stack(layers).sum(dim=0)

    def activations(self, images: Tensor) -> list[Tensor]:
        """Return weighted, channel-normalised activations, one `[N, C, h, w]` tensor a layer."""
        raise NotImplementedError


def unit_channels(x: Tensor) -> Tensor:
    """Scale the channel vector of each position to length 1 (a zero vector stays zero)."""
    return x * torch.rsqrt(x.square().sum(dim=1, keepdim=True) + 1e-10)


def perceptual_distance(name: str, weights: str | Path | None = None) -> PerceptualDistance:
    """Return a frozen perceptual distance.

    Args:
        name: one of `registry.distance_protocols()`.
        weights: file of its weights (of LPIPS: torchvision's ImageNet weights of its backbone); None takes PyTorch's
            download cache, or downloads them.

    Raises:
        StyleAlignError: unknown name, or weights that cannot be had.
    """
    known = distance_protocols()
    if name not in known:
        raise StyleAlignError(f"perceptual: no {name!r}; choose one of {', '.join(known)}")
    return network_of(name).function("distance")(name, weights)  # type: ignore[no-any-return]
