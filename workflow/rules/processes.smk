# How jobs start and stop as processes, and what a run that was killed leaves behind.
import sys
from pathlib import Path

from snakemake_logger_plugin_stylealign import stale_lock

# `.venv/bin/snakemake` works without an activated environment, on the nodes of a cluster too. `exec`: the job is the
# process that Snakemake waits for, so a cluster's SIGTERM does not end a shell around a training that saves its state.
shell.prefix(f'set -euo pipefail; export PATH="{Path(sys.executable).parent}:$PATH"; exec ')

if workflow.is_main_process:
    notice = stale_lock.enter(Path.cwd())
    if notice:
        print(f"snakemake: {notice}", file=sys.stderr)


onstart:
    stale_lock.note_locks(Path.cwd())
