"""How smooth a morph is: perceptual steps between consecutive frames, and where it ends."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stylealign.metrics.perceptual import PerceptualDistance

_STILL = 1e-4
"""A mean step below this is rounding: nothing moves."""


@dataclass(frozen=True)
class MorphMeasures:
    """Measures of the morphs of N images."""

    steps: NDArray[np.float32]
    """`[frames - 1, N]`: how far each frame lies from the one before: the root of the perceptual distance."""
    endpoint_error: NDArray[np.float32]
    """`[N]`: perceptual distance of the last frame to the image the morph should end at."""

    @property
    def path_length(self) -> NDArray[np.float32]:
        """`[N]`: the sum of the steps, which converges as frames are added."""
        return self.steps.sum(axis=0)

    @property
    def step_ratio(self) -> NDArray[np.float32]:
        """`[N]`: the largest step over the mean step; 1 for even steps, and for a morph that stands still."""
        mean = self.steps.mean(axis=0)
        still = mean <= _STILL
        return np.where(still, 1.0, self.steps.max(axis=0) / np.where(still, 1.0, mean)).astype(np.float32)

    def per_image(self) -> dict[str, list[float]]:
        """Return the measures by metric name, one value per image."""
        columns = {
            "path_length": self.path_length,
            "step_ratio": self.step_ratio,
            "endpoint_error": self.endpoint_error,
        }
        return {name: [float(value) for value in column] for name, column in columns.items()}


class MorphMeter:
    """Measures a morph while its frames pass by; holds the features of one frame.

    A perceptual distance is a mean of *squared* differences of features: its root is the length of a step, so that the
    steps of a movement add up to its length however many they are.
    """

    def __init__(self, distance: PerceptualDistance) -> None:
        self.distance = distance
        self._features: list[Tensor] | None = None
        self._steps: list[Tensor] = []

    @torch.inference_mode()
    def add(self, frame: Tensor) -> None:
        """Take the next frame, `[N, 3, r, r]` float32 in [-1, 1] (the same N morphs in each)."""
        features = self.distance.features(frame)
        if self._features is not None:
            self._steps.append(self.distance.between(self._features, features).sqrt().cpu())
        self._features = features

    @torch.inference_mode()
    def result(self, end: Tensor) -> MorphMeasures:
        """Return the measures of morphs that should end at the images `end [N, 3, r, r]`."""
        assert self._features is not None, "a morph has frames"
        assert self._steps, "a morph has at least two frames"
        error = self.distance.between(self._features, self.distance.features(end))
        return MorphMeasures(torch.stack(self._steps).numpy(), error.cpu().numpy())
