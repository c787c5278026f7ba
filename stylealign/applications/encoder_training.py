"""Training an encoder on the images of a zip."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from stylealign.checkpoints import Checkpoint
from stylealign.config import EncoderSettings
from stylealign.datasets.loading import TrainingImages
from stylealign.errors import StyleAlignError
from stylealign.images import from_uint8
from stylealign.latents.encoding import EncoderLosses, train_encoder
from stylealign.metrics.perceptual import PerceptualDistance
from stylealign.networks.encoder import Encoder

KEPT_STEPS = 50
"""The last steps, whose losses are told."""


def images_for(path: str | Path, settings: EncoderSettings, resolution_px: int) -> TrainingImages:
    """Open the real images of the training: half of each batch.

    Raises:
        StyleAlignError: images of another size than the model's, or too few.
    """
    data = TrainingImages(path, minimum=settings.batch_size // 2)
    if data.resolution_px != resolution_px:
        raise StyleAlignError(f"{path}: images of {data.resolution_px} px, the model draws {resolution_px} px")
    return data


def encoder_of(
    checkpoint: Checkpoint,
    data: TrainingImages,
    settings: EncoderSettings,
    distance: PerceptualDistance,
    device: torch.device,
    progress: Callable[[int], None],
) -> tuple[Encoder, dict[str, float]]:
    """Train an encoder of a model.

    Args:
        checkpoint: the model.
        data: real images (`images_for`).
        settings: length, rates and weights.
        distance: perceptual distance, on the device.
        device: what to compute on.
        progress: told how many steps are done.

    Returns:
        The encoder, and its losses by name, as means over the last steps.
    """
    real = settings.batch_size // 2
    latest: list[EncoderLosses] = []

    def real_images(step: int) -> Tensor:
        return from_uint8(data.batch(step, real, settings.seed, mirror=False).to(device))

    def report(step: int, losses: EncoderLosses) -> None:
        latest.append(losses)
        del latest[:-KEPT_STEPS]
        progress(step)

    discriminator = None if checkpoint.discriminator is None else checkpoint.discriminator.to(device)
    generator = checkpoint.generator.to(device)
    encoder = train_encoder(generator, discriminator, real_images, settings, distance, report)
    names = [field.name for field in dataclasses.fields(EncoderLosses)]
    return encoder, {name: sum(getattr(losses, name) for losses in latest) / len(latest) for name in names}
