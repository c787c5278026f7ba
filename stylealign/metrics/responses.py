"""What a generator makes of latents and of small steps in W: images as features, activations by resolution, changes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from stylealign.images import to_pixels
from stylealign.metrics.alignment_score import Responses
from stylealign.metrics.perceptual import PerceptualDistance
from stylealign.networks.generator import Generator
from stylealign.sampling import images_per_batch, mean_label, sample_latents, seeded_z
from stylealign.streams import torch_stream

ACTIVATION_PX = 8
"""Activations of larger layers are averaged to this size."""

FEATURE_PX = 4
"""Features are averaged to this size: where things are is part of them."""

FEATURE_LAYERS = 2
"""Last layers of the perceptual network that the features are of: parts and layout, no texture."""

STEP = 0.3
"""Length of a step in W, as a share of the way from the mean w to a random one."""

ROTATIONS = 6
"""Rotations that the agreement of unrelated models is measured with."""

POPULATION = 4096
"""Latents that the mean w and the spread of W are reckoned from."""


@dataclass(frozen=True)
class Probe:
    """Latents and steps, the same for both models.

    Attributes:
        z: `[N, z_dim]`.
        c: labels `[N, c_dim]`, None in an unconditional model.
        steps: `[M, w_dim]`, M <= N: taken backwards and forwards from the w of the first M latents.
    """

    z: Tensor
    c: Tensor | None
    steps: Tensor


def offsets_of_w(generator: Generator, count: int, seed: int) -> Tensor:
    """Return how far `count` random w are from their mean, `[count, w_dim]`."""
    z = seeded_z(count, generator.architecture.z_dim, seed).to(generator.mapping.w_avg)
    with torch.inference_mode():
        w = generator.mapping(z, mean_label(generator, count))[:, 0]
    return w - w.mean(dim=0)


def probe_of(generator: Generator, latents: int, steps: int, seed: int) -> Probe:
    """Return random latents, and steps each of which goes a part of the way from the mean w to a random one."""
    batches = list(sample_latents(generator, latents, seed))
    labels = [c for _, c in batches if c is not None]
    away = offsets_of_w(generator, POPULATION, seed + 1)[:steps]
    return Probe(torch.cat([z for z, _ in batches]), torch.cat(labels) if labels else None, STEP * away)


def rotated(probe: Probe, generator: Generator, seed: int) -> Probe:
    """Return what a model that knows nothing of this one would take the same latents and steps for.

    The latents are turned by a random rotation of Z, which leaves their distribution as it is. The steps are turned by
    one of W after whitening, which leaves their spread along every direction as it is.
    """
    random = torch_stream("rotations", seed)
    away = offsets_of_w(generator, POPULATION, seed).double().cpu()
    values, vectors = torch.linalg.eigh(away.T @ away / len(away))
    kept = values > 1e-6 * values.max()
    root, vectors = values[kept].sqrt(), vectors[:, kept]
    turn = _rotation(int(kept.sum()), random)
    steps = probe.steps.double().cpu() @ (vectors / root) @ turn @ (vectors * root).T
    z = probe.z.double().cpu() @ _rotation(probe.z.shape[1], random)
    return Probe(z.to(probe.z), probe.c, steps.to(probe.steps))


def _rotation(size: int, random: torch.Generator) -> Tensor:
    """Return a random orthogonal matrix, each as likely as any other (Mezzadri 2007)."""
    q, r = torch.linalg.qr(torch.randn(size, size, generator=random, dtype=torch.float64))
    return q * torch.sign(torch.diagonal(r))


@torch.inference_mode()
def features_of_pictures(images: Tensor, network: PerceptualDistance) -> Tensor:
    """Return the mid-level features `[N, F]` of images `[N, 3, r, r]`, which are clamped to [-1, 1]."""
    layers = network.features(images.float().clamp(-1, 1))[-FEATURE_LAYERS:]
    return torch.cat([_at_most(layer, FEATURE_PX).flatten(1) for layer in layers], dim=1)


@torch.inference_mode()
def respond(generator: Generator, probe: Probe, network: PerceptualDistance) -> Responses:
    """Return what a generator makes of latents and steps; everything runs on its device, with the stored noise."""
    batch = images_per_batch(generator.architecture.resolution)
    ws = generator.mapping(probe.z, probe.c)
    features = []
    with activations_of(generator) as seen:
        for part in ws.split(batch):
            features.append(features_of_pictures(generator.synthesis(part), network))
    grams = {}
    for resolution, parts in seen.items():
        rows = torch.cat(parts).double()
        rows -= rows.mean(dim=0)
        grams[resolution] = (rows @ rows.T).cpu().numpy()
    pairs = zip(ws[: len(probe.steps)].split(batch), probe.steps.split(batch), strict=True)
    changes = torch.cat([changes_of(generator, w, step[:, None], network) for w, step in pairs])
    return Responses(torch.cat(features).double().cpu().numpy(), grams, changes.double().cpu().numpy())


def changes_of(generator: Generator, ws: Tensor, steps: Tensor, network: PerceptualDistance) -> Tensor:
    """Return how the features `[N, F]` change from `ws - steps` to `ws + steps`, each `[N, num_ws or 1, w_dim]`."""
    forwards, backwards = (features_of_pictures(generator.synthesis(ws + side * steps), network) for side in (1, -1))
    return forwards - backwards


@contextmanager
def activations_of(generator: Generator) -> Iterator[dict[int, list[Tensor]]]:
    """Collect, while open, the activations `[N, D]` of the last convolution at each resolution, batch by batch."""
    seen: dict[int, list[Tensor]] = {}
    handles = []
    for block in generator.synthesis.blocks:

        def keep(
            _: torch.nn.Module, __: object, output: tuple[Tensor, Tensor], resolution: int = block.resolution
        ) -> None:
            seen.setdefault(resolution, []).append(_at_most(output[0].float(), ACTIVATION_PX).flatten(1))

        handles.append(block.conv1.register_forward_hook(keep))
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


def _at_most(maps: Tensor, px: int) -> Tensor:
    """Return maps `[N, C, h, w]` averaged to at most `px` a side."""
    return F.adaptive_avg_pool2d(maps, (min(px, maps.shape[2]), min(px, maps.shape[3])))


@dataclass(frozen=True)
class Reference:
    """What a model makes of a probe, and of rotated ones: other models are scored against it.

    Attributes:
        probe: latents and steps.
        responses: what the model makes of them.
        unrelated: what it makes of rotated ones.
    """

    probe: Probe
    responses: Responses
    unrelated: tuple[Responses, ...]


def reference_of(
    generator: Generator,
    network: PerceptualDistance,
    latents: int,
    seed: int,
    done: Callable[[], None] = lambda: None,
) -> Reference:
    """Return the reference for models that are compared with this one.

    Args:
        generator: on the device it runs on.
        network: on the same device.
        latents: number of latents; half as many steps.
        seed: of latents, steps and rotations.
        done: called after each of the `ROTATIONS` + 1 times that the model has been asked.
    """
    probe = probe_of(generator, latents, latents // 2, seed)
    found = []
    for turn in range(ROTATIONS + 1):
        asked = rotated(probe, generator, seed + 1 + turn) if turn else probe
        found.append(respond(generator, asked, network))
        done()
    return Reference(probe, found[0], tuple(found[1:]))


@torch.inference_mode()
def pictures_of(generator: Generator, probe: Probe, count: int) -> NDArray[np.uint8]:
    """Return the images `[count, 3, r, r]` of the first latents of a probe."""
    ws = generator.mapping(probe.z[:count], None if probe.c is None else probe.c[:count])
    return to_pixels(torch.cat([generator.synthesis(part) for part in ws.split(1)]))
