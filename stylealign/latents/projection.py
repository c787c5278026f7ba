"""Inversion by optimisation: the code whose image is closest to a target, many targets at once.

Schedule of Karras et al. 2020 (arXiv 1912.04958, appendix D): Adam with a learning rate that ramps up over the first
5 % and down over the last 25 % of the steps, noise on the code that fades out by 75 %, and optimised noise maps. An
image's result does not depend on its batch: losses are summed over the batch, and every image has a random stream of
its own.

With the optimizer `soap` Adam works in the eigenbasis of the gradients' covariance (Vyas et al. 2024, arXiv
2409.11321), which is taken once, from images of the generator itself: fewer steps to the same distance.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from stylealign.config import InvertSettings
from stylealign.devices import moved
from stylealign.latents.noise_maps import autocorrelation, draw_noise_maps, noise_shapes_in_use, renormalize
from stylealign.latents.prior import prior_of_w
from stylealign.latents.projection_state import Adam, Batch, Best, latent_noise_strength, learning_rate_factor
from stylealign.latents.spaces import LatentSpace, space_of
from stylealign.networks import precision
from stylealign.networks.generator import Generator
from stylealign.sampling import mean_label, seeded_normal, std_of_w
from stylealign.streams import numpy_stream

_SAMPLED = space_of("z")
"""Space of the random candidates."""

_CANDIDATE_BATCH, _CANDIDATE_PIXELS = 64, 64 * 256 * 256
_BETAS = {"adam": (0.9, 0.999), "soap": (0.8, 0.8)}
_BASIS_SHARE = 0.3
"""How far a code lies from its target's, of the way to another one, where the gradients' covariance is taken."""
_NO_GRADIENT = 1e-7
"""Directions whose squared gradient is this share of the largest change nothing in an image; codes keep out of them."""


class Distance(Protocol):
    """What the optimisation minimises; `metrics.perceptual` has such distances."""

    def features(self, images: Tensor) -> list[Tensor]:
        """Return `activations` of images that are looked at first: an error where they are none."""

    def activations(self, images: Tensor) -> list[Tensor]:
        """Return features of images `[N, 3, H, W]` in [-1, 1]; no GPU is waited for."""

    def between(self, features_a: list[Tensor], features_b: list[Tensor]) -> Tensor:
        """Return the distance `[N]` between two results of `features`."""


@dataclass(frozen=True)
class Projection:
    """What `project` found for N images."""

    values: NDArray[np.float32]
    """Codes `[N, *shape]`: for each image the best that was tried."""
    losses: NDArray[np.float32]
    """`[steps + 1, N]`: perceptual distance plus weighted pixel error (and prior) before each step and at the end."""
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
        self.space = space_of(settings.space)
        self.shape = self.space.shape(generator.architecture)
        spread = 1.0 if self.space.is_mapped else std_of_w(generator, seed=settings.seed)
        self.noise_scale = settings.latent_noise * spread
        self.candidates, self._candidate_features = self._draw_candidates()
        self._gradient_scale = _gradient_scale(generator)
        self._basis = self._gradient_basis() if settings.optimizer == "soap" else None
        self._prior = prior_of_w(generator, settings.seed) if settings.prior_weight else None

    def project(
        self,
        targets: Tensor,
        indices: Sequence[int],
        start: Tensor | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> Projection:
        """Find the codes of `targets`.

        Args:
            targets: images `[N, 3, r, r]` float32 in [-1, 1], on the generator's device.
            indices: number of each image in its data set: the key of its random stream.
            start: codes `[N, *shape]` to start from (an encoder's); None for the space's own start.
            progress: called after each step with the steps done.
        """
        resolution = self.generator.architecture.resolution
        assert targets.shape[1:] == (3, resolution, resolution), f"targets must be [N, 3, {resolution}, {resolution}]"
        assert targets.abs().amax() <= 1.001, "targets must lie in [-1, 1]"
        randoms = [numpy_stream("inversion", self.settings.seed, index) for index in indices]
        with torch.no_grad():
            wanted = self._looked_at(targets)
            distances = self._distances_to_candidates(wanted)
            codes = (self._start(distances) if start is None else start).clone()
        maps = draw_noise_maps(noise_shapes_in_use(self.generator.synthesis), randoms)
        variables = [codes, *(noise.to(targets) for noise in maps.values())]
        adam = Adam(variables, _BETAS[self.settings.optimizer], self._basis)
        batch = Batch(torch.arange(len(codes), device=codes.device), targets, wanted, adam, list(maps), randoms)
        losses, best = self._optimize(batch, progress)
        return Projection(
            _array(best.codes), _array(losses), _array(distances.median(dim=1).values), _array(best.perceptual)
        )

    def _optimize(self, batch: Batch, progress: Callable[[int], None] | None) -> tuple[Tensor, Best]:
        """Run the schedule; return the losses `[steps + 1, N]` and the best codes.

        The row of a stopped image keeps its last loss.
        """
        steps, rate = self.settings.steps, self.settings.learning_rate
        best = Best(batch.codes)
        losses = torch.zeros(steps + 1, len(batch.rows), device=batch.codes.device)
        for step in range(steps):
            codes = self._perturbed(batch, latent_noise_strength(step, steps))
            perceptual, fit = self._fit(batch, codes)
            losses[step:, batch.rows] = fit.detach()
            best.update(batch.rows, codes, fit, perceptual)
            loss = (fit + self.settings.noise_weight * autocorrelation(batch.maps)).sum()
            gradients = self._gradients(loss, batch.adam.variables)
            batch.adam.step(gradients, rate * learning_rate_factor(step, steps))
            renormalize(batch.maps)
            if progress is not None:
                progress(step + 1)
            if self.settings.stop_at:  # a GPU is waited for in each step
                going = best.loss[batch.rows] > self.settings.stop_at
                if not going.all():
                    batch = batch.select(going)
                if not len(batch.rows):
                    return losses, best
        with torch.no_grad():
            perceptual, fit = self._fit(batch, batch.codes)
        losses[-1, batch.rows] = fit
        best.update(batch.rows, batch.codes, fit, perceptual)
        return losses, best

    def _perturbed(self, batch: Batch, strength: float) -> Tensor:
        if strength == 0 or self.noise_scale == 0:
            return batch.codes
        noise = np.stack([random.standard_normal(self.shape, dtype=np.float32) for random in batch.randoms])
        drawn = moved(torch.from_numpy(noise), batch.codes.device)
        return batch.codes + drawn * (self.noise_scale * strength)

    def _gradients(self, loss: Tensor, variables: Sequence[Tensor]) -> list[Tensor]:
        """Return the gradients of a loss, through half precision without those that it cannot hold."""
        scale = self._gradient_scale
        found = torch.autograd.grad(loss * scale, variables)
        return list(found) if scale == 1 else [one.nan_to_num(0, 0, 0).div_(scale) for one in found]

    def _fit(self, batch: Batch, codes: Tensor) -> tuple[Tensor, Tensor]:
        """Return the perceptual distance `[n]` of the codes' images, and it plus weighted squared error and prior."""
        images = self.generator.synthesis(self._ws(codes, self.space), noise_maps=batch.maps)
        perceptual = self.distance.between(self._features(images), batch.wanted)
        error = (images - batch.targets).square().mean(dim=(1, 2, 3))
        fit = perceptual + self.settings.pixel_weight * error
        if self._prior is not None:
            fit = fit + self.settings.prior_weight * self._prior.distance(codes)
        return perceptual, fit

    def _looked_at(self, images: Tensor) -> list[Tensor]:
        """Return `_features`, or say with an error that the images are those of a model that diverged."""
        return self.distance.features(self._reduced(images))

    def _features(self, images: Tensor) -> list[Tensor]:
        """Return the perceptual features of images, larger ones reduced to `perceptual_px` by averaging."""
        return self.distance.activations(self._reduced(images))

    def _reduced(self, images: Tensor) -> Tensor:
        factor = images.shape[-1] // self.settings.perceptual_px
        return F.avg_pool2d(images, factor) if factor > 1 else images

    def _ws(self, codes: Tensor, space: LatentSpace) -> Tensor:
        label = mean_label(self.generator, len(codes))
        return space.to_ws(codes, self.generator, self.settings.truncation_psi, label)

    @torch.no_grad()
    def _draw_candidates(self) -> tuple[Tensor, list[Tensor]]:
        """Return random z `[candidates, z_dim]` and the features of their images."""
        shape = (self.settings.initial_candidates, self.generator.architecture.z_dim)
        z = seeded_normal(shape, numpy_stream("candidates of inversion", self.settings.seed))
        candidates = torch.from_numpy(z).to(self.generator.mapping.w_avg)
        batches = [
            self._looked_at(self.generator.synthesis(self._ws(chunk, _SAMPLED)))
            for chunk in self._in_batches(candidates)
        ]
        return candidates, [torch.cat(layers) for layers in zip(*batches, strict=True)]

    def _in_batches(self, candidates: Tensor) -> tuple[Tensor, ...]:
        pixels = self.generator.architecture.resolution**2
        return candidates.split(max(1, min(_CANDIDATE_BATCH, _CANDIDATE_PIXELS // pixels)))

    def _gradient_basis(self) -> Tensor:
        """Return `[*shape, d]`: for each of a code's vectors the directions, as columns, that its gradients spread in.

        The gradients are those of the loss at codes near the candidates', whose images are the targets.
        """
        covariance = torch.zeros(*self.shape, self.shape[-1], device=self.candidates.device)
        others = self.candidates.roll(1, dims=0)
        for z, other in zip(self._in_batches(self.candidates), self._in_batches(others), strict=True):
            with torch.no_grad():
                target, near = self._codes_of(z), self._codes_of(other)
                images = self.generator.synthesis(self._ws(target, self.space))
                wanted = self._features(images)
            codes = target.lerp(near, _BASIS_SHARE).requires_grad_(True)
            drawn = self.generator.synthesis(self._ws(codes, self.space))
            error = (drawn - images).square().mean(dim=(1, 2, 3))
            loss = self.distance.between(self._features(drawn), wanted) + self.settings.pixel_weight * error
            (gradients,) = self._gradients(loss.sum(), [codes])
            covariance += torch.einsum("n...i,n...j->...ij", gradients, gradients)
        strengths, directions = torch.linalg.eigh(covariance.double())
        if len(self.candidates) < 2 * self.shape[-1]:  # too few to tell what is never felt from what was not met
            return directions.to(covariance)
        felt = strengths > _NO_GRADIENT * strengths.amax(dim=-1, keepdim=True)
        return (directions * felt[..., None, :]).to(covariance)

    def _codes_of(self, z: Tensor) -> Tensor:
        """Return the codes `[N, *shape]` of random z `[N, z_dim]`."""
        vectors = z if self.space.is_mapped else self._ws(z, _SAMPLED)[:, 0]
        return self.space.spread(vectors, self.generator)

    def _distances_to_candidates(self, wanted: list[Tensor]) -> Tensor:
        """Return the perceptual distance `[N, candidates]` of each target to each random sample."""
        rows = [
            self.distance.between(self._candidate_features, [layer[index : index + 1] for layer in wanted])
            for index in range(len(wanted[0]))
        ]
        return torch.stack(rows)

    def _start(self, distances: Tensor) -> Tensor:
        """Return starting codes `[N, *shape]`: in mapped spaces the closest of the random codes, in others w_avg."""
        if not self.space.is_mapped:
            return self.space.spread(self.generator.mapping.w_avg.expand(len(distances), -1), self.generator)
        return self.space.spread(self.candidates[distances.argmin(dim=1)], self.generator)


def _gradient_scale(generator: Generator) -> float:
    """Return what a loss is multiplied by before it is derived: an image's pixels where they are in half precision.

    A loss is a mean over them, and the derivative by a single one of a large image less than a float16 holds.
    """
    architecture = generator.architecture
    half = architecture.fp16_resolutions > 0 and precision.runs_half(generator.mapping.w_avg)
    return float(architecture.resolution**2) if half else 1.0


def _array(tensor: Tensor) -> NDArray[np.float32]:
    return tensor.detach().to("cpu", torch.float32).numpy()
