"""What a job asks a scheduler for: what it costs, with a margin."""

import math
from collections.abc import Mapping

from stylealign.planning.costs import Costs

MARGIN = 3
LEAST_MINUTES, MOST_MINUTES = 10, 2880


def requested(costs: Costs, rule: str, wildcards: Mapping[str, str]) -> tuple[int, int]:
    """Return memory in MB and minutes of a job.

    A training that takes longer than MOST_MINUTES is resumed by its next attempt.
    """
    cost = costs.of(rule, wildcards)
    seconds = cost.gpu_s() if costs.is_large(wildcards) else cost.cpu_s()
    minutes = max(LEAST_MINUTES, math.ceil(MARGIN * seconds / 600) * 10)
    is_resumed = rule.startswith("train_")
    return math.ceil(cost.memory_mb / 500) * 500, min(minutes, MOST_MINUTES) if is_resumed else minutes
