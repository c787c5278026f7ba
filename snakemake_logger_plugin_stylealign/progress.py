"""How far a run is: jobs done and running, and the time left."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field

# What a job of each rule takes in the default configuration on one of two busy cores, in seconds. They give the time
# left before any job has ended; later the run's own pace does, and only their ratios matter. A rule without an entry
# weighs DEFAULT_WEIGHT_S.
WEIGHT_S = {
    "draw_domain": 30,
    "draw_pairs": 7,
    "import_domain": 30,
    "import_validated_domain": 30,
    "fetch_validated_domain": 30,
    "label_domain": 30,
    "label_validated_domain": 30,
    "label_fetched_domain": 30,
    "label_validated_fetched_domain": 30,
    "train_child": 60,
    "train_parent": 250,
    "encoder": 100,
    "invert": 21,
    "translation": 12,
    "morph": 10,
    "supervise": 8,
    "supervise_joint": 72,
    "transfer": 21,
    "transfer_bounds": 18,
    "generators": 18,
    "coverage": 9,
    "alignment_reset": 85,
    "alignment_score": 9,
    "alignment_curve": 25,
    "alignment_semantic": 19,
    "zero_shot": 11,
    "zero_shot_classification": 25,
}
DEFAULT_WEIGHT_S = 4
PRIOR_SHARE = 0.05
"""Share of a run that counts as done at the expected pace: a few short jobs do not set the pace of all."""


@dataclass
class Job:
    """A running job."""

    rule: str
    name: str
    logs: list[str]
    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    started_s: float = field(default_factory=time.monotonic)
    took_s: float = 0.0


class Progress:
    """Counts jobs and weighs what is left by what each rule usually takes."""

    def __init__(self) -> None:
        self.cores = 1
        self._planned: dict[str, int] | None = None
        self._jobs: dict[int, Job] = {}
        self._done_weight = 0.0
        self.done: list[Job] = []
        self._begin_s = time.monotonic()

    def plan(self, jobs_of_rule: dict[str, int]) -> None:
        """Set the number of jobs of every rule."""
        self._planned = dict(jobs_of_rule)
        self._begin_s = time.monotonic()

    def start(self, job_id: int, job: Job) -> None:
        """Note that a job runs."""
        self._jobs[job_id] = job

    def finish(self, job_id: int) -> Job | None:
        """Note that a job succeeded and return it."""
        job = self._jobs.pop(job_id, None)
        if job is not None:
            job.took_s = time.monotonic() - job.started_s
            self.done.append(job)
            self._done_weight += _weight(job.rule)
        return job

    def drop(self, job_id: int) -> Job | None:
        """Note that a job failed and return it."""
        return self._jobs.pop(job_id, None)

    def running(self) -> list[Job]:
        """Return the jobs that run now."""
        return list(self._jobs.values())

    def is_planned(self) -> bool:
        """Return whether the number of jobs is known."""
        return self._planned is not None

    def is_complete(self) -> bool:
        """Return whether every planned job is done (also when the plan was to do nothing)."""
        return self._planned is not None and len(self.done) >= self._total()

    def makes(self, rule: str) -> bool:
        """Return whether a job of `rule` was planned, or nothing was, as everything asked for is there."""
        return not self._planned or rule in self._planned

    def head(self) -> str:
        """Return the counter of a progress line, such as `[ 3/41]`."""
        total = self._total()
        return f"[{len(self.done):>{len(str(total))}}/{total}]"

    def share(self, running: Iterable[tuple[Job, float]] = ()) -> float:
        """Return the share of the run's work that is done, by the usual weights; of running jobs, the shares given."""
        total = sum(_weight(rule) * count for rule, count in (self._planned or {}).items())
        begun = _begun(running)
        return min(1.0, (self._done_weight + begun) / total) if total else 1.0

    def time_left_s(self, running: Iterable[tuple[Job, float]] = ()) -> float:
        """Return the time left at the pace of this run, from the usual weights of what is not yet done.

        At first the pace is that of all cores at work, each at the usual weights.

        Args:
            running: running jobs that say how far they are, with the share that is done of each.
        """
        total = sum(_weight(rule) * count for rule, count in (self._planned or {}).items())
        done = self._done_weight + _begun(running)
        prior = PRIOR_SHARE * total
        pace = (time.monotonic() - self._begin_s + prior / self.cores) / (done + prior) if total else 0.0
        return max(0.0, total - done) * pace

    def counts(self) -> tuple[int, int]:
        """Return how many jobs are done, of how many."""
        return len(self.done), self._total()

    def _total(self) -> int:
        return sum((self._planned or {}).values())


def _begun(running: Iterable[tuple[Job, float]]) -> float:
    return sum(_weight(job.rule) * share for job, share in running)


def _weight(rule: str) -> float:
    return WEIGHT_S.get(rule, DEFAULT_WEIGHT_S)


def duration(seconds: float) -> str:
    """Return a duration for people: `9 s`, `3 min 20 s`, `2 h 5 min`."""
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60} min"
