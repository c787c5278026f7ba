"""`stylealign plan`: what a run takes before it starts: CPU- and GPU-hours, disk, downloads, by stage."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

from stylealign.config import Config, validate
from stylealign.devices import usable_cpus, visible_devices
from stylealign.errors import StyleAlignError
from stylealign.planning.costs import Costs
from stylealign.planning.plan import Job, as_json, as_text, make_plan, read_jobs

SNAKEFILE = Path("workflow/Snakefile")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("--configfile", type=Path, metavar="FILE", help="configuration. Default: as Snakemake's")
    parser.add_argument(
        "--directory", type=Path, default=Path(), metavar="DIR", help="folder of the run. Default: here"
    )
    parser.add_argument("--all", action="store_true", help="count every job, also those whose results are there")
    parser.add_argument("--cores", type=int, metavar="N", help="cores of the machine. Default: this one's")
    parser.add_argument("--gpus", type=int, metavar="N", help="GPUs of the machine. Default: this one's, at least 1")
    parser.add_argument("--device", choices=("auto", "cpu", "gpu"), default="auto", help="where jobs that can use "
                        "a GPU run. Default: on a GPU where images are larger than 128 px")  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print a JSON object instead of a table")
    parser.add_argument("--snakefile", type=Path, default=SNAKEFILE, metavar="FILE", help=f"Default: {SNAKEFILE}")


def run(arguments: argparse.Namespace) -> None:
    """Print the plan."""
    if not arguments.snakefile.is_file():
        raise StyleAlignError(f"{arguments.snakefile}: no such file; start it in the repository or give --snakefile")
    configfile = arguments.configfile or _default_config(arguments)
    if not configfile.is_file():
        raise StyleAlignError(f"{configfile}: no such file (--configfile)")
    root = arguments.snakefile.resolve().parents[1]
    downloads = _Downloads(root / "data" / "zoo.yaml")
    costs = Costs(_config(configfile), downloads, downloads.archive)
    cores = arguments.cores or usable_cpus()
    gpus = arguments.gpus if arguments.gpus is not None else len(visible_devices(os.environ)) or 1
    plan = make_plan(_planned(arguments, configfile), costs, cores, gpus, arguments.device)
    print(json.dumps(as_json(plan), indent=2) if arguments.json else as_text(plan))


def _default_config(arguments: argparse.Namespace) -> Path:
    """Return the configuration that Snakemake takes when none is named."""
    own = Path(arguments.directory) / "config" / "config.yaml"
    return own if own.is_file() else arguments.snakefile.resolve().parents[1] / "config" / "config.yaml"


def _config(path: Path) -> Config:
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise StyleAlignError(f"{path}: not YAML ({' '.join(str(error).split())})") from error
    return validate(Config, values, str(path))


def _planned(arguments: argparse.Namespace, configfile: Path) -> "list[Job]":
    """Return the jobs of a dry run."""
    with tempfile.TemporaryDirectory() as folder:
        jobs = Path(folder) / "jobs.jsonl"
        command = [sys.executable, "-m", "snakemake", "-n", "--logger", "stylealign"]
        command += ["--logger-stylealign-jobs", str(jobs), "--snakefile", str(arguments.snakefile)]
        command += ["--directory", str(arguments.directory), "--configfile", str(configfile)]
        command += ["--forceall"] if arguments.all else []
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            problem = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["it said nothing"]
            raise StyleAlignError(f"snakemake -n failed: {problem[0].removeprefix('snakemake: ')}")
        return read_jobs(jobs)


class _Downloads:
    """Sizes of the downloads of the zoo, in megabytes."""

    def __init__(self, zoo: Path) -> None:
        self.zoo = yaml.safe_load(zoo.read_text(encoding="utf-8"))

    def __call__(self, kind: str, name: str) -> float | None:
        """Return the size of a download; 0 for a bundled file, None where it is not known."""
        entry = self.zoo.get(kind, {}).get(name)
        if entry is None:
            return None if "://" in name else 0.0
        size: float | None = 0.0 if "path" in entry else entry.get("size_mb")
        return size

    def archive(self, name: str) -> str:
        """Return the address of a data set's archive, which several data sets may be parts of."""
        entry = self.zoo.get("datasets", {}).get(name, {})
        return str((entry.get("urls") or [name])[0])
