"""Zero-shot training data: the parent's labels paired with the child's images of the same latents (StyleAlign, 5.2)."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from stylealign.applications.zero_shot.learning import TASKS
from stylealign.applications.zero_shot.networks import LabelNetwork
from stylealign.metrics.features import images_per_batch
from stylealign.networks.generator import Generator


@torch.inference_mode()
def pseudo_labelled(
    parent: Generator,
    child: Generator,
    labeller: LabelNetwork,
    count: int,
    truncation_psi: float,
    seed: int,
    progress: Callable[[int], None] | None = None,
    shuffled: bool = False,
) -> tuple[np.ndarray, dict[str, Tensor]]:
    """Draw latents; return the child's images of them with what the labeller says about the parent's.

    For the unaligned control, `parent` is the model that was labelled and `child` one with another parent: the latents
    are the same numbers, and nothing else connects the images.

    Args:
        parent, child: generators of one architecture on one device.
        labeller: label network of the parent's domain, on that device.
        count: number of pairs.
        truncation_psi: truncation of both generators, each towards its own mean.
        seed: seed of the latents, which are drawn on the CPU.
        progress: called with the pairs done.
        shuffled: pair each image with the labels of the next latent's: what the labels teach with nothing aligned.

    Returns:
        `[N, 3, r, r]` uint8 images and the task's `pseudo` labels of them, on the CPU. Soft segmentation maps take one
        byte a pixel and class.
    """
    task, random = TASKS[labeller.spec.task], torch.Generator().manual_seed(seed)
    device = child.mapping.w_avg.device
    images: list[Tensor] = []
    labels: list[dict[str, Tensor]] = []
    batch = images_per_batch(parent.architecture.resolution)
    for start in range(0, count, batch):
        size = min(batch, count - start)
        z, c = _latents(parent, size, random, device)
        seen = parent.synthesis(parent.mapping(z, c, truncation_psi=truncation_psi)).clamp(-1, 1)
        labels.append({name: value.cpu() for name, value in task.pseudo(labeller(seen), labeller.spec).items()})
        drawn = child.synthesis(child.mapping(z, c, truncation_psi=truncation_psi))
        images.append((drawn * 127.5 + 127.5).round().clamp(0, 255).to(torch.uint8).cpu())
        if progress is not None:
            progress(start + size)
    joined = {name: torch.cat([part[name] for part in labels]) for name in labels[0]}
    if shuffled:
        joined = {name: value.roll(-1, dims=0) for name, value in joined.items()}
    return torch.cat(images).numpy(), joined


def _latents(
    generator: Generator, size: int, random: torch.Generator, device: torch.device
) -> tuple[Tensor, Tensor | None]:
    architecture = generator.architecture
    z = torch.randn(size, architecture.z_dim, generator=random).to(device)
    if not architecture.c_dim:
        return z, None
    classes = torch.randint(architecture.c_dim, (size,), generator=random)
    return z, nn.functional.one_hot(classes, architecture.c_dim).to(z)
