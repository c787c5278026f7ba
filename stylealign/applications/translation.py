"""Translation between aligned models: a source's latent code, drawn by the target model (StyleAlign, section 5)."""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stylealign.latents.codes import Codes, codes_to_ws
from stylealign.metrics.features import to_uint8
from stylealign.networks.generator import Generator


def translate(codes: Codes, target: Generator, truncation_psi: float | None = None,
              batch_size: int = 32) -> Iterator[NDArray[np.uint8]]:  # fmt: skip
    """Yield the target model's images of `codes`, in order.

    Z and Z+ codes go through the **target's** mapping network, W and W+ codes straight to its synthesis network. The
    noise maps fitted during inversion belong to the source model and are not carried over: the target's own are used.

    Args:
        codes: codes found in a model of the same architecture.
        target: generator of the target domain.
        truncation_psi: truncation of Z and Z+ codes in the target; None for the one the codes were found under.
        batch_size: images synthesised at once.

    Yields:
        Images `[n, 3, r, r]` uint8.
    """
    with torch.inference_mode():
        for ws in codes_to_ws(codes, target, truncation_psi).split(batch_size):
            yield draw(target, ws)


@torch.inference_mode()
def draw(generator: Generator, ws: Tensor) -> NDArray[np.uint8]:
    """Return the images `[N, 3, r, r]` uint8 of `ws [N, num_ws, w_dim]`, with the stored noise maps."""
    return to_uint8(generator.synthesis(ws, noise_mode="const")).cpu().numpy()
