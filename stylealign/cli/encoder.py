"""`stylealign encoder`: train a network that finds W+ codes at once."""

import argparse
import json
from pathlib import Path

from stylealign import load
from stylealign.applications.encoder_training import encoder_of, images_for
from stylealign.cli.arguments import add_settings, settings_from
from stylealign.cli.models import add_weights, weights_of
from stylealign.cli.progress import Progress
from stylealign.config import EncoderSettings
from stylealign.devices import compute_device
from stylealign.files import require_suffix, require_writable
from stylealign.latents.encoding import save_encoder
from stylealign.metrics.networks.registry import network_of
from stylealign.metrics.perceptual import perceptual_distance
from stylealign.provenance import provenance_of
from stylealign.versions import version


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
    require_suffix(arguments.out, (".safetensors",), "an encoder")
    require_writable(arguments.out)

    weights = weights_of(arguments, settings.perceptual)
    inputs = {"model": arguments.model, "data": arguments.data, "weights": weights}
    provenance = provenance_of(
        "encoder", version("encoder"), settings, inputs, perceptual=network_of(settings.perceptual).distance
    )
    checkpoint = load(arguments.model)
    data = images_for(arguments.data, settings, checkpoint.architecture.resolution)
    device = compute_device()
    distance = perceptual_distance(settings.perceptual, weights).to(device)
    progress = Progress("encoder", settings.steps, "steps")
    encoder, losses = encoder_of(checkpoint, data, settings, distance, device, progress.update)
    save_encoder(arguments.out, encoder, checkpoint.sha256, {"provenance": provenance, "losses": losses})
    print(json.dumps(losses))
