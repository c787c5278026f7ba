# How jobs start and stop as processes, and what a run that was killed leaves behind.
import sys
from pathlib import Path

from snakemake.persistence import PersistenceBase
from snakemake.scheduling.job_scheduler import JobScheduler
from snakemake_logger_plugin_stylealign import records, stale_lock, waking

# `.venv/bin/snakemake` works without an activated environment, on the nodes of a cluster too. `exec`: the job is the
# process that Snakemake waits for, so a cluster's SIGTERM does not end a shell around a training that saves its state.
shell.prefix(f'set -euo pipefail; export PATH="{Path(sys.executable).parent}:$PATH"; exec ')

# On a node a failed job ends at once: the run that submitted it is the one that tries again.
TRAINING_RETRIES = 3 if workflow.is_main_process else 0
# Slurm's SIGTERM at the limit leaves some 30 s; this one comes two minutes before, when there is time to finish a step.
SIGNAL_BEFORE_TIME_LIMIT = "--signal=TERM@120"

waking.once_a_timespan(JobScheduler)
records.of_outputs_that_are_there(PersistenceBase)

if workflow.is_main_process:
    notice = stale_lock.enter(Path.cwd())
    if notice:
        print(f"snakemake: {notice}", file=sys.stderr)


onstart:
    stale_lock.note_locks(Path.cwd())
