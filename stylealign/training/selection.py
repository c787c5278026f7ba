"""Which of the weights that are measured while training goes on become the model."""

import math
from typing import Any, NamedTuple

from stylealign.training.alignment import ALIGNMENT


class Candidate(NamedTuple):
    """Weights that may still be chosen."""

    kimg: float
    value: float
    """FID or KID."""
    alignment: float
    """Score against the parent; NaN where it was not measured."""


class Selection:
    """Which of the measured weights become the model, while the measurements come in.

    `best-fid` and `best-kid` take those with the lowest value. `fewest-fid` and `fewest-kid` are the stopping rule for
    a child: the fewest kimg with a value within `tolerance` of the lowest, because what comes later buys little quality
    and moves the child away from its parent. FID is the better judge: KID can call a child that still draws half of
    the parent's figures as good as a finished one (docs/experiments/stopping.md). `aligned-fid` takes the lowest FID
    among those that are aligned by `floor` or more, or else the most aligned; `most-aligned`, the reverse, the most
    aligned among those with a FID within `tolerance` of the lowest.

    Args:
        rule: a value of the setting `select`.
        tolerance: of the stopping rule, as a share of the lowest value.
        floor: lowest alignment score of `aligned-fid`.
    """

    def __init__(self, rule: str, tolerance: float = 0.0, floor: float = 0.0) -> None:
        kind, _, metric = rule.partition("-")
        self.rule, self.floor = rule, floor
        self.metric = "fid" if rule == "most-aligned" else metric or None
        self.tolerance = tolerance if kind in ("fewest", "most") else 0.0
        self.candidates: list[Candidate] = []
        """From the earliest."""

    @property
    def kimg(self) -> float | None:
        """When the weights that are chosen were measured."""
        if not self.candidates:
            return None
        if self.rule == "most-aligned":
            return max(self.candidates, key=lambda candidate: candidate.alignment).kimg
        return self.candidates[0].kimg

    def takes(self, values: dict[str, float], kimg: float) -> bool:
        """Take in what was measured at `kimg` (names begin with `fid`, `kid`); return whether to keep these weights."""
        if self.metric is None:
            return False
        value = next(value for name, value in values.items() if name.startswith(self.metric))
        new = Candidate(kimg, value, values.get(ALIGNMENT, math.nan))
        if self.rule == "aligned-fid":
            self.candidates = [max([*self.candidates, new], key=self._aligned_quality)]
        else:
            self._take_within_limit(new)
        return new in self.candidates

    def _take_within_limit(self, new: Candidate) -> None:
        lowest = min(candidate.value for candidate in [*self.candidates, new])
        limit = lowest + self.tolerance * abs(lowest)
        self.candidates = [candidate for candidate in [*self.candidates, new] if candidate.value <= limit]
        if self.tolerance == 0:
            del self.candidates[1:]  # of equal values the first

    def _aligned_quality(self, candidate: Candidate) -> tuple[bool, float]:
        """Return what `aligned-fid` wants to be high."""
        is_aligned = candidate.alignment >= self.floor
        return is_aligned, -candidate.value if is_aligned else candidate.alignment

    def state(self) -> dict[str, Any]:
        """Return what a resumed run needs."""
        return {"candidates": [tuple(candidate) for candidate in self.candidates]}

    def load(self, state: dict[str, Any] | None) -> None:
        """Take over what `state` returned; None from a run that knew no selection."""
        if state is not None:  # one from before knew no alignment
            self.candidates = [
                Candidate(kimg, value, *(rest or [math.nan])) for kimg, value, *rest in state["candidates"]
            ]
