# What a job asks the scheduler for: estimated from resolution, images and steps (stylealign/planning), with a margin.
from stylealign.planning.costs import Costs
from stylealign.planning.resources import requested

COSTS = Costs(EXPERIMENT.sized(), EXPERIMENT.zoo.size_mb, EXPERIMENT.zoo.archive)


def memory(rule):
    return lambda wildcards: requested(COSTS, rule, dict(wildcards.items()))[0]


def minutes(rule):
    return lambda wildcards: requested(COSTS, rule, dict(wildcards.items()))[1]
