"""A real Slurm of one node with simulated GPUs, with its own state folder, ports and keys."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

DAEMONS = ("munged", "slurmctld", "slurmd")
START_S = 60
KILL_WAIT_S = 20
ANSWER_S = 60
GPUS = ("/dev/null", "/dev/zero")
"""Device files that stand for GPUs: Slurm only looks whether they are devices."""
GROUPED = 4
"""CPUs of the profile's groups: a Slurm job of four jobs of one thread asks for as many."""
DAEMON_PATH = os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin"


def reason_to_skip() -> str | None:
    """Return why no Slurm can be started here, or None."""
    missing = [name for name in (*DAEMONS, "sbatch", "setpriv") if shutil.which(name, path=DAEMON_PATH) is None]
    if missing:
        return f"no {', '.join(missing)} here; on Debian: apt-get install slurm-wlm munge"
    if os.geteuid() != 0:
        return "Slurm's daemons need root"
    return None


@dataclass(frozen=True)
class Cluster:
    """A running Slurm."""

    directory: Path
    environment: Mapping[str, str]
    """What a command needs to reach it."""

    def command(self, *words: str) -> str:
        """Run a Slurm command and return what it prints."""
        environment = {**os.environ, **self.environment}
        done = subprocess.run(words, env=environment, capture_output=True, text=True, check=True, timeout=ANSWER_S)
        return done.stdout.strip()

    def jobs(self, *states: str) -> list[str]:
        """Return the ids of the jobs in these states, by default of those that wait or run."""
        flags = [f"--states={','.join(states)}"] if states else []
        return self.command("squeue", "--noheader", "--format=%i", *flags).split()


@contextmanager
def slurm() -> Iterator[Cluster]:
    """Start a Slurm, and stop it with everything it runs, whatever happens in the block."""
    directory = Path(tempfile.mkdtemp(prefix="stylealign-slurm-"))
    directory.chmod(0o755)  # munge refuses folders that others could write to
    processes: list[subprocess.Popen[bytes]] = []
    environment = {"SLURM_CONF": str(directory / "slurm.conf"), "PATH": f"{directory / 'bin'}:{os.environ['PATH']}"}
    cluster = Cluster(directory, environment)
    try:
        _configure(directory)
        munge = [
            f"--{name}={directory / file}"
            for name, file in (
                ("socket", "munge.socket"),
                ("key-file", "munge.key"),
                ("seed-file", "munge.seed"),
                ("pid-file", "munge.pid"),
            )
        ]
        processes.append(_daemon(directory, "munged", "--foreground", *munge))
        _wait_for(lambda: (directory / "munge.socket").exists(), processes, directory)
        processes.append(_daemon(directory, "slurmctld", "-D"))
        processes.append(_daemon(directory, "slurmd", "-D"))
        _wait_for(lambda: _is_idle(cluster), processes, directory)
        yield cluster
    finally:
        _stop(cluster, processes)
        shutil.rmtree(directory, ignore_errors=True)


def _configure(directory: Path) -> None:
    """Write the configuration: one node, with simulated GPUs and memory for all jobs that its CPUs can take."""
    (directory / "munge.key").write_bytes(os.urandom(128))
    (directory / "munge.key").chmod(0o600)
    host = socket.gethostname().split(".")[0]
    controller_port, node_port = _free_ports(2)
    (directory / "gres.conf").write_text("".join(f"Name=gpu File={file}\n" for file in GPUS))
    (directory / "slurm.conf").write_text(f"""\
ClusterName=stylealign
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={directory}/munge.socket
CredType=cred/munge
StateSaveLocation={directory}/state
SlurmdSpoolDir={directory}/spool
SlurmctldPidFile={directory}/slurmctld.pid
SlurmdPidFile={directory}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
ReturnToService=2
SlurmdParameters=config_overrides
SchedulerParameters=sched_interval=2,batch_sched_delay=0
KillWait={KILL_WAIT_S}
GresTypes=gpu
NodeName={host} NodeAddr=127.0.0.1 CPUs={max(GROUPED, os.cpu_count() or 1)} RealMemory=32000 Gres=gpu:{len(GPUS)}
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP
""")
    for name in ("state", "spool", "bin"):
        (directory / name).mkdir()
    # The executor plugin starts the job's step without SLURM_CONF.
    srun = directory / "bin" / "srun"
    srun.write_text(f'#!/bin/sh\nSLURM_CONF={directory}/slurm.conf exec {shutil.which("srun")} "$@"\n')
    srun.chmod(0o755)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def _daemon(directory: Path, name: str, *arguments: str) -> subprocess.Popen[bytes]:
    """Start a daemon in a session of its own; its output goes to NAME.out."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("SLURM")}
    environment |= {"PATH": DAEMON_PATH, "SLURM_CONF": str(directory / "slurm.conf")}
    program = shutil.which(name, path=DAEMON_PATH)
    assert program is not None
    # It ends with this process, should that be killed.
    command = ["setpriv", "--pdeathsig", "TERM", program, *arguments]
    with (directory / f"{name}.out").open("wb") as out:
        return subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _wait_for(is_ready, processes: list[subprocess.Popen[bytes]], directory: Path) -> None:  # type: ignore[no-untyped-def]
    end = time.monotonic() + START_S
    while not is_ready():
        if time.monotonic() > end or any(process.poll() is not None for process in processes):
            told = "".join(f"== {path.name}\n{path.read_text()[-2000:]}\n" for path in directory.glob("*.out"))
            raise RuntimeError(f"Slurm did not start:\n{told}")
        time.sleep(0.2)


def _is_idle(cluster: Cluster) -> bool:
    try:
        return cluster.command("sinfo", "--noheader", "--format=%t") == "idle"
    except subprocess.SubprocessError:
        return False


def _stop(cluster: Cluster, processes: list[subprocess.Popen[bytes]]) -> None:
    """End the jobs, then the daemons, the last one first."""
    if len(processes) == len(DAEMONS):
        try:
            cluster.command("scancel", "--signal=KILL", "--full", "--user=root")
            cluster.command("scancel", "--user=root")
            end = time.monotonic() + KILL_WAIT_S + 10
            while time.monotonic() < end and cluster.jobs("RUNNING", "COMPLETING", "PENDING"):
                time.sleep(0.2)
        except subprocess.SubprocessError:
            pass  # a daemon is gone; the rest is stopped below
    for process in reversed(processes):
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    _kill_what_is_left(cluster.directory)


def _kill_what_is_left(directory: Path) -> None:
    """End the processes of jobs that outlived the daemons: their environment names this Slurm."""
    mark = f"SLURM_CONF={directory / 'slurm.conf'}".encode()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if mark in (process / "environ").read_bytes().split(b"\0"):
                os.kill(int(process.name), signal.SIGKILL)
