"""The averaged generator."""

import torch
from torch import nn


def ema_beta(batch_size: int, half_life_kimg: float, images_shown: int, rampup: float) -> float:
    """Return the weight of the old average after a step.

    Args:
        batch_size: images of the step.
        half_life_kimg: half-life in thousands of images.
        images_shown: images shown before the step.
        rampup: the half-life is at most this share of `images_shown`; 0 for no ramp-up.
    """
    half_life = half_life_kimg * 1000
    if rampup:
        half_life = min(half_life, images_shown * rampup)
    return 0.5 ** (batch_size / max(half_life, 1e-8))


@torch.no_grad()
def update_average(average: nn.Module, network: nn.Module, beta: float) -> None:
    """Move the parameters of `average` towards `network` by 1 - beta; copy the buffers."""
    torch._foreach_lerp_(list(average.parameters()), list(network.parameters()), 1.0 - beta)
    for old, new in zip(average.buffers(), network.buffers(), strict=True):
        old.copy_(new)
