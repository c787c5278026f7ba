"""A repository with a workflow of three quick jobs, a DVC of its own and a remote in a folder."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from stylealign.cli.main import main

pytest.importorskip("dvc", reason="the ledger needs DVC: pip install 'stylealign[ledger]'")

SNAKEFILE = """
configfile: "config/config.yaml"

rule all:
    input: "results/tables/all.csv"

include: "rules/all.smk"
"""

RULES = """
from stylealign.versions import version

rule tables:
    input: "results/models/human/model.safetensors"
    output: "results/tables/all.csv", "results/tables/metrics.json"
    params: frames=config["morphing"]["frames"], version=version("tables")
    shell: "cp {input} {output[0]}; echo '{{\\"frames\\": {params.frames}}}' > {output[1]}"

rule train:
    input: "data/prepared/human/train.zip"
    output: "results/models/human/model.safetensors", "results/models/human/log.jsonl"
    params: version=version("train")
    shell: "mkdir -p results/runs results/logs; touch results/runs/state results/logs/log; cp {input} {output[0]}; "
        "echo log > {output[1]}"

rule draw:
    output: "data/prepared/human/train.zip"
    params: images=config["domains"]["human"]["train_images"], version=version("data")
    shell: "echo {params.images} images > {output}"
"""

CONFIG = """
domains:
  human: {draw: human, train_images: 4}
models:
  human: {domain: human, architecture: {}}
morphing: {frames: 7}
"""

DVC_CONFIG = """
[core]
    analytics = false
    check_update = false
    remote = store
['remote "store"']
    url = ../../store
"""

DVC_YAML = """
params: [config/config.yaml]
metrics: [results/tables/metrics.json]
"""


class Repository:
    """A checkout: runs commands in it, and `stylealign` with its output captured."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str] | None = None) -> None:
        self.folder, self.capsys = folder, capsys

    def path(self, name: str) -> Path:
        return self.folder / name

    def write(self, name: str, text: str) -> None:
        self.path(name).parent.mkdir(parents=True, exist_ok=True)
        self.path(name).write_text(text)

    def command(self, *words: str | Path) -> str:
        done = subprocess.run(words, cwd=self.folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def git(self, *words: str | Path) -> str:
        return self.command("git", "-c", "user.name=a", "-c", "user.email=a@example.org", *words)

    def commit(self, message: str) -> None:
        self.git("add", ".")
        self.git("commit", "--quiet", "--message", message)

    def dvc(self, *words: str | Path) -> str:
        return self.command(sys.executable, "-m", "dvc", *words)

    def snakemake(self, *words: str) -> str:
        return self.command(sys.executable, "-m", "snakemake", *words)

    def stylealign(self, verb: str, *words: str) -> tuple[int, str, str]:
        """Return exit code, stdout and stderr of a verb in this repository."""
        assert self.capsys is not None
        self.capsys.readouterr()
        code = main([verb, "--directory", str(self.folder), *words])
        captured = self.capsys.readouterr()
        return code, captured.out, captured.err

    def fails(self, verb: str, *words: str) -> str:
        """Return the one line that a verb fails with."""
        code, out, told = self.stylealign(verb, *words)
        assert (code, out) == (2, "")
        lines = told.splitlines()
        assert len(lines) == 1, told
        return lines[0]

    def files(self) -> dict[str, tuple[bytes, int]]:
        """Return bytes and time of every file that the workflow made."""
        found = [*self.path("results").rglob("*"), *self.path("data").rglob("*")]
        return {
            str(path.relative_to(self.folder)): (path.read_bytes(), path.stat().st_mtime_ns)
            for path in found
            if path.is_file() and path.name != ".snakemake_timestamp"
        }

    def clone(self, name: str) -> "Repository":
        """Return a fresh clone, as another machine has it: without a cache, with the same default remote."""
        self.git("clone", "--quiet", self.folder, self.folder.parent / name)
        return Repository(self.folder.parent / name, self.capsys)


@pytest.fixture(scope="session", autouse=True)
def _dvc_stays_here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep DVC's machine-wide folders in the tests' own, and its settings out of the tests."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("SITE_CACHE", "GLOBAL_CONFIG", "SYSTEM_CONFIG"):
            patch.setenv(f"DVC_{name}_DIR", str(tmp_path_factory.getbasetemp() / "dvc-machine" / name))
        yield


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the repository `origin`, whose workflow has run; the default remote is the folder `store`."""
    repository = Repository(tmp_path_factory.mktemp("finished") / "origin")
    repository.write("workflow/Snakefile", SNAKEFILE)
    repository.write("workflow/rules/all.smk", RULES)
    repository.write("config/config.yaml", CONFIG)
    repository.write("dvc.yaml", DVC_YAML)
    repository.write(".gitignore", "/data/\n/results/\n.snakemake/\n")
    repository.write(".dvcignore", ".snakemake\n.snakemake_timestamp\nresults/runs\nresults/logs\n")
    repository.write(".dvc/config", DVC_CONFIG)
    repository.write(".dvc/.gitignore", "/tmp\n/cache\n/config.local\n")
    repository.git("init", "--quiet")
    assert "3 of 4 steps" in repository.snakemake("--cores", "1")
    repository.commit("run")
    return repository.folder.parent


@pytest.fixture(scope="session")
def pushed(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, tracked, pushed and committed."""
    folder = tmp_path_factory.mktemp("pushed") / "copy"
    shutil.copytree(finished, folder)
    repository = Repository(folder / "origin")
    assert main(["track", "--directory", str(repository.folder), "--push"]) == 0
    repository.commit("ledger")
    return folder


@pytest.fixture
def repository(finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Repository:
    """A copy of its own for a test: a finished run."""
    return Repository(shutil.copytree(finished, tmp_path / "repository") / "origin", capsys)


@pytest.fixture
def tracked(pushed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Repository:
    """A copy of its own for a test: a finished run, tracked, pushed and committed."""
    return Repository(shutil.copytree(pushed, tmp_path / "tracked") / "origin", capsys)
