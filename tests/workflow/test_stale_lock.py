"""A folder that a killed Snakemake had locked is free again, and no other one."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from snakemake_logger_plugin_stylealign import stale_lock
from tests.workflow.snakemake import ROOT, snakemake, start_snakemake

REMOVED = "the run that had locked the folder was killed; its lock is removed"
# One job that tells its process id and waits for the end of a pipe; then the same is done at once.
WORKFLOW = f"""
import sys
include: "{ROOT}/workflow/rules/processes.smk"
rule wait:
    output: "done.txt"
    shell: "stylealign gpu-run -n 0 -- sh -c 'echo $$ > pid; read line < pipe || true; touch done.txt' &> job.log"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "Snakefile").write_text(WORKFLOW)
    os.mkfifo(tmp_path / "pipe")
    return tmp_path


def start(folder: Path) -> subprocess.Popen[str]:
    arguments = ["--cores", "1", "--rerun-incomplete"]
    return start_snakemake(folder, *arguments, snakefile=folder / "Snakefile")


def again(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return snakemake(folder, "--cores", "1", "--rerun-incomplete", *arguments, snakefile=folder / "Snakefile")


@contextmanager
def waiting_run(folder: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A run whose job waits, and the writing end of its pipe; both are gone at the end."""
    with start(folder) as running:
        pipe = os.open(folder / "pipe", os.O_WRONLY)  # waits until the job reads
        try:
            yield running, pipe
        finally:
            os.close(pipe)
            running.kill()


def kill(running: subprocess.Popen[str]) -> None:
    running.send_signal(signal.SIGKILL)
    running.communicate()


def locks(folder: Path) -> list[Path]:
    return list((folder / ".snakemake" / "locks").glob("*"))


# A run: begins, makes a lock as Snakemake does, notes it, and waits until it is killed.
RUN = """
import sys
from pathlib import Path
from snakemake_logger_plugin_stylealign import stale_lock
folder = Path(sys.argv[1])
print(stale_lock.enter(folder), flush=True)
(folder / ".snakemake/locks").mkdir(exist_ok=True)
for name in sys.argv[2:]:
    (folder / ".snakemake/locks" / name).write_text("a.txt")
stale_lock.note_locks(folder)
print("ready", flush=True)
sys.stdin.read()
"""


@contextmanager
def process(folder: Path, *names: str) -> Iterator[str]:
    """A run that has made lock files of these names; yields what it told at its begin."""
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", RUN, str(folder), *names]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as running:
        assert running.stdout is not None
        told = running.stdout.readline().strip()
        assert running.stdout.readline() == "ready\n"
        yield told
        running.kill()


def killed_run(folder: Path) -> Path:
    """Let a run be killed in `folder` and return its record."""
    with process(folder, "0.input.lock", "0.output.lock"):
        pass
    (record,) = (folder / ".snakemake" / "runs").glob("*.json")
    return record


def test_the_lock_of_a_dead_run_is_removed_once(tmp_path: Path) -> None:
    record = killed_run(tmp_path)
    with process(tmp_path) as told:
        assert told == REMOVED
        assert not locks(tmp_path)
        assert not record.exists()
        with process(tmp_path, "0.output.lock") as second:
            assert second == "None"
        with process(tmp_path) as third:  # the second is dead, the first is not
            assert third == "None"
            assert len(locks(tmp_path)) == 1


def test_a_run_that_ends_leaves_no_record(tmp_path: Path) -> None:
    code = "import sys, pathlib, snakemake_logger_plugin_stylealign.stale_lock as s; s.enter(pathlib.Path(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
    assert [path.name for path in (tmp_path / ".snakemake" / "runs").iterdir()] == ["gate"]


def test_the_lock_of_another_machine_stays(tmp_path: Path) -> None:
    record = killed_run(tmp_path)
    values = json.loads(record.read_text())
    assert values["host"] == socket.gethostname()
    record.write_text(json.dumps(values | {"host": "login2"}))
    with process(tmp_path) as told:
        assert told.startswith("the folder was locked on another machine (login2)")
        assert len(locks(tmp_path)) == 2


def test_a_lock_that_no_dead_run_made_stays(tmp_path: Path) -> None:
    killed_run(tmp_path)
    (tmp_path / ".snakemake" / "locks" / "1.output.lock").write_text("b.txt")  # a Snakemake of another workflow
    with process(tmp_path) as told:
        assert told == "None"
        assert len(locks(tmp_path)) == 3


def test_a_lock_stays_while_cluster_jobs_may_go_on(tmp_path: Path) -> None:
    killed_run(tmp_path)
    (tmp_path / ".snakemake" / "incomplete").mkdir()
    for name, job in (("a", "71"), ("b", None), ("c", "72")):
        (tmp_path / ".snakemake" / "incomplete" / name).write_text(json.dumps({"external_jobid": job}))
    with process(tmp_path) as told:
        assert "`scancel 71 72` ends them" in told
        assert len(locks(tmp_path)) == 2


def test_a_folder_that_cannot_be_written_to_is_left_to_snakemake(tmp_path: Path) -> None:
    (tmp_path / ".snakemake").touch()
    assert stale_lock.enter(tmp_path) is None


@pytest.mark.workflow
def test_after_a_killed_run_and_its_job_the_next_goes_on(folder: Path) -> None:
    with waiting_run(folder) as (running, _):
        kill(running)
        job = int((folder / "pid").read_text())
        assert locks(folder)
        refused = again(folder)
        assert refused.returncode == 1, "the job of the killed run still works"
        assert f"a process of it goes on: {job} (" in refused.stderr
        os.kill(job, signal.SIGKILL)
    pipe = os.open(folder / "pipe", os.O_RDWR)  # nothing to wait for: the next reader gets a line
    os.write(pipe, b"\n" * 9)  # on a busy machine the killed job still takes one before it is gone
    done = again(folder)
    os.close(pipe)
    assert REMOVED in done.stderr
    assert done.returncode == 0, done.stderr
    assert (folder / "done.txt").exists()
    assert not locks(folder)
    assert not list((folder / ".snakemake" / "runs").glob("*.json"))


@pytest.mark.workflow
def test_the_lock_of_a_living_run_stays(folder: Path) -> None:
    with waiting_run(folder) as (running, pipe):
        second = again(folder)
        assert second.returncode == 1
        assert "could not be locked" in second.stderr.lower() or "LockException" in second.stderr
        assert REMOVED not in second.stderr
        assert len(locks(folder)) == 1
        os.write(pipe, b"\n")
        _, told = running.communicate()
        assert running.returncode == 0, told
