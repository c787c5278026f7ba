"""Inversion by optimisation: the code whose image is closest to a target, many targets at once.

Schedule of Karras et al. 2020 (arXiv 1912.04958, appendix D): Adam with a learning rate that ramps up over the first
5 % and down over the last 25 % of the steps, noise on the code that fades out by 75 %, and optimised noise maps. An
image's result does not depend on its batch: losses are summed over the batch, and every image has a random stream of
its own.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stylealign.config import InvertSettings, Space
from stylealign.latents.noise_maps import autocorrelation, draw_noise_maps, noise_shapes_in_use, renormalize
from stylealign.latents.spaces import code_shape, is_gaussian, is_per_layer, mean_label, std_of_w, ws_of
from stylealign.networks.generator import Generator

_RAMP_UP, _RAMP_DOWN, _NOISE_UNTIL = 0.05, 0.25, 0.75
_CANDIDATE_BATCH = 64


class Distance(Protocol):
    """What the optimisation minimises; `metrics.perceptual` has such distances."""

    def features(self, images: Tensor) -> list[Tensor]:
        """Return features of images `[N, 3, H, W]` in [-1, 1]."""

    def between(self, features_a: list[Tensor], features_b: list[Tensor]) -> Tensor:
        """Return the distance `[N]` between two results of `features`."""


@dataclass(frozen=True)
class Projection:
    """What `project` found for N images."""

    values: NDArray[np.float32]
    """Codes `[N, *code_shape]`: for each image the best of the steps without noise on the code."""
    losses: NDArray[np.float32]
    """`[steps + 1, N]`: perceptual distance plus weighted pixel error before each step, and after the last."""
    perceptual_random: NDArray[np.float32]
    """`[N]`: median perceptual distance of random samples: what an unrelated image of the model scores."""
    perceptual_fitted: NDArray[np.float32]
    """`[N]`: perceptual distance of the best code's image with its fitted noise maps."""


