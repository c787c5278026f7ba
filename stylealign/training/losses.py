"""The StyleGAN2 objective: logistic losses, R1 and path-length penalties."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from stylealign.ops.parameter_gradients import without_parameter_gradients

PATH_LENGTH_DECAY = 0.01


def generator_loss(fake_logits: Tensor) -> Tensor:
    """Return the non-saturating loss ``softplus(-D(G(z)))`` (Goodfellow et al. 2014), mean over `[N, 1]`."""
    return F.softplus(-fake_logits).mean()


def discriminator_loss(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """Return ``softplus(D(G(z))) + softplus(-D(x))``, mean over each `[N, 1]`."""
    return F.softplus(fake_logits).mean() + F.softplus(-real_logits).mean()


def r1_penalty(real_logits: Tensor, images: Tensor) -> Tensor:
    """Return the squared gradient norm of D at real images, mean over the batch (Mescheder et al. 2018, eq. 9).

    Args:
        real_logits: `[N, 1]`, computed from `images`.
        images: `[N, 3, H, W]` that require a gradient.

    Returns:
        Scalar, differentiable with respect to the discriminator; to be weighted by gamma / 2.
    """
    with without_parameter_gradients():
        (gradient,) = torch.autograd.grad(real_logits.sum(), images, create_graph=True)
    return gradient.square().sum(dim=(1, 2, 3)).mean()


def path_lengths(images: Tensor, ws: Tensor, direction: Tensor | None = None) -> Tensor:
    """Return ``|J_w^T y|`` with y random normal images scaled by 1/sqrt(H W): Karras et al. 2020, eq. 4.

    Args:
        images: `[N, 3, H, W]`, synthesised from `ws`.
        ws: `[N, num_ws, w_dim]` that require a gradient.
        direction: y before its scale, the shape of `images`; drawn where it is not given.

    Returns:
        `[N]`, root of the mean over layers of the squared norm.
    """
    direction = torch.randn_like(images) if direction is None else direction
    direction = direction / math.sqrt(images.shape[2] * images.shape[3])
    with without_parameter_gradients():
        (gradient,) = torch.autograd.grad((images * direction).sum(), ws, create_graph=True)
    return gradient.square().sum(dim=2).mean(dim=1).sqrt()


def moved_path_length(mean_length: Tensor, batch_mean: Tensor) -> Tensor:
    """Return the running mean of the path lengths, moved by 1 % towards a batch's mean.

    A mean of 0, before the first batch, becomes the batch's: a mean that rises slowly from 0 would first pull a
    trained generator's path lengths down, away from its parent.
    """
    return torch.where(mean_length == 0, batch_mean, mean_length.lerp(batch_mean, PATH_LENGTH_DECAY))


def path_length_penalty(lengths: Tensor, mean_length: Tensor) -> Tensor:
    """Return the mean squared distance of `lengths [N]` from their running mean."""
    return (lengths - mean_length).square().mean()
