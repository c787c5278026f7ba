"""What the ledger needs of Snakemake: the configuration of a run, whether the run is finished, and `--touch`."""

import dataclasses
import re
import subprocess
import sys
from pathlib import Path

from stylealign.config import Config, default_file, installed_snakefile, load_config, repository_of
from stylealign.errors import StyleAlignError

SNAKEFILE = Path("workflow") / "Snakefile"
DVC_DIR = ".dvc"
NOTHING = "Nothing to be done"


@dataclasses.dataclass(frozen=True)
class Run:
    """A run of the workflow.

    Attributes:
        root: the repository: it has `workflow/Snakefile` and `.dvc`.
        directory: folder that the run's `data/` and `results/` are in (Snakemake's `--directory`).
        configfile: its configuration.
        config: the validated content.
    """

    root: Path
    directory: Path
    configfile: Path
    config: Config

    @property
    def ledger(self) -> Path:
        """Folder of pointers and manifest, in git: `ledger/`, or for another folder of the repository `ledger/THAT`."""
        return self.root / "ledger" / self.directory.relative_to(self.root)


def find_run(directory: Path, configfile: Path | None) -> Run:
    """Return the run in a folder of the repository.

    Args:
        directory: Snakemake's `--directory`.
        configfile: Snakemake's `--configfile`; None takes `config/config.yaml` of the folder, else of the repository.

    Raises:
        StyleAlignError: not a folder of the repository, or an invalid configuration.
    """
    directory = directory.resolve()
    root = repository_of(directory)
    if root is None:
        raise StyleAlignError(f"--directory: {directory} is not in a repository with {SNAKEFILE}; run it in one")
    if not (root / DVC_DIR).is_dir():
        raise StyleAlignError(f"{root / DVC_DIR}: no such folder; set DVC up with `dvc init`")
    named = [] if configfile is None else [configfile.resolve()]
    chosen = named[0] if named else default_file(directory, root)
    return Run(root, directory, chosen, load_config(directory, root, named))


def workflow_verbs(run: Run) -> list[str]:
    """Return the verbs whose versions the rules depend on."""
    return _named_in_rules(run, r'version\("([\w-]+)"\)')


def workflow_kinds(run: Run) -> list[str]:
    """Return the kinds of measurement whose versions the rules depend on."""
    return _named_in_rules(run, r'kind\("(\w+)"\)\.version')


def _named_in_rules(run: Run, pattern: str) -> list[str]:
    texts = (path.read_text(encoding="utf-8") for path in sorted(_rules(run).glob("*.smk")))
    return sorted({name for text in texts for name in re.findall(pattern, text)})


def _rules(run: Run) -> Path:
    """Return the folder of the rules: the repository's own, or the installed ones of a folder of `stylealign init`."""
    own = run.root / "workflow" / "rules"
    return own if own.is_dir() else installed_snakefile().parent / "rules"


def unfinished(run: Run) -> str | None:
    """Return what Snakemake would still do, in one line, or None when there is nothing."""
    done = _snakemake(run, "--dry-run")
    told = done.stdout + done.stderr
    if done.returncode == 0 and NOTHING in told:
        return None
    jobs = re.search(r"^\d+ jobs: .*$", told, re.MULTILINE)
    return jobs[0] if jobs else _last_line(told)


def touch(run: Run) -> None:
    """Tell Snakemake that every output is up to date and was made with the present settings.

    Raises:
        StyleAlignError: Snakemake refused: another run holds the folder, or files are missing.
    """
    done = _snakemake(run, "--touch", "--forceall", "--cores", "1")
    if done.returncode != 0:
        raise StyleAlignError(f"snakemake --touch failed: {_last_line(done.stdout + done.stderr)}")


def _snakemake(run: Run, *arguments: str) -> subprocess.CompletedProcess[str]:
    files: list[str | Path] = ["--snakefile", run.root / SNAKEFILE, "--directory", run.directory]
    command = [sys.executable, "-m", "snakemake", *files, "--configfile", run.configfile, *arguments]
    return subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"
