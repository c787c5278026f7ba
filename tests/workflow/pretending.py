"""A finished run without its work: every job writes names, so that a dry run says what runs again."""

import subprocess
from pathlib import Path

from tests.workflow.snakemake import ROOT, jobs, snakemake

SNAKEFILE = """\
include: "{workflow}"


workflow.default_target = "all"


def pretend(_, output, *others, **named):
    for path in output:
        Path(path).write_text(path)


for own in workflow.rules:
    if own.shellcmd:
        own.run_func, own._benchmark = pretend, None
"""


class PretendedRun:
    """A run in a folder of its own, of which some files are asked for.

    Args:
        directory: the folder.
        config: the configuration as YAML.
        targets: files of the run.
    """

    def __init__(self, directory: Path, config: str, targets: list[str]) -> None:
        self.directory, self.targets = directory, targets
        self.snakefile = directory / "Snakefile"
        self.snakefile.write_text(SNAKEFILE.format(workflow=ROOT / "workflow" / "Snakefile"))
        done = self._snakemake(config, "--cores", "1")
        assert done.returncode == 0, done.stderr

    def again(self, config: str, *targets: str) -> set[str]:
        """Return the jobs, as `rule wildcards`, that another configuration runs of some targets; all by default."""
        return jobs(self._snakemake(config, "-n", targets=targets))

    def _snakemake(self, config: str, *flags: str, targets: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
        path = self.directory / "pretended.yaml"
        path.write_text(config)
        flags = ("--workflow-profile", str(ROOT / "workflow" / "profiles" / "default"), *flags)
        wanted = targets or self.targets
        return snakemake(self.directory, *flags, "--", *wanted, config=path, snakefile=self.snakefile)
