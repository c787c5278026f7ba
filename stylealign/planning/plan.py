"""The jobs of a dry run, their costs added up by stage, and the time they take side by side."""

import heapq
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from stylealign.measurements import registry
from stylealign.planning.chain import chain_words, longest_chain, needs_of
from stylealign.planning.costs import Costs
from stylealign.work.cost import Cost
from stylealign.work.rates import CARD, load_rates

Device = Literal["auto", "cpu", "gpu"]

STAGES: dict[str, tuple[str, ...]] = {
    "data": (
        "draw_domain",
        "draw_held_out",
        "draw_pairs",
        "import_domain",
        "import_validated_domain",
        "fetch_domain",
        "fetch_validated_domain",
        "label_domain",
        "label_validated_domain",
        "label_fetched_domain",
        "label_validated_fetched_domain",
        "fetch_weights",
    ),
    "parents": ("fetch_parent", "train_parent"),
    "children": ("fetch_child", "train_child"),
    "generators": ("features",),
    "inversion": ("encoder", "invert"),
    "translation": ("blend", "translate", "random_samples"),
    "morphing": ("morph",),
    "zero-shot": (
        "labeller",
        "supervise",
        "supervise_joint",
        "transfer",
        "transfer_bounds",
        "transfer_untested",
        "predict",
    ),
    "alignment": (),
}
"""Stage -> its rules; the rules of a measurement belong to the stage of its table's section."""

OF_SECTION = {"models": "generators"}
"""Section of the report -> stage, where the two have different names."""

REST = "figures, tables, other"
HEADS = ("stage", "jobs", "CPU-hours", "GPU-hours", "disk", "download", "from")


@dataclass(frozen=True)
class Job:
    """A planned job, as the logger plugin notes it in a dry run."""

    rule: str
    wildcards: dict[str, str]
    threads: int
    gpu: int
    inputs: list[str]
    outputs: list[str]


@dataclass
class Stage:
    """What the jobs of a stage take together.

    Attributes:
        jobs: their number.
        cpu_h, gpu_h: thread-hours of those that run on CPUs, device-hours of those that run on a GPU.
        disk_mb, download_mb: output and downloads; a download that several jobs share counts once.
        unknown_downloads: archives whose size is not known, or that are downloaded by hand.
        sources: what the times are reckoned from.
    """

    jobs: int = 0
    cpu_h: float = 0.0
    gpu_h: float = 0.0
    disk_mb: float = 0.0
    download_mb: float = 0.0
    unknown_downloads: int = 0
    sources: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Plan:
    """What a run takes.

    Attributes:
        stages: by name.
        wall_s: the time it all takes on so many cores and GPUs.
        chain: jobs and their seconds of the longest chain of jobs that wait for each other: no run is shorter.
        card: GPU of throughput.yaml.
    """

    stages: dict[str, Stage]
    wall_s: float
    cores: int
    gpus: int
    chain: list[tuple[str, float]]
    card: str = CARD

    @property
    def chain_s(self) -> float:
        """Seconds of the longest chain."""
        return sum(seconds for _, seconds in self.chain)

    def total(self) -> Stage:
        """Return the sum over the stages."""
        total = Stage()
        for stage in self.stages.values():
            for name in ("jobs", "cpu_h", "gpu_h", "disk_mb", "download_mb", "unknown_downloads"):
                setattr(total, name, getattr(total, name) + getattr(stage, name))
            total.sources |= stage.sources
        return total


