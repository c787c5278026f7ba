"""Zero-shot training data: the parent's labels paired with the child's images of the same latents (StyleAlign, 5.2)."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from stylealign.applications.labels.networks import Labeller
from stylealign.applications.labels.tasks import task_of
from stylealign.images import to_uint8
from stylealign.networks.generator import Generator
from stylealign.sampling import sample_latents


@torch.inference_mode()
def pseudo_labelled(
    parent: Generator,
    child: Generator,
    labeller: Labeller,
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
    task = task_of(labeller.spec.task).functions
    images: list[Tensor] = []
    labels: list[dict[str, Tensor]] = []
    done = 0
    for z, c in sample_latents(parent, count, seed):
        seen = parent.synthesis(parent.mapping(z, c, truncation_psi=truncation_psi)).clamp(-1, 1)
        labels.append({name: value.cpu() for name, value in task.pseudo(labeller(seen), labeller.spec).items()})
        drawn = child.synthesis(child.mapping(z, c, truncation_psi=truncation_psi))
        images.append(to_uint8(drawn).cpu())
        done += len(z)
        if progress is not None:
            progress(done)
    joined = {name: torch.cat([part[name] for part in labels]) for name in labels[0]}
    if shuffled:
        joined = {name: value.roll(-1, dims=0) for name, value in joined.items()}
    return torch.cat(images).numpy(), joined
