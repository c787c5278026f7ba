"""`stylealign encoder`: train a network that finds W+ codes at once."""

import argparse
import json
from pathlib import Path

from torch import Tensor

from stylealign import load
from stylealign.cli.arguments import add_settings, settings_from
from stylealign.cli.models import add_weights, weights_of
from stylealign.cli.progress import Progress
from stylealign.config import EncoderSettings
from stylealign.datasets.loading import TrainingImages
from stylealign.devices import compute_device
from stylealign.errors import StyleAlignError
from stylealign.files import require_writable
from stylealign.images import from_uint8
from stylealign.latents.encoding import EncoderLosses, save_encoder, train_encoder
from stylealign.metrics.networks.registry import network_of
from stylealign.metrics.perceptual import perceptual_distance
from stylealign.provenance import provenance_of
from stylealign.versions import version

KEPT_STEPS = 50


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("--model", type=Path, required=True, metavar="MODEL", help="model whose images are encoded")
    parser.add_argument("--data", type=Path, required=True, metavar="ZIP", help="training images of its domain")
    parser.add_argument("--out", type=Path, required=True, metavar="ENCODER", help="the encoder (.safetensors)")
    add_weights(parser)
    add_settings(parser, EncoderSettings)


def run(arguments: argparse.Namespace) -> None:
    """Train the encoder; print the mean losses of the last steps as JSON."""
    settings = settings_from(arguments, EncoderSettings)
    require_writable(arguments.out)

    weights = weights_of(arguments, settings.perceptual)
    inputs = {"model": arguments.model, "data": arguments.data, "weights": weights}
    provenance = provenance_of(
        "encoder", version("encoder"), settings, inputs, perceptual=network_of(settings.perceptual).distance
    )
    checkpoint = load(arguments.model)
    real = settings.batch_size // 2
    data = TrainingImages(arguments.data, minimum=real)
    resolution = checkpoint.architecture.resolution
    if data.resolution_px != resolution:
        raise StyleAlignError(f"{arguments.data}: images of {data.resolution_px} px, the model draws {resolution} px")
    device = compute_device()
    discriminator = None if checkpoint.discriminator is None else checkpoint.discriminator.to(device)
    distance = perceptual_distance(settings.perceptual, weights).to(device)
    progress = Progress("encoder", settings.steps, "steps")
    latest: list[EncoderLosses] = []

    def real_images(step: int) -> "Tensor":
        return from_uint8(data.batch(step, real, settings.seed, mirror=False).to(device))

    def report(step: int, losses: "EncoderLosses") -> None:
        latest.append(losses)
        del latest[:-KEPT_STEPS]
        progress.update(step)

    generator = checkpoint.generator.to(device)
    encoder = train_encoder(generator, discriminator, real_images, settings, distance, report)
    means = {
        name: sum(getattr(losses, name) for losses in latest) / len(latest) for name in ("code", "image", "spread")
    }
    save_encoder(arguments.out, encoder, checkpoint.sha256, {"provenance": provenance, "losses": means})
    print(json.dumps(means))
