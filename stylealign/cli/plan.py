"""`stylealign plan`: what a run takes before it starts: CPU- and GPU-hours, disk, downloads, by stage."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from stylealign.cli.arguments import at_least
from stylealign.config import known_models, load_config
from stylealign.devices import usable_cpus, visible_devices
from stylealign.errors import StyleAlignError
from stylealign.experiment import Experiment
from stylealign.planning.costs import Costs
from stylealign.planning.plan import Job, as_json, as_text, make_plan, read_jobs
from stylealign.work.rates import CARD, load_rates

SNAKEFILE = Path("workflow/Snakefile")
OURS = "snakemake: "
"""Begins what the workflow itself says of a mistake."""
NO_REASON = ("Using ", "Building DAG", "host:", "Config file ")
"""Begin lines that Snakemake writes whatever happens."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument(
        "--configfile",
        type=Path,
        nargs="+",
        default=[],
        metavar="FILE",
        help="configuration, the later files over the earlier ones. Default: as Snakemake's",
    )
    parser.add_argument(
        "--directory", type=Path, default=Path(), metavar="DIR", help="folder of the run. Default: here"
    )
    parser.add_argument("--all", action="store_true", help="count every job, also those whose results are there")
    parser.add_argument("--cores", type=at_least(1), metavar="N", help="cores of the machine. Default: this one's")
    parser.add_argument(
        "--gpus", type=at_least(0), metavar="N", help="GPUs of the machine. Default: this one's, at least 1"
    )
    parser.add_argument(
        "--device",
        choices=("auto", "cpu", "gpu"),
        default="auto",
        help="where jobs that can use a GPU run. Default: on a GPU, if any, where images are larger than 128 px",
    )
    parser.add_argument(
        "--card", choices=sorted(load_rates().gpus), default=CARD, help=f"GPU that is reckoned with. Default: {CARD}"
    )
    parser.add_argument("--json", action="store_true", help="print a JSON object instead of a table")
    parser.add_argument("--snakefile", type=Path, default=SNAKEFILE, metavar="FILE", help=f"Default: {SNAKEFILE}")


def run(arguments: argparse.Namespace) -> None:
    """Print the plan."""
    if not arguments.snakefile.is_file():
        raise StyleAlignError(
            f"{arguments.snakefile}: no such file; start it in a folder of stylealign init or in the repository, or "
            "give --snakefile"
        )
    root = arguments.snakefile.resolve().parents[1]
    config = load_config(arguments.directory, root, arguments.configfile)
    asked = Experiment(config, known_models(root), arguments.directory)
    costs = Costs(asked.sized(), asked.zoo.size_mb, asked.zoo.archive, arguments.card)
    cores = arguments.cores or usable_cpus()
    gpus = arguments.gpus if arguments.gpus is not None else len(visible_devices(os.environ)) or 1
    if gpus == 0 and arguments.device == "gpu":
        raise StyleAlignError("--device gpu: with --gpus 0 there is none; leave out one of them")
    plan = make_plan(_planned(arguments, cores, gpus), costs, cores, gpus, arguments.device)
    if arguments.json:
        print(json.dumps(as_json(plan) | {"notes": asked.notes()}, indent=2))
    else:
        print(as_text(plan), *asked.notes(), sep="\n")


def _planned(arguments: argparse.Namespace, cores: int, gpus: int) -> list[Job]:
    """Return the jobs of a dry run; trainings share the cores that are reckoned with, where there are no GPUs."""
    is_said = arguments.gpus is not None or arguments.device != "auto"  # else the GPUs of this machine count
    devices = "" if arguments.device == "cpu" else ",".join(map(str, range(gpus)))
    environment = {**os.environ, **({"CUDA_VISIBLE_DEVICES": devices} if is_said else {})}
    with tempfile.TemporaryDirectory() as folder:
        jobs = Path(folder) / "jobs.jsonl"
        command = [sys.executable, "-m", "snakemake", "-n", "--logger", "stylealign"]
        command += ["--logger-stylealign-jobs", str(jobs), "--snakefile", str(arguments.snakefile)]
        command += ["--directory", str(arguments.directory), "--cores", str(cores)]
        command += ["--configfile", *map(str, arguments.configfile)] if arguments.configfile else []
        command += ["--forceall"] if arguments.all else []
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        if done.returncode != 0:
            raise StyleAlignError(f"snakemake -n failed: {reason(done.stdout, done.stderr)}")
        return read_jobs(jobs)


def reason(out: str, told: str) -> str:
    """Return in one line why Snakemake failed, from what it wrote."""
    lines = [line.strip() for line in f"{told}\n{out}".splitlines()]
    ours = [line.removeprefix(OURS) for line in lines if line.startswith(OURS)]
    theirs = [line for line in lines if line and not line.startswith(NO_REASON)]
    if any(line.startswith("Traceback") for line in theirs):
        theirs = theirs[-1:]
    return " ".join(ours[-1:] or theirs) or "it said nothing"
