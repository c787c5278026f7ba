"""The parts of a batch: which numbers of them there can be, and sums over them."""

from torch import Tensor

from stylealign.config import TrainSettings
from stylealign.errors import StyleAlignError


class Sums:
    """Running sums by name."""

    def __init__(self) -> None:
        self.values: dict[str, Tensor] = {}

    def add(self, **values: Tensor) -> None:
        """Add to the sums of these names."""
        for name, value in values.items():
            self.values[name] = self.values[name] + value if name in self.values else value


def check_parts(settings: TrainSettings, processes: int, group_size: int | None) -> None:
    """Check that a batch falls into equal parts of whole groups, and that no process is left without work."""
    s = settings
    parts = s.accumulate * processes
    each = s.batch_size // parts
    if s.batch_size % parts:
        raise StyleAlignError(
            f"batch_size {s.batch_size}: no multiple of {parts} parts"
            f" ({processes} processes, accumulate {s.accumulate})"
        )
    if s.keep.distances.weight and each < 3:
        raise StyleAlignError(
            f"keep.distances: compares groups of three images or more, parts of a batch hold {each};"
            " raise batch_size, or take fewer parts (accumulate, processes)"
        )
    if each % min(group_size or each, each):
        raise StyleAlignError(
            f"batch_size {s.batch_size}: parts of {each} images hold no whole groups of {group_size}"
            " (mbstd_group_size); change one of them"
        )
    if s.path_length_weight > 0 and s.batch_size // s.path_length_batch_shrink < processes > 1:
        raise StyleAlignError(
            f"path_length_batch_shrink {s.path_length_batch_shrink}: leaves fewer images than {processes} processes"
        )
