"""Training an encoder for one generator, without labels and for any domain.

Half of a batch are the generator's own samples, whose codes are known; the others are real images, which have to come
back through the generator (Tov et al. 2021, arXiv 2102.02766: codes of real images are kept near one w for all layers).
"""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from stylealign.config import EncoderSettings
from stylealign.errors import StyleAlignError
from stylealign.files import atomic_path, utf8_path
from stylealign.latents.projection import Distance
from stylealign.networks.architecture import Architecture
from stylealign.networks.discriminator import Discriminator
from stylealign.networks.encoder import Encoder
from stylealign.networks.generator import Generator
from stylealign.sampling import mean_label, seeded_normal
from stylealign.streams import numpy_stream, seeded

_HEADER = "stylealign-encoder"
_W_SAMPLES = 4096
_WARM_UP = 0.05


@dataclass(frozen=True)
class EncoderLosses:
    """Means over a batch of one step."""

    code: float
    """Squared error of the samples' codes, in units of W's variance."""
    image: float
    """Perceptual distance plus weighted pixel error, of samples and real images."""
    spread: float
    """Squared distance of the layers' w to their mean, real images, in units of W's variance."""


RealImages = Callable[[int], Tensor]
"""Step -> real images `[n, 3, r, r]` float32 in [-1, 1]."""


def train_encoder(
    generator: Generator,
    discriminator: Discriminator | None,
    real_images: RealImages,
    settings: EncoderSettings,
    distance: Distance,
    report: Callable[[int, EncoderLosses], None] | None = None,
) -> Encoder:
    """Train an encoder.

    Args:
        generator: frozen generator whose images are encoded.
        discriminator: where there is one, the encoder starts from its blocks.
        real_images: images of the domain, `settings.batch_size // 2` a step.
        settings: length, rates and weights.
        distance: perceptual distance, frozen.
        report: called after each step.

    Returns:
        The encoder in evaluation mode, without gradients.
    """
    encoder = _new_encoder(generator, discriminator, settings.seed)
    optimizer = torch.optim.Adam(encoder.parameters(), lr=settings.learning_rate, betas=(0.9, 0.99))
    for step in range(settings.steps):
        optimizer.param_groups[0]["lr"] = settings.learning_rate * _rate_factor(step, settings.steps)
        losses = _step(encoder, generator, real_images(step), settings, distance, step)
        total = settings.code_weight * losses[0] + losses[1] + settings.spread_weight * losses[2]
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        if report is not None:
            report(step + 1, EncoderLosses(*(float(loss.detach()) for loss in losses)))
    return encoder.eval().requires_grad_(False)


@torch.no_grad()
def _new_encoder(generator: Generator, discriminator: Discriminator | None, seed: int) -> Encoder:
    device = generator.mapping.w_avg.device
    with seeded("encoder", seed):
        encoder = Encoder(generator.architecture)
    if discriminator is not None:
        encoder.start_from(discriminator)
    encoder.to(device)
    z = _latents(generator, _W_SAMPLES, numpy_stream("spread of an encoder", seed))
    w = generator.mapping(z, mean_label(generator, _W_SAMPLES))[:, 0]
    encoder.w_mean.copy_(w.mean(dim=0))
    encoder.w_std.copy_(w.std(dim=0).clamp_min(1e-3))
    return encoder.train().requires_grad_(True)


def _step(
    encoder: Encoder, generator: Generator, real: Tensor, settings: EncoderSettings, distance: Distance, step: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the losses of one step: code, image, spread."""
    count = settings.batch_size - settings.batch_size // 2
    with torch.no_grad():
        known = _mixed_codes(generator, count, numpy_stream("steps of an encoder", settings.seed, step))
        images = torch.cat([generator.synthesis(known).clamp(-1, 1), real])
    codes = encoder(images)
    drawn = generator.synthesis(codes)
    perceptual = distance.between(distance.features(drawn), distance.features(images)).mean()
    image = perceptual + settings.pixel_weight * (drawn - images).square().mean()
    code = ((codes[:count] - known) / encoder.w_std).square().mean()
    inner = codes[count:]
    spread = ((inner - inner.mean(dim=1, keepdim=True)) / encoder.w_std).square().mean()
    return code, image, spread


def _mixed_codes(generator: Generator, count: int, random: np.random.Generator) -> Tensor:
    """Return ws of random latents `[count, num_ws, w_dim]`; half of them change to another latent at a random layer."""
    layers = generator.architecture.num_ws
    z = _latents(generator, 2 * count, random)
    first, second = generator.mapping(z, mean_label(generator, 2 * count)).split(count)
    cutoffs = np.where(random.random(count) < 0.5, random.integers(1, layers, count), layers)
    keep = torch.from_numpy(np.arange(layers)[None] < cutoffs[:, None]).to(first.device)
    return torch.where(keep[:, :, None], first, second)


def _latents(generator: Generator, count: int, random: np.random.Generator) -> Tensor:
    z = seeded_normal((count, generator.architecture.z_dim), random)
    return torch.from_numpy(z).to(generator.mapping.w_avg)


def _rate_factor(step: int, steps: int) -> float:
    """Return the share of the learning rate: a short linear warm-up, then a cosine to 0."""
    return min(1.0, (step + 1) / (steps * _WARM_UP)) * 0.5 * (1 + math.cos(math.pi * step / steps))


def save_encoder(path: str | Path, encoder: Encoder, model_sha256: str, info: dict[str, Any]) -> None:
    """Write an encoder (.safetensors), atomically, with the model it belongs to."""
    header = {"architecture": encoder.architecture.model_dump(), "model_sha256": model_sha256, "info": info}
    tensors = {name: tensor.cpu().contiguous() for name, tensor in encoder.state_dict().items()}
    with atomic_path(path) as temporary, utf8_path(temporary) as writable:
        save_file(tensors, writable, metadata={_HEADER: json.dumps(header)})


def load_encoder(path: str | Path, model_sha256: str) -> Encoder:
    """Read an encoder that belongs to the model with this SHA-256.

    Raises:
        StyleAlignError: missing or damaged file, or an encoder of another model.
    """
    try:
        with utf8_path(path) as readable, safe_open(readable, framework="pt", device="cpu") as file:
            header = json.loads((file.metadata() or {})[_HEADER])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - a handle is no dict
        encoder = Encoder(Architecture.model_validate(header["architecture"]))
        encoder.load_state_dict(tensors)
        belongs_to = header["model_sha256"]
    except FileNotFoundError as error:
        raise StyleAlignError(f"{path}: no such file; make it with stylealign encoder") from error
    except (OSError, SafetensorError, KeyError, ValueError, RuntimeError) as error:
        raise StyleAlignError(f"{path}: not an encoder, or a damaged one; make it with stylealign encoder") from error
    if belongs_to != model_sha256:
        raise StyleAlignError(
            f"{path}: belongs to another model (sha256 {belongs_to[:12]}..., not {model_sha256[:12]}...); "
            "train one for this model with stylealign encoder"
        )
    return encoder.eval().requires_grad_(False)
