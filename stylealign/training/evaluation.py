"""FID and KID while training goes on."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stylealign.images import to_uint8
from stylealign.metrics.features import feature_extractor, features_of
from stylealign.metrics.fid_kid import fid, kid
from stylealign.networks.generator import Generator
from stylealign.sampling import images_per_batch
from stylealign.streams import torch_stream

BATCH_SIZE = 32
"""Images synthesised at once, fixed: the last digits of an image may depend on the batch."""


class Evaluation:
    """Measures a generator against real images, with the same latents at every call.

    Args:
        real_images: gives the real images, uint8 `[N, 3, H, W]` or batches of them; called once, at the first use.
        images: generated images of a measurement.
        features: name of the feature network.
        seed: seed of the latents.
        weights: file of the feature network's weights, where it needs one.
        notify: gets a line before the first measurement, which takes longest: the real images are looked at too.
    """

    def __init__(
        self,
        real_images: Callable[[], NDArray[np.uint8] | Iterator[NDArray[np.uint8]]],
        images: int,
        features: str,
        seed: int,
        weights: Path | None = None,
        notify: Callable[[str], None] = lambda line: None,
    ) -> None:
        self._real_images, self._images, self._features, self._seed = real_images, images, features, seed
        self._weights, self._notify = weights, notify
        self._network: torch.nn.Module | None = None
        self._real: Tensor | None = None

    def __call__(self, generator: Generator) -> dict[str, float]:
        """Return `fid[FEATURES]` and `kid[FEATURES]` of `generator`."""
        if self._network is None or self._real is None:
            self._notify(f"measures FID and KID by {self._images} images")
            self._network = feature_extractor(self._features, self._weights).to(generator.mapping.w_avg.device)
            self._real = features_of(self._real_images(), self._network)
        generated = features_of(self._generated(generator), self._network)
        return {
            f"fid[{self._features}]": fid(generated, self._real).value,
            f"kid[{self._features}]": kid(generated, self._real).value,
        }

    def _generated(self, generator: Generator) -> Iterator[NDArray[np.uint8]]:
        random = torch_stream("measurements of a training", self._seed)
        batch = min(BATCH_SIZE, images_per_batch(generator.architecture.resolution))
        for start in range(0, self._images, batch):
            z = torch.randn(batch, generator.architecture.z_dim, generator=random)
            with torch.no_grad():
                images = to_uint8(generator(z.to(generator.mapping.w_avg.device)))
            yield images[: self._images - start].cpu().numpy()
