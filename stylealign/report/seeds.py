"""Mean and spread over seeds: rows of several trainings that differ in the seed alone become one. Imports no torch."""

import dataclasses
import math
import statistics
from collections.abc import Iterable, Mapping, Sequence

from stylealign.measurements.rows import Row
from stylealign.measurements.shared import UNALIGNED
from stylealign.metrics.student import student_factor

SEED_COLUMNS = (
    *("table", "parent", "child", "method", "setting", "metric", "features"),
    *("mean", "std", "min", "max", "n", "higher_is_better"),
)


@dataclasses.dataclass(frozen=True)
class Spread:
    """One number under several seeds: a row whose `value` is None, the values, and how far their intervals reach.

    Attributes:
        below, above: mean distance of the seeds' own intervals' ends from their values; 0 where they have none.
    """

    row: Row
    values: tuple[float, ...]
    below: float = 0.0
    above: float = 0.0

    def mean_row(self) -> Row:
        """Return the mean as a row, `n` the number of seeds.

        Its 95 % interval has the t-interval of the mean over seeds and, as these share their images and latents, what
        the images alone leave open, the mean of the seeds' own intervals: the root of the sum of their squares.
        """
        mean, count = statistics.fmean(self.values), len(self.values)
        half = student_factor(count - 1) * statistics.stdev(self.values) / math.sqrt(count)
        low, high = mean - math.hypot(half, self.below), mean + math.hypot(half, self.above)
        return dataclasses.replace(self.row, value=mean, ci_low=low, ci_high=high, n=count)

    def record(self) -> list[object]:
        """Return the line of seeds.csv: mean, standard deviation (n - 1), extremes."""
        row, values = self.row, self.values
        mean, std = statistics.fmean(values), statistics.stdev(values)
        return [
            *(row.table, row.parent, row.child, row.method, row.setting, row.metric, row.features),
            *(mean, std, min(values), max(values), len(values), row.higher_is_better),
        ]


def over_seeds(rows: Iterable[Row], seeded: Mapping[str, Sequence[str]]) -> tuple[dict[Row, list[Row]], list[Spread]]:
    """Return the rows of the means with the rows each is made of, and the spreads behind them.

    Args:
        rows: rows of single models.
        seeded: name -> the models of its seeds, as they stand in the columns `parent` and `child`.

    Returns:
        For every number that all the seeds of a name have, a row with the child `NAME (mean of N seeds)`. A number that
        is the same for all of them, as no seed changes it (a parent's FID), keeps its own interval and has no spread.
        So does that of a control which one of the seeds alone has: it stands beside the mean, too.
    """
    name_of = {model: name for name, models in seeded.items() for model in models}
    groups: dict[Row, list[Row]] = {}
    for row in rows:
        name = name_of.get(row.child)
        if name is None:
            continue
        child = f"{name} (mean of {len(seeded[name])} seeds)"
        key = dataclasses.replace(
            row, parent=name_of.get(row.parent, row.parent), child=child, value=None, ci_low=None, ci_high=None, n=None
        )
        groups.setdefault(key, []).append(row)
    means: dict[Row, list[Row]] = {}
    spreads = []
    for key, members in groups.items():
        values = [row.value for row in members if row.value is not None]
        if len(values) != _seeds_of(members[0].child, seeded) and not (values and UNALIGNED in key.method):
            continue
        if len(set(values)) == 1:
            first = members[0]
            means[dataclasses.replace(first, parent=key.parent, child=key.child)] = members
            continue
        spreads.append(Spread(key, tuple(values), *_reach(members)))
        means[spreads[-1].mean_row()] = members
    return means, spreads


def _reach(rows: Sequence[Row]) -> tuple[float, float]:
    """Return how far the intervals of rows reach below and above their values, the mean; 0 where one has none."""
    ends = [(row.value, row.ci_low, row.ci_high) for row in rows]
    known = [(v - low, high - v) for v, low, high in ends if v is not None and low is not None and high is not None]
    if len(known) < len(rows):
        return 0.0, 0.0
    return statistics.fmean(below for below, _ in known), statistics.fmean(above for _, above in known)


def _seeds_of(model: str, seeded: Mapping[str, Sequence[str]]) -> int:
    return next(len(models) for models in seeded.values() if model in models)
