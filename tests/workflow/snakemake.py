"""Runs the real workflow in a folder of its own."""

import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
TINY = ROOT / "config" / "tiny.yaml"
SNAKEMAKE = Path(sys.executable).parent / "snakemake"


class Running(subprocess.Popen[str]):
    """A Snakemake in a process group of its own; a test that fails or whose time is over ends it and its jobs."""

    def __exit__(self, kind: Any, value: Any, trace: Any) -> None:
        if kind is not None and self.poll() is None:
            os.killpg(self.pid, signal.SIGKILL)
        super().__exit__(kind, value, trace)


def snakemake(directory: Path, *arguments: str, **where: Any) -> subprocess.CompletedProcess[str]:
    """Run Snakemake on this repository's workflow, with `directory` as the working folder."""
    with start_snakemake(directory, *arguments, **where) as running:
        out, told = running.communicate()
    return subprocess.CompletedProcess(running.args, running.returncode, out, told)


def start_snakemake(
    directory: Path,
    *arguments: str,
    config: Path | None = None,
    environment: Mapping[str, str] | None = None,
    snakefile: Path = ROOT / "workflow" / "Snakefile",
) -> Running:
    """Start Snakemake as `snakemake` does, without waiting for its end; `environment` adds variables."""
    command = [SNAKEMAKE, "--snakefile", snakefile, "--directory", directory]
    command += ["--configfile", config] if config else []
    variables = {name: value for name, value in os.environ.items() if not name.startswith("SLURM")}
    variables |= environment or {}
    pipe = subprocess.PIPE
    return Running(
        [*command, *arguments],
        env=variables,
        stdout=pipe,
        stderr=pipe,
        text=True,
        preexec_fn=_heed_interrupts,
        process_group=0,
    )


def _heed_interrupts() -> None:
    """Let the child end on SIGINT, also where the tests run in the background of a shell, which ignores it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def planned(done: subprocess.CompletedProcess[str]) -> Counter[str]:
    """Return how many jobs of each rule a dry run announced, the target `all` left out."""
    assert done.returncode == 0, done.stderr
    if "Nothing to be done" in done.stdout + done.stderr:
        return Counter()
    announced = re.search(r"^\d+ jobs: (.*)$", done.stdout, re.MULTILINE)
    assert announced, done.stdout + done.stderr
    counts = Counter({rule: int(count) for count, rule in (part.split() for part in announced[1].split(", "))})
    del counts["all"]
    return counts


def jobs(done: subprocess.CompletedProcess[str]) -> set[str]:
    """Return the jobs that a dry run announced, as `rule wildcards`, the target `all` left out."""
    planned(done)
    return {match[1] for match in re.finditer(r"^  (\S.*?): ", done.stdout, re.MULTILINE)} - {"all"}
