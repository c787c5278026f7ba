"""Perceptual distances between images: LPIPS, and an offline distance of the same form on EfficientNet-Lite0.

LPIPS (Zhang et al. 2018, "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric", equation 1) compares
channel-normalised activations of several layers, weighted per channel by weights fitted to human judgements.
`efficientnet-lite0` is that formula with equal weights: **uncalibrated**, so its values rank pairs of images but are on
no human scale and must not be compared with LPIPS values.
"""

import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from stylealign.errors import StyleAlignError
from stylealign.metrics import backbone
from stylealign.metrics.features import loading_weights

NAMES = ("efficientnet-lite0", "lpips-vgg", "lpips-alex")
PROTOCOLS = {
    "efficientnet-lite0": f"{backbone.PROTOCOL}; stem and blocks 2, 4, 10, channels normalised, uncalibrated",
    "lpips-vgg": "LPIPS 0.1, VGG-16, images at their own size",
    "lpips-alex": "LPIPS 0.1, AlexNet, images at their own size",
}

_TAPS = (2, 4, 10)
"""Last blocks of EfficientNet-Lite0 at 1/4, 1/8 and 1/16 of the image's size (the stem is at 1/2)."""


class PerceptualDistance(nn.Module):
    """Distance between images, differentiable in both.

    `forward(a, b)` compares images; `features` and `between` split the work, so that an optimisation computes the
    activations of its fixed target once. Images are `[N, 3, H, W]` float32, nominally in [-1, 1]: a generator's
    overshoot is allowed, an image on the 0..255 scale is refused.
    """

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """Return the distance `[N]` float32 (0 for equal images)."""
        return self.between(self.features(a), self.features(b))

    def features(self, images: Tensor) -> list[Tensor]:
        """Return weighted, channel-normalised activations, one `[N, C, h, w]` tensor a layer."""
        assert images.is_floating_point(), "images must be float"
        assert images.ndim == 4, "images must be [N, 3, H, W]"
        assert images.detach().abs().amax() < 16, "images must be on the [-1, 1] scale"
        return self._activations(images)

    def between(self, features_a: list[Tensor], features_b: list[Tensor]) -> Tensor:
        """Return the distance `[N]` between two results of `features`.

        The squared difference is summed over channels and layers and averaged over positions.
        """
        layers = [(a - b).square().sum(dim=1).mean(dim=(1, 2)) for a, b in zip(features_a, features_b, strict=True)]
        return torch.stack(layers).sum(dim=0)

    def _activations(self, images: Tensor) -> list[Tensor]:
        raise NotImplementedError


class _EfficientNetDistance(PerceptualDistance):
    """Mean over four layers of the squared distance between unit activation vectors; in [0, 4]."""

    def __init__(self) -> None:
        super().__init__()
        self.network = backbone.EfficientNetLite0()
        del self.network.blocks[_TAPS[-1] + 1 :], self.network.head

    def _activations(self, images: Tensor) -> list[Tensor]:
        x = self.network.stem(backbone.network_input(images))
        taps = [x]
        for index, block in enumerate(self.network.blocks):
            x = block(x)
            if index in _TAPS:
                taps.append(x)
        return [_unit_channels(tap) * len(taps) ** -0.5 for tap in taps]


class _Lpips(PerceptualDistance):
    """LPIPS through the `lpips` package; the fitted channel weights are folded into the activations."""

    def __init__(self, name: str, weights: str | Path | None, random_backbone: bool = False) -> None:
        super().__init__()
        import lpips

        kind = name.removeprefix("lpips-")
        with loading_weights(name, weights), warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
            warnings.filterwarnings("ignore", message=".*(pretrained|weight enum).*", category=UserWarning)
            offline = weights is not None or random_backbone
            self.network = lpips.LPIPS(net=kind, pnet_rand=offline, verbose=False)
            if weights is not None:
                _load_backbone(self.network.net, torch.load(weights, map_location="cpu", weights_only=True))
        self.requires_grad_(False)
        self.eval()

    def _activations(self, images: Tensor) -> list[Tensor]:
        layers = self.network.net(self.network.scaling_layer(images))
        roots = [line.model[-1].weight.clamp(min=0).sqrt() for line in self.network.lins]
        return [
            _unit_channels(layer) * root.flatten()[None, :, None, None]
            for layer, root in zip(layers, roots, strict=True)
        ]


def _load_backbone(net: nn.Module, state: dict[str, Tensor]) -> None:
    """Load torchvision's `features.*` weights into the slices that the `lpips` package cuts the network into."""
    slices = {number: name for name, part in net.named_children() for number, _ in part.named_children()}
    renamed = {f"{slices[key.split('.')[1]]}.{key.removeprefix('features.')}": value
               for key, value in state.items() if key.startswith("features.")}  # fmt: skip
    net.load_state_dict(renamed)


def _unit_channels(x: Tensor) -> Tensor:
    """Scale the channel vector of each position to length 1 (a zero vector stays zero)."""
    return x * torch.rsqrt(x.square().sum(dim=1, keepdim=True) + 1e-10)


def perceptual_distance(name: str, weights: str | Path | None = None) -> PerceptualDistance:
    """Return a frozen perceptual distance.

    Args:
        name: `efficientnet-lite0` (offline), `lpips-vgg` or `lpips-alex`.
        weights: file with torchvision's ImageNet weights of the LPIPS backbone; None takes PyTorch's download cache,
            or downloads them.

    Raises:
        StyleAlignError: unknown name, or weights that cannot be had.
    """
    if name == "efficientnet-lite0":
        return _EfficientNetDistance()
    if name in NAMES:
        return _Lpips(name, weights)
    raise StyleAlignError(f"perceptual: no {name!r}; choose one of {', '.join(NAMES)}")
