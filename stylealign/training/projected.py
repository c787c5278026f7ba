"""A projected discriminator: small heads on frozen features of a pretrained network (Sauer et al. 2021).

"Projected GANs Converge Faster", arXiv 2111.01007. What tells real images from generated ones does not learn to see
first: EfficientNet-Lite1 sees, fixed random convolutions mix its features across channels and scales, and one small
head a scale is trained, with spectral normalisation (Miyato et al. 2018, arXiv 1802.05957) in place of R1. Unlike
there, the pixels' colours are mixed in at every scale, since such features see little of them, and images are
augmented only where the training asks for it. A parent's file needs no discriminator. The features are not those that
FID is measured with by default, but of the same family, so FID flatters: judge such a child by other measures.
"""

import math
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stylealign.metrics.networks.efficientnet_lite import EfficientNetLite, network_input
from stylealign.ops.convolution import conv2d
from stylealign.streams import seeded

SMALLEST_PX = 64
"""Smaller images are enlarged: the deepest features are at 1/32 of the size."""
WIDTH = 64
"""Most channels of the mixed features and of the heads."""
SLOPE = 0.2
COLOUR_GAIN = 12.0
"""Brings pixels in [-1, 1] to the size of the features (root of the mean square 3 to 13): those see little colour."""
FIRST_ITERATIONS = 15
"""Power iterations before the first step."""


class ProjectedDiscriminator(nn.Module):
    """Images `[N, 3, H, W]` in [-1, 1] -> a map of logits `[N, 1, h, w]` for each scale, 1/2 to 1/32 of their size.

    Its parameters are those of the heads. The pretrained network and the random convolutions are no part of the state:
    they are the same for every run.

    Args:
        seed: of the heads' first weights.
    """

    def __init__(self, seed: int) -> None:
        super().__init__()
        seeing = _Seeing()
        self._seeing = (seeing,)  # a tuple hides it from `parameters` and `state_dict`
        widths = [min(WIDTH, 2 * channels) for channels in seeing.channels]
        with seeded("projected discriminator", seed):
            self.heads = nn.ModuleList(_Head(width) for width in widths)

    def forward(self, images: Tensor) -> list[Tensor]:
        seeing = self._seeing[0]
        if (seeing.of.device, seeing.of.dtype) != (images.device, images.dtype):
            seeing.to(images.device, images.dtype)
        return [head(features) for head, features in zip(self.heads, seeing(images), strict=True)]

    def advance(self) -> None:
        """Move the estimates of the spectral norms by one power iteration; once a step."""
        for module in self.modules():
            if isinstance(module, _SpectralConvolution):
                module.advance()


class _Seeing(nn.Module):
    """The frozen part: images `[N, 3, H, W]` -> mixed features, from the finest scale to the coarsest."""

    def __init__(self) -> None:
        super().__init__()
        self.network = EfficientNetLite(1)
        del self.network.head
        with torch.inference_mode():
            self.channels = [
                features.shape[1] for features in self._features(torch.zeros(1, 3, SMALLEST_PX, SMALLEST_PX))
            ]
        widths = [min(WIDTH, 2 * channels) for channels in self.channels]
        with seeded("projections", 0):
            self.channel_mixing = nn.ModuleList(
                _random_convolution(channels, out, 1)
                for channels, out in zip(self.channels, [*widths[1:], widths[-1]], strict=True)
            )
            self.colour_mixing = nn.ModuleList(_random_convolution(3, out, 1) for out in [*widths[1:], widths[-1]])
            self.scale_mixing = nn.ModuleList(
                _random_convolution(into, width, 3)
                for into, width in zip([*widths[1:], widths[-1]], widths, strict=True)
            )
        self.requires_grad_(False)

    @property
    def of(self) -> Tensor:
        """One of its weights: where it computes, and in what."""
        return next(self.parameters())

    def forward(self, images: Tensor) -> list[Tensor]:
        mixed: list[Tensor] = []
        layers = zip(self._features(images), self.channel_mixing, self.colour_mixing, self.scale_mixing, strict=True)
        for features, across_channels, of_colours, across_scales in reversed(list(layers)):
            own = across_channels(features)
            own = own + of_colours(F.adaptive_avg_pool2d(images, own.shape[2:]) * COLOUR_GAIN)
            if mixed:
                coarser = F.interpolate(mixed[-1], size=own.shape[2:], mode="bilinear", align_corners=False)
                own = (own + coarser) * math.sqrt(0.5)
            mixed.append(across_scales(own))
        return mixed[::-1]

    def _features(self, images: Tensor) -> list[Tensor]:
        """Return the last features of every scale, 1/2 to 1/32."""
        if images.shape[-1] < SMALLEST_PX:
            images = F.interpolate(images, size=(SMALLEST_PX, SMALLEST_PX), mode="bilinear", align_corners=False)
        steps = [self.network.stem(network_input(images, largest_px=None))]
        for block in self.network.blocks:
            steps.append(block(steps[-1]))
        return [one for one, following in pairwise(steps) if following.shape[2] != one.shape[2]] + steps[-1:]


def _random_convolution(channels: int, out: int, size: int) -> nn.Conv2d:
    layer = nn.Conv2d(channels, out, size, padding=size // 2)
    nn.init.kaiming_normal_(layer.weight)
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)
    return layer.to(memory_format=torch.channels_last)


class _Head(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv0 = _SpectralConvolution(width, width, 3, 1)
        self.conv1 = _SpectralConvolution(width, WIDTH, 4, 2)
        self.out = _SpectralConvolution(WIDTH, 1, 1, 1)

    def forward(self, features: Tensor) -> Tensor:
        hidden = F.leaky_relu(self.conv0(features), SLOPE)
        logits: Tensor = self.out(F.leaky_relu(self.conv1(hidden), SLOPE))
        return logits


class _SpectralConvolution(nn.Module):
    """A convolution divided by the largest singular value of its weights, which `advance` estimates."""

    left: Tensor
    right: Tensor

    def __init__(self, channels: int, out: int, size: int, stride: int) -> None:
        super().__init__()
        layer = nn.Conv2d(channels, out, size)
        assert layer.bias is not None
        self.weight, self.bias = layer.weight, layer.bias
        self._stride, self._padding = stride, (size - 1) // 2
        self.register_buffer("left", F.normalize(torch.randn(out), dim=0))
        self.register_buffer("right", torch.zeros(channels * size * size))
        for _ in range(FIRST_ITERATIONS):
            self.advance()

    def forward(self, x: Tensor) -> Tensor:
        norm = self.left @ (self.weight.flatten(1) @ self.right)
        return conv2d(x, self.weight / norm, self.bias, self._stride, self._padding)

    @torch.no_grad()
    def advance(self) -> None:
        """Take one power iteration."""
        matrix = self.weight.flatten(1)
        self.right.copy_(F.normalize(matrix.T @ self.left, dim=0))
        self.left.copy_(F.normalize(matrix @ self.right, dim=0))
