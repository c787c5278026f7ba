"""Frees a folder from the lock of a Snakemake that was killed.

Snakemake locks the folder it works in by files that do not say whose they are. A Snakemake that ends by SIGKILL or a
power cut leaves them, and the next one refuses to start until somebody runs `snakemake --unlock`. So every run of ours
keeps a record: its machine, and the lock files it made. It holds a `flock` on the record, which the kernel frees when
the process ends, however it ends. A lock is removed only where a record proves that it is the lock of a run of this
machine that is dead, and nothing that this run started works on.
"""

import atexit
import fcntl
import json
import os
import secrets
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

VARIABLE = "STYLEALIGN_RUN"
"""Names the record of the run that a process belongs to."""
UNLOCK = "make sure, then run `snakemake --unlock`"
_own: dict[Path, tuple[Path, int]] = {}
"""Record and its open file of this process's run in each folder."""


def enter(folder: Path) -> str | None:
    """Begin a run in `folder`, which lasts until this process ends, and remove the lock of a dead one.

    Returns:
        What a person should know: that a lock was removed, or why that of a dead run has to stay.
    """
    state = folder.resolve() / ".snakemake"
    if state in _own:
        return None
    try:
        (state / "runs").mkdir(parents=True, exist_ok=True)
        with _gate(state):
            told = _free(state)
            name = str(state / "runs" / f"{secrets.token_hex(6)}.json")
            handle = os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)  # readable as the umask has it
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # not ours to write, or a file system without flock: nothing is proved, Snakemake's own lock holds
        return None
    _own[state] = Path(name), handle
    os.environ[VARIABLE] = name
    _write(handle, [])
    atexit.register(_leave, state, os.getpid())
    return told


def note_locks(folder: Path) -> None:
    """Note which lock files are there: called when Snakemake has just made its own."""
    state = folder.resolve() / ".snakemake"
    if state in _own:
        _write(_own[state][1], [_identity(path) for path in _locks(state)])


def _leave(state: Path, pid: int) -> None:
    if os.getpid() == pid:  # not in a fork
        _own[state][0].unlink(missing_ok=True)


def _write(handle: int, locks: list[list[Any]]) -> None:
    record = {"host": socket.gethostname(), "pid": os.getpid(), "locks": locks}
    os.pwrite(handle, json.dumps(record).encode(), 0)
    os.fsync(handle)


@contextmanager
def _gate(state: Path) -> Iterator[None]:
    """Keep the runs of a folder from beginning at the same time."""
    handle = os.open(state / "runs" / "gate", os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _locks(state: Path) -> list[Path]:
    return sorted((state / "locks").glob("*.lock"))


def _identity(path: Path) -> list[Any]:
    status = path.stat()
    return [path.name, status.st_ino, status.st_mtime_ns]


def _free(state: Path) -> str | None:
    """Remove the lock that a dead run left, if that is safe, and the records of dead runs; return what to tell."""
    records = sorted((state / "runs").glob("*.json"))
    dead = {path: record for path in records if (record := _record_of_dead(path)) is not None}
    locks = _locks(state)
    if not locks:
        _remove(dead)
        return None
    if len(dead) < len(records):  # a run goes on; Snakemake says so itself
        return None
    made = [entry for record in dead.values() for entry in record["locks"]]
    if not dead or any(_identity(path) not in made for path in locks):
        return None  # nothing is known of whoever made it
    hosts = {record["host"] for record in dead.values()} - {socket.gethostname()}
    if hosts:
        return f"the folder was locked on another machine ({', '.join(sorted(hosts))}); {UNLOCK}"
    jobs = _cluster_jobs(state)
    if jobs:
        return (
            f"the run that locked the folder was killed, and cluster jobs of it may go on ({' '.join(jobs)}):"
            f" `squeue` shows them, `scancel {' '.join(jobs)}` ends them; {UNLOCK}"
        )
    left = _processes_of(dead)
    if left:
        return (
            f"the run that locked the folder was killed, but a process of it goes on: {left[0]};"
            " wait for its end, or end it, then start again"
        )
    _remove([*locks, *dead])
    return "the run that had locked the folder was killed; its lock is removed"


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def _record_of_dead(path: Path) -> dict[str, Any] | None:
    """Return the record of a run whose process is gone; None where it runs, or where that cannot be told."""
    try:
        with path.open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            record = json.loads(file.read() or b'{"host": "", "locks": []}')
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) else None


def _cluster_jobs(state: Path) -> list[str]:
    """Return the ids of the cluster jobs whose outputs Snakemake calls incomplete."""
    ids = set()
    for path in (state / "incomplete").glob("*"):
        with suppress(OSError, ValueError, AttributeError):
            ids.add(json.loads(path.read_text()).get("external_jobid"))
    return sorted(ids - {None})


def _processes_of(records: Iterable[Path]) -> list[str]:
    """Return the processes that runs have started, directly or not, and that go on: they inherit VARIABLE."""
    marks = {f"{VARIABLE}={path}".encode() for path in records}
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if marks & set((process / "environ").read_bytes().split(b"\0")):
                words = (process / "cmdline").read_text(errors="replace").replace("\0", " ")
                found.append(f"{process.name} ({words[:80].strip()})")
    return sorted(found)
