"""That losses stay numbers, looked at where a run waits for its GPU anyway."""

import math
from pathlib import Path

from torch import Tensor

from stylealign.errors import StyleAlignError


class Finite:
    """Scalars that have not been looked at yet.

    Args:
        run_dir: named where one is not finite.
    """

    def __init__(self, run_dir: Path) -> None:
        self._run_dir = run_dir
        self._sums: dict[str, Tensor] = {}

    def note(self, scalars: dict[str, Tensor]) -> None:
        """Add the scalars of a step: what is not finite stays so in a sum."""
        for name, value in scalars.items():
            self._sums[name] = self._sums[name] + value if name in self._sums else value

    def check(self, kimg: float) -> None:
        """Wait for what was noted, and forget it.

        Raises:
            StyleAlignError: one of the scalars is not finite.
        """
        for name, value in self._sums.items():
            if not math.isfinite(value.item()):
                raise StyleAlignError(
                    f"{self._run_dir}: {name} is {value.item()} at {kimg:.2f} kimg; the last saved state is kept:"
                    " try a lower learning_rate, a higher r1_gamma or fp16_resolutions 0 in a new run directory"
                )
        self._sums.clear()
