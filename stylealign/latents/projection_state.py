"""What moves in an inversion: Adam's state, the images that are still optimised, and the best code of each so far."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

_RAMP_UP, _RAMP_DOWN, _NOISE_UNTIL = 0.05, 0.25, 0.75


class Adam:
    """Adam (Kingma and Ba 2015, algorithm 1) over variables whose first axis is the image, so that images can leave.

    The first variable, the codes, is moved along the columns of `basis [*shape, d]`, if there is one.
    """

    epsilon = 1e-8

    def __init__(self, variables: list[Tensor], betas: tuple[float, float], basis: Tensor | None) -> None:
        self.betas, self.basis = betas, basis
        self.variables = [variable.requires_grad_(True) for variable in variables]
        self.means = [torch.zeros_like(variable) for variable in variables]
        self.squares = [torch.zeros_like(variable) for variable in variables]
        self.steps = 0

    @torch.no_grad()
    def step(self, gradients: Sequence[Tensor], rate: float) -> None:
        """Move the variables one step against their gradients."""
        self.steps += 1
        corrections = [1 - beta**self.steps for beta in self.betas]
        for index, gradient in enumerate(gradients):
            basis = self.basis if index == 0 else None
            mean, square = self.means[index], self.squares[index]
            if basis is not None:
                gradient = torch.einsum("n...i,...ij->n...j", gradient, basis)
            mean.lerp_(gradient, 1 - self.betas[0])
            square.mul_(self.betas[1]).addcmul_(gradient, gradient, value=1 - self.betas[1])
            move = mean / (square / corrections[1]).sqrt_().add_(self.epsilon)
            if basis is not None:
                move = torch.einsum("n...j,...ij->n...i", move, basis)
            self.variables[index].sub_(move, alpha=rate / corrections[0])

    def select(self, going: Tensor) -> "Adam":
        """Return the state of the images where `going [n]` is true."""
        chosen = Adam([variable.detach()[going] for variable in self.variables], self.betas, self.basis)
        chosen.means, chosen.squares = [mean[going] for mean in self.means], [square[going] for square in self.squares]
        chosen.steps = self.steps
        return chosen


@dataclass(frozen=True)
class Batch:
    """The images that are still being optimised."""

    rows: Tensor
    """`[n]`: their numbers in the whole batch."""
    targets: Tensor
    wanted: list[Tensor]
    """Features of the targets."""
    adam: Adam
    """Variables: the codes, then one noise map for each of `layers`."""
    layers: list[str]
    randoms: list[np.random.Generator]

    @property
    def codes(self) -> Tensor:
        """The codes `[n, *shape]`."""
        return self.adam.variables[0]

    @property
    def maps(self) -> dict[str, Tensor]:
        """The noise maps by layer."""
        return dict(zip(self.layers, self.adam.variables[1:], strict=True))

    def select(self, going: Tensor) -> "Batch":
        """Return the images where `going [n]` is true."""
        randoms = [random for random, goes in zip(self.randoms, going.tolist(), strict=True) if goes]
        wanted = [layer[going] for layer in self.wanted]
        return Batch(self.rows[going], self.targets[going], wanted, self.adam.select(going), self.layers, randoms)


class Best:
    """The best code of each image so far, of all that were tried (with the noise on them, where there was some)."""

    def __init__(self, codes: Tensor) -> None:
        self.codes = codes.detach().clone()
        self.loss = torch.full((len(codes),), math.inf, device=codes.device)
        self.perceptual = torch.full_like(self.loss, math.inf)

    def update(self, rows: Tensor, codes: Tensor, loss: Tensor, perceptual: Tensor) -> None:
        """Take over the codes `[n, ...]` of the images `rows [n]` whose `loss [n]` is lower than any before."""
        better = loss.detach() < self.loss[rows]
        for kept, found in ((self.codes, codes), (self.loss, loss), (self.perceptual, perceptual)):
            is_better = better.view(-1, *[1] * (found.ndim - 1))
            kept[rows] = torch.where(is_better, found.detach(), kept[rows])


def learning_rate_factor(step: int, steps: int) -> float:
    """Return the learning rate of a step as a share of its plateau: linear ramp up, cosine ramp down (appendix D)."""
    up = min(1.0, (step + 1) / steps / _RAMP_UP)
    down = min(1.0, (1 - step / steps) / _RAMP_DOWN)
    return up * (0.5 - 0.5 * math.cos(math.pi * down))


def latent_noise_strength(step: int, steps: int) -> float:
    """Return the strength of the noise on the code: 1 at the start, 0 from 75 % of the steps on (appendix D)."""
    return max(0.0, 1 - step / steps / _NOISE_UNTIL) ** 2
