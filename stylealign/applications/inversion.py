"""Inversion of a set of images: codes, what the codes alone give back, and how well each image fits the model."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stylealign.applications.translation import draw
from stylealign.config import InvertSettings
from stylealign.images import from_uint8
from stylealign.latents.projection import Projector
from stylealign.latents.spaces import space_of
from stylealign.metrics.image_quality import mse, psnr
from stylealign.metrics.perceptual import PerceptualDistance
from stylealign.networks.encoder import Encoder
from stylealign.networks.generator import Generator
from stylealign.sampling import mean_label

POOR_FIT_SCORE = 0.5
"""Images that score less are reported as a poor fit."""


@dataclass(frozen=True)
class Inversion:
    """What `invert` found for N images."""

    values: NDArray[np.float32]
    """Codes `[N, *shape]`."""
    reconstructions: NDArray[np.uint8]
    """`[N, 3, r, r]`: images of the codes alone, with the model's own noise maps: what every later use starts from."""
    losses: NDArray[np.float32]
    """`[steps + 1, N]`, see `Projection`."""
    measures: list[dict[str, float]]
    """For each image: perceptual, mse, psnr (of the reconstruction), perceptual_fitted (with the fitted noise maps)
    and score."""


def invert(
    generator: Generator,
    images: NDArray[np.uint8],
    settings: InvertSettings,
    distance: PerceptualDistance,
    progress: Callable[[int], None] | None = None,
    encoder: Encoder | None = None,
) -> Inversion:
    """Invert images, `settings.batch_size` at once.

    Args:
        generator: frozen generator.
        images: `[N, 3, r, r]` uint8.
        settings: space and schedule; without steps the starting codes are the result.
        distance: perceptual distance to minimise and to measure with.
        progress: called with the image steps done, of `len(images) * settings.steps`.
        encoder: gives the starting codes for `settings.init` "encoder".
    """
    projector = Projector(generator, distance, settings)
    device = generator.mapping.w_avg.device
    parts = []
    for start in range(0, len(images), settings.batch_size):
        batch = images[start : start + settings.batch_size]
        targets = from_uint8(torch.from_numpy(batch).to(device))

        def step_done(steps: int, before: int = start * settings.steps, size: int = len(batch)) -> None:
            if progress is not None:
                progress(before + steps * size)

        first = None if encoder is None else encoded(encoder, targets, settings, generator)
        found = projector.project(targets, range(start, start + len(batch)), first, step_done)
        drawn = reconstruct(generator, found.values, settings)
        measures = _measure(distance, drawn, targets, found.perceptual_random, found.perceptual_fitted)
        parts.append((found.values, drawn, found.losses, measures))
    values, drawn_images, losses, measure_lists = zip(*parts, strict=True)
    return Inversion(
        np.concatenate(values),
        np.concatenate(drawn_images),
        np.concatenate(losses, axis=1),
        list(chain.from_iterable(measure_lists)),
    )


def for_looking(steps: int, init: str = "default") -> InvertSettings:
    """Return settings of a short inversion whose codes are for looking at in children: `soap`, and a prior on W+.

    They keep codes where children are at home (docs/experiments/translation.md).
    """
    how = {"steps": steps, "init": init, "optimizer": "soap", "learning_rate": 0.4, "latent_noise": 0}
    return InvertSettings.model_validate({**how, "prior_weight": 0.01})


@torch.no_grad()
def encoded(encoder: Encoder, targets: Tensor, settings: InvertSettings, generator: Generator) -> Tensor:
    """Return the encoder's codes of images `[N, 3, r, r]` in [-1, 1] in a space that it finds codes of."""
    from_ws = space_of(settings.space).from_ws
    assert from_ws is not None, f"an encoder finds no codes of {settings.space}"
    return from_ws(encoder(targets), generator.synthesis)


@torch.inference_mode()
def reconstruct(generator: Generator, values: NDArray[np.float32], settings: InvertSettings) -> NDArray[np.uint8]:
    """Return the images `[N, 3, r, r]` uint8 of codes, with the model's own noise maps."""
    codes = torch.from_numpy(values).to(generator.mapping.w_avg)
    label = mean_label(generator, len(codes))
    return draw(generator, space_of(settings.space).to_ws(codes, generator, settings.truncation_psi, label))


@torch.inference_mode()
def _measure(
    distance: PerceptualDistance,
    drawn: NDArray[np.uint8],
    targets: Tensor,
    random: NDArray[np.float32],
    fitted: NDArray[np.float32],
) -> list[dict[str, float]]:
    """Return a dict per image; the score is 1 for a perfect reconstruction, 0 for one as far off as a random sample."""
    reconstructions = from_uint8(torch.from_numpy(drawn).to(targets.device))
    perceptual = distance(reconstructions, targets).cpu().numpy()
    columns = {
        "perceptual": perceptual,
        "perceptual_fitted": fitted,
        "mse": mse(reconstructions, targets).cpu().numpy(),
        "psnr": psnr(reconstructions, targets).cpu().numpy(),
        "score": 1 - perceptual / np.maximum(random, 1e-10),
    }
    return [{name: float(column[index]) for name, column in columns.items()} for index in range(len(drawn))]
