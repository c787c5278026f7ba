# What a job asks the scheduler for: estimated from resolution, images and steps (stylealign/planning), with a margin.
from stylealign.planning.costs import Costs

COSTS = Costs(RUN, lambda kind, name: zoo_entry(kind, name).get("size_mb"))
MARGIN = 3
LEAST_MINUTES, MOST_MINUTES = 10, 2880


def estimate(rule, wildcards):
    """Return memory in MB and minutes of a job; a longer training than MOST_MINUTES is resumed by its next attempt."""
    cost = COSTS.of(rule, dict(wildcards.items()))
    seconds = cost.gpu_s() if COSTS.is_large(dict(wildcards.items())) else cost.cpu_s()
    minutes = max(LEAST_MINUTES, math.ceil(MARGIN * seconds / 600) * 10)
    is_resumed = rule.startswith("train_")
    return math.ceil(cost.memory_mb / 500) * 500, min(minutes, MOST_MINUTES) if is_resumed else minutes


def memory(rule):
    return lambda wildcards: estimate(rule, wildcards)[0]


def minutes(rule):
    return lambda wildcards: estimate(rule, wildcards)[1]