def read_jobs(path: Path) -> list[Job]:
    """Return the jobs that a dry run noted, without the target rule."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    jobs = []
    for values in map(json.loads, lines):
        if values["rule"] != "all":
            gpus = int(values.pop("resources").get("gpu", 0))
            jobs.append(Job(**values, gpu=gpus))
    return jobs


def make_plan(jobs: Sequence[Job], costs: Costs, cores: int, gpus: int, device: Device = "auto") -> Plan:
    """Add up what jobs cost.

    Args:
        jobs: the jobs of a dry run.
        costs: of the configuration that the dry run was of.
        cores, gpus: what the machine offers, for the time all takes.
        device: where the jobs that can use a GPU run; `auto`: on a GPU where there is one and the images are large.
    """
    stages = {name: Stage() for name in [*STAGES, REST]}
    downloads: set[str] = set()
    seconds: list[float] = []
    on_gpu: list[bool] = []
    for job in jobs:
        cost = costs.of(job.rule, job.wildcards)
        is_taken = device == "gpu" or (device == "auto" and gpus > 0 and costs.is_large(job.wildcards))
        by_gpu = job.gpu > 0 and is_taken
        seconds.append(cost.gpu_s(costs.card) if by_gpu else cost.cpu_s(job.threads))
        on_gpu.append(by_gpu)
        stage = stages[_stage_of(job.rule)]
        stage.jobs += 1
        stage.gpu_h += seconds[-1] / 3600 if by_gpu else 0.0
        stage.cpu_h += 0.0 if by_gpu else job.threads * seconds[-1] / 3600
        stage.disk_mb += cost.disk_mb
        stage.sources.add(_source(job, cost, costs, by_gpu))
        _add_download(stage, job, cost, costs, downloads)
    used = {name: stage for name, stage in stages.items() if stage.jobs}
    chain = longest_chain(_needs(jobs), seconds)
    named = [(" ".join([jobs[index].rule, *jobs[index].wildcards.values()]), seconds[index]) for index in chain]
    return Plan(used, wall_s(jobs, seconds, on_gpu, cores, gpus), cores, gpus, named, costs.card)


def _needs(jobs: Sequence[Job]) -> list[set[int]]:
    return needs_of([job.inputs for job in jobs], [job.outputs for job in jobs])


def _stage_of(rule: str) -> str:
    for kind in registry.KINDS:
        if rule in kind.costs:
            section = kind.filled[0].section
            return OF_SECTION.get(section, section)
    return next((name for name, rules in STAGES.items() if rule in rules), REST)


def _source(job: Job, cost: Cost, costs: Costs, by_gpu: bool) -> str:
    """Return what the time of a job is reckoned from."""
    if not cost.is_known:
        return "unknown"
    if by_gpu:
        found = "published" if load_rates().gpus[costs.card].is_published else "card"
        return found if costs.is_on_record(job.rule, job.wildcards) else "estimate"
    return "scaled" if costs.is_large(job.wildcards) or cost.download_mb != 0 else "measured"


def _add_download(stage: Stage, job: Job, cost: Cost, costs: Costs, seen: set[str]) -> None:
    if cost.download_mb == 0:
        return
    key = costs.archive_of(job.rule, job.wildcards)
    if key not in seen:
        seen.add(key)
        stage.download_mb += cost.download_mb or 0.0
        stage.unknown_downloads += cost.download_mb is None


def wall_s(jobs: Sequence[Job], seconds: Sequence[float], on_gpu: Sequence[bool], cores: int, gpus: int) -> float:
    """Return the seconds until the last job ends when each starts as soon as its inputs, cores and a GPU are there."""
    needs = _needs(jobs)
    waiting = list(range(len(jobs)))
    running: list[tuple[float, int]] = []
    done: set[int] = set()
    now, free_cores, free_gpus = 0.0, cores, max(gpus, 1)
    while waiting or running:
        for index in list(waiting):
            threads = min(jobs[index].threads, cores)
            if needs[index] <= done and threads <= free_cores and on_gpu[index] <= free_gpus:
                waiting.remove(index)
                free_cores, free_gpus = free_cores - threads, free_gpus - on_gpu[index]
                heapq.heappush(running, (now + seconds[index], index))
        now, index = heapq.heappop(running)
        done.add(index)
        free_cores += min(jobs[index].threads, cores)
        free_gpus += on_gpu[index]
    return now


def as_json(plan: Plan) -> dict[str, Any]:
    """Return a plan as a JSON object."""
    rows = plan.stages | {"total": plan.total()}
    stages = {name: vars(stage) | {"sources": sorted(stage.sources)} for name, stage in rows.items()}
    total = stages.pop("total")
    chain = [{"job": name, "hours": seconds / 3600} for name, seconds in plan.chain]
    machine = {"cores": plan.cores, "gpus": plan.gpus, "card": plan.card}
    return {"stages": stages, "total": total, "wall_h": plan.wall_s / 3600, **machine, "longest_chain": chain}


def as_text(plan: Plan) -> str:
    """Return a plan as a table and what it is reckoned from, for people."""
    lines = [HEADS, *(_line(name, stage) for name, stage in plan.stages.items()), _line("total", plan.total())]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADS))]
    table = [
        "  ".join(
            cell.ljust(width) if column in (0, len(HEADS) - 1) else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]
    gpus = f" and {plan.gpus} GPU{'s' * (plan.gpus != 1)}" if plan.total().gpu_h else ""
    cores = f"{plan.cores} core{'s' * (plan.cores != 1)}"
    whole = f"With {cores}{gpus}: about {_hours(plan.wall_s / 3600)} in all."
    return "\n".join([*table, "", whole, *_chain_lines(plan), *_notes(plan)])


def _chain_lines(plan: Plan) -> list[str]:
    """Return what the run waits for however many cores there are."""
    if len(plan.chain) < 2:
        return []
    seconds = [took for _, took in plan.chain]
    words = chain_words([name for name, _ in plan.chain], [_hours(took / 3600) for took in seconds], seconds)
    return [f"Longest chain, which more cores do not shorten: {_hours(plan.chain_s / 3600)}: {words}"]


def _notes(plan: Plan) -> list[str]:
    """Return what the words of the last column mean, and what is not counted."""
    sources, gpu = plan.total().sources, load_rates().gpus[plan.card]
    meaning = {
        "measured": "measured: job times of the default run, one of two busy threads of a core, AVX2, 2026-11-26.",
        "scaled": f"scaled: from those by multiplications, and {load_rates().download_mb_per_s:g} MB/s of download.",
        "published": f"published: {gpu.source}.",
        "card": f"card: {gpu.source}.",
        "estimate": "estimate: from these, or from measurements on a CPU through an assumed speed-up.",
        "unknown": "unknown: no rate was measured for some jobs; they count as 2 s each.",
    }
    notes = [text for name, text in meaning.items() if name in sources]
    if plan.total().unknown_downloads:
        notes.append("+: and archives of unknown size.")
    return notes


def _line(name: str, stage: Stage) -> tuple[str, ...]:
    download = _size(stage.download_mb) + (" +" if stage.unknown_downloads else "")
    numbers = (str(stage.jobs), _number(stage.cpu_h), _number(stage.gpu_h), _size(stage.disk_mb), download)
    return (name, *numbers, "" if name == "total" else ", ".join(sorted(stage.sources)))


def _number(hours: float) -> str:
    return "" if hours == 0 else f"{hours:.3f}" if hours < 1 else f"{hours:,.1f}"


def _size(megabytes: float) -> str:
    if megabytes == 0:
        return ""
    return f"{megabytes:.1f} MB" if megabytes < 1000 else f"{megabytes / 1000:,.1f} GB"


def _hours(hours: float) -> str:
    if hours < 1 / 30:
        return f"{hours * 3600:.0f} s"
    if hours < 1:
        return f"{hours * 60:.0f} minutes"
    return f"{hours:.1f} hours" if hours < 48 else f"{hours / 24:.1f} days"
