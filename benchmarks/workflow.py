"""What the workflow itself costs: `python -m benchmarks.workflow [--run DIR] [--jobs N ...]`.

* of a finished run (`--run`): time of a run that finds nothing to do, how much of the jobs' time is start-up, and how
  far `stylealign plan` was from what the jobs took;
* time to plan workflows of many tiny jobs (`--jobs`): one child and its measurements after the other.
"""

import argparse
import csv
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from stylealign.config import Config, validate
from stylealign.planning.costs import Costs
from stylealign.work.rates import load_rates

ROOT = Path(__file__).parents[1]
TINY = ROOT / "config" / "tiny.yaml"
JOBS_OF_A_CHILD = 24
"""Jobs that a child without a control adds to the tiny configuration, about."""


def snakemake(directory: Path, *arguments: str) -> tuple[float, float, str]:
    """Return wall and CPU seconds and the output of Snakemake on this repository's workflow."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "workflow" / "Snakefile")]
    command += ["--directory", str(directory), *arguments]
    started_s, started_cpu_s = time.perf_counter(), children_cpu_s()
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return time.perf_counter() - started_s, children_cpu_s() - started_cpu_s, done.stdout + done.stderr


def children_cpu_s() -> float:
    """Return the CPU seconds of this process's ended children."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def many_children(count: int) -> dict[str, Any]:
    """Return the tiny configuration with `count` children more."""
    values: dict[str, Any] = yaml.safe_load(TINY.read_text(encoding="utf-8"))
    for index in range(count):
        values["models"][f"animal-{index}"] = {"domain": "animal", "parent": "human", "train": {"seed": index + 2}}
    return values


def measure_planning(wanted: Sequence[int], repeats: int) -> list[dict[str, float]]:
    """Return the seconds to plan about as many tiny jobs as `wanted`."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config.yaml"
        for jobs in wanted:
            config.write_text(yaml.safe_dump(many_children(max(0, jobs // JOBS_OF_A_CHILD - 2))), encoding="utf-8")
            timed = [snakemake(Path(folder), "-n", "--configfile", str(config)) for _ in range(repeats)]
            counted = next(int(line.split()[0]) for line in timed[0][2].splitlines() if " jobs: " in line)
            wall_s, cpu_s = min(wall for wall, _, _ in timed), min(cpu for _, cpu, _ in timed)
            rows.append({"jobs": counted, "wall_s": round(wall_s, 2), "cpu_s": round(cpu_s, 2)})
    return rows


def job_times(run: Path) -> dict[str, list[float]]:
    """Return the seconds of every job of a finished run, by rule or figure."""
    times = defaultdict(list)
    for path in sorted((run / "results" / "benchmarks").rglob("*.tsv")):
        with path.open(newline="") as file:
            seconds = [float(row["s"]) for row in csv.DictReader(file, delimiter="\t")]
        times[path.relative_to(run / "results" / "benchmarks").parts[0].removesuffix(".tsv")].append(seconds[-1])
    return dict(times)


def measure_start_up(times: dict[str, list[float]]) -> dict[str, Any]:
    """Return how much of the jobs' time is the start of Python and torch, and which rules have it in most jobs."""
    start_s, total = load_rates().cpu.start_s, sum(map(sum, times.values()))
    count = sum(map(len, times.values()))
    short = {rule: len(seconds) for rule, seconds in times.items() if sum(seconds) / len(seconds) < 2 * start_s}
    start_up = sum(min(seconds, start_s) for rule in times.values() for seconds in rule)
    return {
        "jobs": count,
        "job_seconds": round(total),
        "start_up_seconds": round(start_up),
        "start_up_share": round(start_up / total, 3),
        "jobs_that_are_mostly_start_up": short,
    }


def compare_plan(run: Path, times: dict[str, list[float]], config: Path, kimg: float | None) -> dict[str, Any]:
    """Return planned over measured seconds of one CPU thread, in all and by rule."""
    values = yaml.safe_load(config.read_text(encoding="utf-8"))
    if kimg is not None:
        values["train"]["kimg"] = kimg
        for model in values["models"].values():
            model.pop("train", None)
    costs = Costs(validate(Config, values, str(config)))
    with tempfile.TemporaryDirectory() as folder:
        jobs = Path(folder) / "jobs.jsonl"
        noted = ("--logger", "stylealign", "--logger-stylealign-jobs", str(jobs))
        snakemake(Path(folder), "-n", "--forceall", "--configfile", str(config), *noted)
        planned: defaultdict[str, float] = defaultdict(float)
        for line in jobs.read_text().splitlines():
            job = json.loads(line)
            rule = "figures" if job["rule"].startswith("figure") else job["rule"]
            planned[rule] += costs.of(job["rule"], job["wildcards"]).cpu_s()
    measured = {rule: sum(seconds) for rule, seconds in times.items()}
    both = {rule: {"planned_s": round(planned[rule]), "measured_s": round(measured[rule])} for rule in measured}
    totals = sum(planned[rule] for rule in measured), sum(measured.values())
    return {
        "planned_s": round(totals[0]),
        "measured_s": round(totals[1]),
        "ratio": round(totals[0] / totals[1], 3),
        "rules": both,
    }


def main() -> None:
    """Print the measurements as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, metavar="DIR", help="folder of a finished run")
    parser.add_argument("--wall-s", type=float, metavar="S", help="seconds the run took, for the workflow's own share")
    parser.add_argument("--cores", type=int, default=2, metavar="N", help="cores that it ran on")
    parser.add_argument("--config", type=Path, default=ROOT / "config" / "config.yaml", metavar="FILE")
    parser.add_argument("--kimg", type=float, help="length of its trainings, if other than configured")
    parser.add_argument("--json", action="store_true", help="print the JSON object in one line")
    parser.add_argument("--jobs", type=int, nargs="*", default=[100, 300, 1000], metavar="N")
    parser.add_argument("--repeats", type=int, default=3, metavar="N")
    arguments = parser.parse_args()
    found: dict[str, Any] = {"planning": measure_planning(arguments.jobs, arguments.repeats)}
    if arguments.run is not None:
        times = job_times(arguments.run)
        if not times:
            parser.error(f"{arguments.run}: no finished run (nothing in results/benchmarks)")
        found["start_up"] = measure_start_up(times)
        if arguments.wall_s is not None:
            busy = sum(map(sum, times.values())) / arguments.cores
            found["idle_or_scheduling_share"] = round(1 - busy / arguments.wall_s, 3)
        found["plan"] = compare_plan(arguments.run, times, arguments.config, arguments.kimg)
        if (arguments.run / "workflow").is_dir():
            found["no_op_seconds"] = round(min(no_op(arguments.run) for _ in range(arguments.repeats)), 2)
    print(json.dumps(found, indent=None if arguments.json else 2))


def no_op(run: Path) -> float:
    """Return the seconds of a run in a finished folder, which finds nothing to do."""
    started_s = time.perf_counter()
    command = [sys.executable, "-m", "snakemake", "--cores", "2"]
    done = subprocess.run(command, cwd=run, capture_output=True, text=True, check=True)
    seconds = time.perf_counter() - started_s
    if "Nothing to be done" not in done.stdout + done.stderr:
        raise SystemExit(f"{run}: the run is not finished: snakemake has something to do there")
    return seconds


if __name__ == "__main__":
    main()
