"""Means of a training's scalars between two lines of its log, and that they stay numbers."""

import math
from pathlib import Path

from torch import Tensor

from stylealign.errors import StyleAlignError


class Means:
    """Sums of the scalars of steps, on their device: they are looked at where a run waits for its GPU anyway.

    Args:
        run_dir: named where one is not finite.
    """

    def __init__(self, run_dir: Path) -> None:
        self._run_dir = run_dir
        self._sums: dict[str, Tensor] = {}
        self._counts: dict[str, int] = {}

    def note(self, scalars: dict[str, Tensor]) -> None:
        """Add the scalars of a step: what is not finite stays so in a sum."""
        for name, value in scalars.items():
            self._sums[name] = self._sums.get(name, 0) + value  # never the step's own tensor, which may be its buffer
            self._counts[name] = self._counts.get(name, 0) + 1

    def check(self, kimg: float) -> None:
        """Wait for what was noted.

        Raises:
            StyleAlignError: one of the scalars is not finite.
        """
        for name, value in self._sums.items():
            if not math.isfinite(value.item()):
                raise StyleAlignError(
                    f"{self._run_dir}: {name} is {value.item()} at {kimg:.2f} kimg; the last saved state is kept:"
                    " try a lower learning_rate, a higher r1_gamma or fp16_resolutions 0 in a new run directory"
                )

    def taken(self) -> dict[str, float]:
        """Return the mean of each scalar over the steps that had it, and forget what was noted."""
        means = {name: float(value) / self._counts[name] for name, value in self._sums.items()}
        self._sums.clear()
        self._counts.clear()
        return means
