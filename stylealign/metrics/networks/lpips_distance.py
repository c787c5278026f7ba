"""LPIPS (Zhang et al. 2018, equation 1) through the `lpips` package."""

import warnings
from pathlib import Path

import lpips
import torch
from torch import Tensor, nn

from stylealign.metrics.networks.loading import loading_weights
from stylealign.metrics.perceptual import PerceptualDistance, unit_channels


class Lpips(PerceptualDistance):
    """LPIPS through the `lpips` package; the fitted channel weights are folded into the activations."""

    def __init__(self, name: str, weights: str | Path | None, random_backbone: bool = False) -> None:
        super().__init__()
        kind = name.removeprefix("lpips-")
        with loading_weights(name, weights), warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
            warnings.filterwarnings("ignore", message=".*(pretrained|weight enum).*", category=UserWarning)
            offline = weights is not None or random_backbone
            self.network = lpips.LPIPS(net=kind, pnet_rand=offline, verbose=False)
            if weights is not None:
                _load_backbone(self.network.net, torch.load(weights, map_location="cpu", weights_only=True))
        self.requires_grad_(False)
        self.eval()

    def activations(self, images: Tensor) -> list[Tensor]:
        layers = self.network.net(self.network.scaling_layer(images))
        roots = [line.model[-1].weight.clamp(min=0).sqrt() for line in self.network.lins]
        return [
            unit_channels(layer) * root.flatten()[None, :, None, None]
            for layer, root in zip(layers, roots, strict=True)
        ]


def _load_backbone(net: nn.Module, state: dict[str, Tensor]) -> None:
    """Load torchvision's `features.*` weights into the slices that the `lpips` package cuts the network into."""
    slices = {number: name for name, part in net.named_children() for number, _ in part.named_children()}
    renamed = {
        f"{slices[key.split('.')[1]]}.{key.removeprefix('features.')}": value
        for key, value in state.items()
        if key.startswith("features.")
    }
    net.load_state_dict(renamed)


def distance(name: str, weights: str | Path | None) -> PerceptualDistance:
    """Return the distance `lpips-vgg` or `lpips-alex`.

    Raises:
        StyleAlignError: weights that cannot be had.
    """
    return Lpips(name, weights)
