"""The StyleGAN2 discriminator: residual blocks and minibatch standard deviation (Karras et al. 2020, section 4.1)."""

import math

import torch
from torch import Tensor, nn

from stylealign.networks import precision
from stylealign.networks.architecture import Architecture
from stylealign.networks.layers import Convolution, FullyConnected
from stylealign.networks.mapping import MappingNetwork

EPSILON = 1e-8
LABEL_LAYERS = 8


class DiscriminatorBlock(nn.Module):
    """Residual block `[N, C(r), r, r] -> [N, C(r/2), r/2, r/2]`; the top block takes the image."""

    def __init__(self, architecture: Architecture, resolution: int) -> None:
        super().__init__()
        channels, out_channels = architecture.channels(resolution), architecture.channels(resolution // 2)
        clamp = architecture.conv_clamp
        self.in_fp16 = architecture.uses_fp16(resolution)
        if resolution == architecture.resolution:
            self.fromrgb = Convolution(architecture.img_channels, channels, 1, clamp=clamp)
        self.conv0 = Convolution(channels, channels, 3, clamp=clamp)
        self.conv1 = Convolution(channels, out_channels, 3, down=True, clamp=clamp)
        self.skip = Convolution(channels, out_channels, 1, bias=False, linear=True, down=True)

    def forward(self, features: Tensor) -> Tensor:
        if self.in_fp16 and precision.runs_half(features):
            features = features.half()
        elif features.dtype == torch.float16:
            features = features.float()
        if hasattr(self, "fromrgb"):
            features = self.fromrgb(features)
        # The two branches are scaled so that their sum keeps unit variance.
        residual = self.skip(features, gain=math.sqrt(0.5))
        return residual + self.conv1(self.conv0(features), gain=math.sqrt(0.5))


def minibatch_std(features: Tensor, group_size: int | None) -> Tensor:
    """Append one channel with the mean standard deviation over groups of samples (Karras et al. 2018, section 3).

    Args:
        features: `[N, C, H, W]`.
        group_size: samples of a group, None for all; cut to N where N is smaller. N must be a multiple of it.

    Returns:
        `[N, C + 1, H, W]`; sample i is in the group of the samples i modulo (N / group size).
    """
    n, _, height, width = features.shape
    size = min(group_size, n) if group_size else n
    grouped = features.reshape(size, n // size, *features.shape[1:])
    deviation = (grouped.var(dim=0, unbiased=False) + EPSILON).sqrt().mean(dim=(1, 2, 3))
    channel = deviation.reshape(-1, 1, 1, 1).repeat(size, 1, height, width)
    return torch.cat([features, channel], dim=1)


class DiscriminatorEpilogue(nn.Module):
    """Minibatch standard deviation and the layers at 4 px: `[N, C, 4, 4] -> [N, 1]` (or `[N, cmap_dim]`)."""

    def __init__(self, architecture: Architecture, out_features: int) -> None:
        super().__init__()
        channels = architecture.channels(4)
        self.group_size = architecture.mbstd_group_size
        if architecture.resolution == 4:
            self.fromrgb = Convolution(architecture.img_channels, channels, 1, clamp=architecture.conv_clamp)
        self.conv = Convolution(channels + 1, channels, 3, clamp=architecture.conv_clamp)
        self.fc = FullyConnected(channels * 16, channels)
        self.out = FullyConnected(channels, out_features, linear=True)

    def forward(self, features: Tensor) -> Tensor:
        if hasattr(self, "fromrgb"):
            features = self.fromrgb(features)
        features = self.conv(minibatch_std(features, self.group_size))
        return self.out(self.fc(features.flatten(1)))


class Discriminator(nn.Module):
    """Images `[N, 3, r, r]` in [-1, 1] (and labels `[N, c_dim]`) -> logits `[N, 1]`; above 0 means real."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.architecture = architecture
        for resolution in architecture.resolutions[:0:-1]:
            setattr(self, f"b{resolution}", DiscriminatorBlock(architecture, resolution))
        self.label_dim = architecture.channels(4) if architecture.c_dim else 0
        if architecture.c_dim:
            self.mapping = MappingNetwork(
                0, architecture.c_dim, self.label_dim, None, LABEL_LAYERS, architecture.label_lr_multiplier
            )
        self.b4 = DiscriminatorEpilogue(architecture, self.label_dim or 1)

    def forward(self, images: Tensor, c: Tensor | None = None) -> Tensor:
        return self.judge(images, c)[0]

    def judge(self, images: Tensor, c: Tensor | None = None, at_px: int | None = None) -> tuple[Tensor, Tensor | None]:
        """Return logits `[N, 1]` as `forward` does, and the features `[N, C, at_px, at_px]` on the way to them."""
        features = images.to(memory_format=torch.channels_last)
        kept = None
        for resolution in self.architecture.resolutions[:0:-1]:
            features = getattr(self, f"b{resolution}")(features)
            kept = features if resolution == 2 * (at_px or 0) else kept
        features = features.float() if features.dtype == torch.float16 else features
        logits = self.b4(features)
        if not self.label_dim:
            return logits, kept
        # Projection discriminator: the label selects a direction in feature space.
        return (logits * self.mapping(None, c)).sum(dim=1, keepdim=True) / math.sqrt(self.label_dim), kept
