"""One waiting timer of Snakemake's scheduler, not one more for each job that ever ended.

Snakemake limits how many jobs it starts in a second (`--max-jobs-per-timespan`, 100 in 1 s unless told). After every
look at the ready jobs it sets a timer for another look a second later, and each of these sets the next: every job that
ends adds a look a second for the rest of the run. With 150 jobs ended that was 15 % of a core (Snakemake 9.27). One
timer that waits does the same.
"""

import threading
from typing import Any

_METHOD = "_schedule_reevalutation"  # as Snakemake spells it


def once_a_timespan(scheduler: type[Any]) -> bool:
    """Let a scheduler class have at most one timer that waits; return whether it is one that needs that.

    Args:
        scheduler: `snakemake.scheduling.job_scheduler.JobScheduler`. A release without such a method stays as it is.
    """
    if not callable(getattr(scheduler, _METHOD, None)):
        return False

    def look(self: Any) -> None:
        self._waits_to_look = False  # before the look, which may ask for the next one
        self._open_jobs.release()

    def schedule(self: Any, delay: float) -> None:
        if getattr(self, "_waits_to_look", False):
            return
        self._waits_to_look = True
        timer = threading.Timer(delay, look, (self,))
        timer.daemon = True  # a run that is over waits for nobody
        timer.start()

    setattr(scheduler, _METHOD, schedule)
    return True
