# What a job asks the scheduler for: estimated from resolution, images and steps (stylealign/planning), with a margin.
from stylealign.devices import visible_devices
from stylealign.experiment.threads import training_threads
from stylealign.planning.costs import Costs
from stylealign.planning.resources import requested

COSTS = Costs(EXPERIMENT.sized(), EXPERIMENT.zoo.size_mb, EXPERIMENT.zoo.archive)


def memory(rule):
    return lambda wildcards: requested(COSTS, rule, dict(wildcards.items()))[0]


def minutes(rule):
    return lambda wildcards: requested(COSTS, rule, dict(wildcards.items()))[1]


def threads_of_training(w):
    """Share the cores of a run on one machine; with GPUs, and on a cluster, one thread unless the configuration says."""
    is_shared = workflow.is_main_process and workflow.local_exec and not visible_devices(os.environ)
    return training_threads(RUN, w.model, workflow.cores if is_shared else 1)
