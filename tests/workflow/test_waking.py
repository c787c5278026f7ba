"""Snakemake's scheduler looks once a timespan at the ready jobs, however many have ended."""

import threading

from snakemake.scheduling.job_scheduler import JobScheduler

from snakemake_logger_plugin_stylealign import waking


def scheduler() -> JobScheduler:
    """Return Snakemake's scheduler with nothing to run."""
    kind = type("Scheduler", (JobScheduler,), {})
    assert waking.once_a_timespan(kind), "this release of Snakemake sets its timers in another way"
    made: JobScheduler = kind.__new__(kind)
    made._open_jobs = threading.Semaphore(0)
    return made


def test_many_asks_are_one_look() -> None:
    one = scheduler()
    for _ in range(50):
        one._schedule_reevalutation(0.05)
    assert one._open_jobs.acquire(timeout=10), "no look"
    assert not one._open_jobs.acquire(timeout=0.3), "a second look"


def test_a_look_may_ask_for_the_next() -> None:
    one = scheduler()
    for _ in range(3):
        one._schedule_reevalutation(0.01)
        assert one._open_jobs.acquire(timeout=10)


def test_another_release_stays_as_it_is() -> None:
    assert not waking.once_a_timespan(type("Other", (), {}))
