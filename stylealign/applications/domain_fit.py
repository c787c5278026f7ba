"""How well images lie in a model's domain: what its discriminator says of them beside images that surely do.

The reconstruction error does not tell: W+ can draw much that is far from the domain. The discriminator was trained to
know the domain's images, and its logit is compared with those of the domain's own images, since it has no scale.
"""

import copy
from hashlib import sha256

import numpy as np
import torch
from numpy.typing import NDArray

from stylealign.images import from_uint8
from stylealign.networks.discriminator import Discriminator
from stylealign.sampling import mean_label_of

REFERENCE_IMAGES = 512
LOWEST_RANK = 0.01
"""Images whose rank is lower are reported as outside of the domain."""

PROTOCOL = (
    f"domain_rank: share of up to {REFERENCE_IMAGES} reference images, without the image itself, to which the model's "
    "discriminator gives a lower logit, each image alone in its minibatch group; among images that it was trained on "
    "others of the domain rank low"
)
_BATCH = 64


def domain_ranks(
    discriminator: Discriminator, images: NDArray[np.uint8], reference: NDArray[np.uint8]
) -> NDArray[np.float64]:
    """Return for each image the share of the reference images that look less real to the discriminator.

    Uniform on [0, 1] for images of the reference's distribution, near 0 outside of it. Images that the discriminator
    was trained on look more real to it than others of their domain: among them, others rank lower than uniformly. An
    image that is a reference itself is ranked among the others.

    Args:
        discriminator: of the model, on the device to compute on.
        images: `[N, 3, r, r]` uint8.
        reference: `[M, 3, r, r]` uint8, images of the model's domain, two or more different ones.

    Returns:
        `[N]` in [0, 1].
    """
    alone = copy.deepcopy(discriminator).eval().requires_grad_(False)
    alone.b4.group_size = 1  # the standard deviation over a minibatch would make the result depend on the batch
    reference = reference[:REFERENCE_IMAGES]
    known, own = (np.array([sha256(image.tobytes()).digest() for image in part]) for part in (reference, images))
    of_reference, ranks = _logits(alone, reference), []
    for image, logit in zip(own, _logits(alone, images), strict=True):
        others = of_reference[known != image]
        ranks.append((others < logit).sum() / max(1, len(others)))
    return np.array(ranks, np.float64)


@torch.inference_mode()
def _logits(discriminator: Discriminator, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    device = next(discriminator.parameters()).device
    parts = []
    for start in range(0, len(images), _BATCH):
        batch = from_uint8(torch.from_numpy(images[start : start + _BATCH]).to(device))
        parts.append(
            discriminator(batch, mean_label_of(discriminator.architecture, batch, len(batch))).flatten().float().cpu()
        )
    return torch.cat(parts).numpy()
