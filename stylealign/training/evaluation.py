"""FID and KID while training goes on, and which of the measured weights become the model."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stylealign.images import to_uint8
from stylealign.metrics.features import feature_extractor, features_of
from stylealign.metrics.fid_kid import fid, kid
from stylealign.networks.generator import Generator
from stylealign.sampling import images_per_batch

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
    """

    def __init__(
        self,
        real_images: Callable[[], NDArray[np.uint8] | Iterator[NDArray[np.uint8]]],
        images: int,
        features: str,
        seed: int,
        weights: Path | None = None,
    ) -> None:
        self._real_images, self._images, self._features, self._seed = real_images, images, features, seed
        self._weights = weights
        self._network: torch.nn.Module | None = None
        self._real: Tensor | None = None

    def __call__(self, generator: Generator) -> dict[str, float]:
        """Return `fid[FEATURES]` and `kid[FEATURES]` of `generator`."""
        if self._network is None or self._real is None:
            self._network = feature_extractor(self._features, self._weights).to(generator.mapping.w_avg.device)
            self._real = features_of(self._real_images(), self._network)
        generated = features_of(self._generated(generator), self._network)
        return {
            f"fid[{self._features}]": fid(generated, self._real).value,
            f"kid[{self._features}]": kid(generated, self._real).value,
        }

    def _generated(self, generator: Generator) -> Iterator[NDArray[np.uint8]]:
        random = torch.Generator().manual_seed(self._seed)
        batch = min(BATCH_SIZE, images_per_batch(generator.architecture.resolution))
        for start in range(0, self._images, batch):
            z = torch.randn(batch, generator.architecture.z_dim, generator=random)
            with torch.no_grad():
                images = to_uint8(generator(z.to(generator.mapping.w_avg.device)))
            yield images[: self._images - start].cpu().numpy()


class Selection:
    """Which of the measured weights become the model, while the measurements come in.

    `best-fid` and `best-kid` take those with the lowest value. `fewest-fid` and `fewest-kid` are the stopping rule for
    a child: the fewest kimg with a value within `tolerance` of the lowest, because what comes later buys little quality
    and moves the child away from its parent. FID is the better judge: KID can call a child that still draws half of
    the parent's figures as good as a finished one (docs/experiments.md).

    Args:
        rule: `last`, `best-fid`, `best-kid`, `fewest-fid` or `fewest-kid`.
        tolerance: of the stopping rule, as a share of the lowest value.
    """

    def __init__(self, rule: str, tolerance: float = 0.0) -> None:
        kind, _, metric = rule.partition("-")
        self.metric = metric or None
        self.tolerance = tolerance if kind == "fewest" else 0.0
        self.candidates: list[tuple[float, float]] = []
        """Kimg and value of the weights that may still be chosen, from the earliest."""

    @property
    def kimg(self) -> float | None:
        """When the weights that are chosen were measured."""
        return self.candidates[0][0] if self.candidates else None

    def takes(self, values: dict[str, float], kimg: float) -> bool:
        """Take in what was measured at `kimg` (names begin with `fid`, `kid`); return whether to keep these weights."""
        if self.metric is None:
            return False
        value = next(value for name, value in values.items() if name.startswith(self.metric))
        lowest = min([value, *(other for _, other in self.candidates)])
        limit = lowest + self.tolerance * abs(lowest)
        self.candidates = [(k, v) for k, v in [*self.candidates, (kimg, value)] if v <= limit]
        if self.tolerance == 0:
            del self.candidates[1:]  # of equal values the first
        return any(k == kimg for k, _ in self.candidates)

    def state(self) -> dict[str, Any]:
        """Return what a resumed run needs."""
        return {"candidates": self.candidates}

    def load(self, state: dict[str, Any] | None) -> None:
        """Take over what `state` returned; None from a run that knew no selection."""
        if state is not None:
            self.candidates = [(kimg, value) for kimg, value in state["candidates"]]