class Projector:
    """Projects batches of images into one latent space of one generator.

    Args:
        generator: frozen generator, in eval mode.
        distance: perceptual distance, frozen, on the generator's device.
        settings: space, schedule and weights.
    """

    def __init__(self, generator: Generator, distance: Distance, settings: InvertSettings) -> None:
        self.generator = generator
        self.distance = distance
        self.settings = settings
        self.space: Space = settings.space
        self.shape = code_shape(self.space, generator.architecture)
        spread = 1.0 if is_gaussian(self.space) else std_of_w(generator, seed=settings.seed)
        self.noise_scale = settings.latent_noise * spread
        self.candidates, self._candidate_features = self._draw_candidates()

    def project(self, targets: Tensor, indices: Sequence[int], start: Tensor | None = None,
                progress: Callable[[int], None] | None = None) -> Projection:  # fmt: skip
        """Find the codes of `targets`.

        Args:
            targets: images `[N, 3, r, r]` float32 in [-1, 1], on the generator's device.
            indices: number of each image in its data set: the key of its random stream.
            start: codes `[N, *code_shape]` to start from (an encoder's); None for the space's own start.
            progress: called after each step with the steps done.
        """
        resolution = self.generator.architecture.resolution
        assert targets.shape[1:] == (3, resolution, resolution), f"targets must be [N, 3, {resolution}, {resolution}]"
        assert targets.abs().amax() <= 1.001, "targets must lie in [-1, 1]"
        randoms = [np.random.default_rng([self.settings.seed, index]) for index in indices]
        with torch.no_grad():
            wanted = self.distance.features(targets)
            distances = self._distances_to_candidates(wanted)
            codes = (self._start(distances) if start is None else start).clone()
        maps = draw_noise_maps(noise_shapes_in_use(self.generator.synthesis), randoms)
        maps = {name: noise.to(targets) for name, noise in maps.items()}
        losses, best = self._optimize(targets, wanted, codes, maps, randoms, progress)
        return Projection(
            _array(best.codes), _array(losses), _array(distances.median(dim=1).values), _array(best.perceptual)
        )

    def _optimize(
        self, targets: Tensor, wanted: list[Tensor], codes: Tensor, maps: dict[str, Tensor],
        randoms: list[np.random.Generator], progress: Callable[[int], None] | None,
    ) -> tuple[Tensor, "_Best"]:  # fmt: skip
        """Run the schedule; return the losses `[steps + 1, N]` and the best codes."""
        steps, rate = self.settings.steps, self.settings.learning_rate
        optimizer = torch.optim.Adam(
            [codes.requires_grad_(True), *(noise.requires_grad_(True) for noise in maps.values())], rate
        )
        best = _Best(codes)
        losses: list[Tensor] = []
        for step in range(steps):
            strength = latent_noise_strength(step, steps)
            perceptual, fit = self._fit(targets, wanted, self._perturbed(codes, strength, randoms), maps)
            losses.append(fit.detach())
            if strength == 0:
                best.update(codes, fit, perceptual)
            optimizer.zero_grad()
            (fit + self.settings.noise_weight * autocorrelation(maps)).sum().backward()
            optimizer.param_groups[0]["lr"] = rate * learning_rate_factor(step, steps)
            optimizer.step()
            renormalize(maps)
            if progress is not None:
                progress(step + 1)
        with torch.no_grad():
            perceptual, fit = self._fit(targets, wanted, codes, maps)
        best.update(codes, fit, perceptual)
        return torch.stack([*losses, fit]), best

    def _perturbed(self, codes: Tensor, strength: float, randoms: list[np.random.Generator]) -> Tensor:
        if strength == 0 or self.noise_scale == 0:
            return codes
        noise = np.stack([random.standard_normal(self.shape, dtype=np.float32) for random in randoms])
        return codes + torch.from_numpy(noise).to(codes) * (self.noise_scale * strength)

    def _fit(
        self, targets: Tensor, wanted: list[Tensor], codes: Tensor, maps: dict[str, Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Return the perceptual distance `[N]`, and it plus the weighted mean squared pixel error."""
        ws = self._ws(codes, self.space)
        images = self.generator.synthesis(ws, noise_maps=maps)
        perceptual = self.distance.between(self.distance.features(images), wanted)
        return perceptual, perceptual + self.settings.pixel_weight * (images - targets).square().mean(dim=(1, 2, 3))

    def _ws(self, codes: Tensor, space: Space) -> Tensor:
        return ws_of(codes, space, self.generator, self.settings.truncation_psi, mean_label(self.generator, len(codes)))

    @torch.no_grad()
    def _draw_candidates(self) -> tuple[Tensor, list[Tensor]]:
        """Return random z `[candidates, z_dim]` and the features of their images."""
        shape = (self.settings.initial_candidates, self.generator.architecture.z_dim)
        z = np.random.default_rng([self.settings.seed]).standard_normal(shape, dtype=np.float32)
        candidates = torch.from_numpy(z).to(self.generator.mapping.w_avg)
        batches = [
            self.distance.features(self.generator.synthesis(self._ws(chunk, "z")))
            for chunk in candidates.split(_CANDIDATE_BATCH)
        ]
        return candidates, [torch.cat(layers) for layers in zip(*batches, strict=True)]

    def _distances_to_candidates(self, wanted: list[Tensor]) -> Tensor:
        """Return the perceptual distance `[N, candidates]` of each target to each random sample."""
        rows = [
            self.distance.between(self._candidate_features, [layer[index : index + 1] for layer in wanted])
            for index in range(len(wanted[0]))
        ]
        return torch.stack(rows)

    def _start(self, distances: Tensor) -> Tensor:
        """Return starting codes `[N, *shape]`: the closest of the random codes in Z and Z+, w_avg in W and W+."""
        if not is_gaussian(self.space):
            return self.generator.mapping.w_avg.expand(len(distances), *self.shape)
        z = self.candidates[distances.argmin(dim=1)]
        return z[:, None, :].expand(-1, *self.shape) if is_per_layer(self.space) else z


class _Best:
    """The best code of each image so far."""

    def __init__(self, codes: Tensor) -> None:
        self.codes = codes.detach().clone()
        self.loss = torch.full((len(codes),), math.inf, device=codes.device)
        self.perceptual = torch.full_like(self.loss, math.inf)

    def update(self, codes: Tensor, loss: Tensor, perceptual: Tensor) -> None:
        """Take over the codes `[N, ...]` whose `loss [N]` is lower than any before."""
        loss, perceptual = loss.detach(), perceptual.detach()
        better = loss < self.loss
        self.codes[better] = codes.detach()[better]
        self.loss = torch.where(better, loss, self.loss)
        self.perceptual = torch.where(better, perceptual, self.perceptual)


def learning_rate_factor(step: int, steps: int) -> float:
    """Return the learning rate of a step as a share of its plateau: linear ramp up, cosine ramp down (appendix D)."""
    up = min(1.0, (step + 1) / steps / _RAMP_UP)
    down = min(1.0, (1 - step / steps) / _RAMP_DOWN)
    return up * (0.5 - 0.5 * math.cos(math.pi * down))


def latent_noise_strength(step: int, steps: int) -> float:
    """Return the strength of the noise on the code: 1 at the start, 0 from 75 % of the steps on (appendix D)."""
    return max(0.0, 1 - step / steps / _NOISE_UNTIL) ** 2


def _array(tensor: Tensor) -> NDArray[np.float32]:
    return tensor.detach().to("cpu", torch.float32).numpy()
