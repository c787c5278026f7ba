"""GPU leases between the jobs of one machine, and a thread count that fits the CPUs a job may use. Imports no torch.

Snakemake counts GPUs but assigns none. A lease is a `flock` on one file a device: the kernel frees it when the process
that holds it ends, however it ends.
"""

import fcntl
import math
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from stylealign.errors import StyleAlignError

if TYPE_CHECKING:
    import torch

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
WAIT_BETWEEN_TRIES_S = 0.5


def visible_devices(environment: Mapping[str, str], device_files: Path = Path("/dev")) -> list[str]:
    """Return the ids of the GPUs this process may use: those CUDA_VISIBLE_DEVICES names, else the machine's.

    Some versions of Slurm write `NoDevFiles` for none.
    """
    if "CUDA_VISIBLE_DEVICES" in environment:
        ids = [part.strip() for part in environment["CUDA_VISIBLE_DEVICES"].split(",")]
        return [] if ids[0] in ("", "-1", "NoDevFiles") else [part for part in ids if part]
    count = sum(bool(re.fullmatch(r"nvidia\d+", path.name)) for path in device_files.iterdir())
    return [str(index) for index in range(count)]


def leased_environment(
    count: int, environment: Mapping[str, str], notify: Callable[[str], None], lease_dir: Path | None = None
) -> dict[str, str]:
    """Wait for `count` free GPUs, lease them to this process and return the variables that select them.

    Args:
        count: GPUs wanted; 0 hides every GPU.
        environment: the process's variables.
        notify: gets one line where something is other than asked for, or has to wait.
        lease_dir: where the lock files lie; by default one folder for the whole machine.

    Returns:
        The variables to add to the environment of the command. The leases stay with this process, and with the one it
        turns into by `exec`.

    Inside a Slurm job the allocation decides: nothing is hidden from a job that asks for no GPU here (it may have got
    one as `gres`), and leases are among the jobs of one allocation, since two allocations on one node may both call a
    device of theirs `0`.
    """
    allocation = environment.get("SLURM_JOB_ID")
    if allocation and (count == 0 or "CUDA_VISIBLE_DEVICES" not in environment):
        return {}
    if count == 0:
        return {"CUDA_VISIBLE_DEVICES": ""}
    devices = visible_devices(environment)
    if not devices:
        notify(f"no GPU on this machine ({count} asked for): runs on the CPU")
        return {"CUDA_VISIBLE_DEVICES": ""}
    if count > len(devices):
        notify(f"{count} GPUs asked for, {len(devices)} here: runs on {len(devices)}")
        count = len(devices)
    lease_dir = lease_dir or Path(tempfile.gettempdir()) / "stylealign-gpu-leases"
    leased = _lease(devices, count, lease_dir, f"slurm-{allocation}-" if allocation else "", notify)
    # Ids that somebody else chose are meant in the order that he set, or left as it is.
    order = {} if "CUDA_VISIBLE_DEVICES" in environment else {"CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
    return {"CUDA_VISIBLE_DEVICES": ",".join(leased), **order}


def _lease(devices: Sequence[str], count: int, lease_dir: Path, scope: str, notify: Callable[[str], None]) -> list[str]:
    """Lock `count` of `devices` and return them; `scope` begins the names of the locks of those that share devices.

    Whoever waits holds the gate and keeps what it has got, so the next in line cannot take devices from under a job
    that needs two, and two such jobs cannot wait for each other.
    """
    gate = _open_lock(lease_dir, f"{scope}gate")
    fcntl.flock(gate, fcntl.LOCK_EX)
    leased: list[str] = []
    told = False
    while True:
        for device in devices:
            name = f"{scope}device-{device}"
            if device not in leased and len(leased) < count and _try_lock(_open_lock(lease_dir, name)):
                leased.append(device)
        if len(leased) == count:
            os.close(gate)
            return sorted(leased, key=devices.index)
        if not told:
            notify(f"waits for {count - len(leased)} of {len(devices)} GPUs")
            told = True
        time.sleep(WAIT_BETWEEN_TRIES_S)


def _open_lock(lease_dir: Path, name: str) -> int:
    """Open a lock file that every user of the machine can lock."""
    try:
        if not lease_dir.exists():
            lease_dir.mkdir(parents=True, exist_ok=True)
            with suppress(PermissionError):
                lease_dir.chmod(0o1777)
        path = lease_dir / re.sub(r"[^\w.-]", "_", name)
        try:  # without O_CREAT first: in a folder like /tmp, Linux refuses it for another user's file
            handle = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
        except FileNotFoundError:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
    except OSError as error:
        raise StyleAlignError(f"{lease_dir}: GPU leases cannot be kept there ({error.strerror}); set TMPDIR") from error
    with suppress(PermissionError):
        os.chmod(path, 0o666)
    os.set_inheritable(handle, True)
    return handle


def _try_lock(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return False
    return True


def thread_limits(environment: Mapping[str, str], cpus: int) -> dict[str, str]:
    """Return thread-count variables that ask for no more than `cpus`; what asks for fewer stays as it is."""
    wanted = environment.get("OMP_NUM_THREADS", "")
    threads = min(int(wanted), cpus) if wanted.isdecimal() and int(wanted) > 0 else cpus
    return dict.fromkeys(THREAD_VARIABLES, str(threads))


def usable_cpus(root: Path = Path("/")) -> int:
    """Return how many CPUs this process may keep busy: those it may run on, or what a container's quota leaves.

    Args:
        root: folder that `proc` and `sys` are in.
    """
    quota = cpu_quota(root)
    cpus = len(os.sched_getaffinity(0))
    return cpus if quota is None else min(cpus, max(1, math.ceil(quota)))


def cpu_quota(root: Path = Path("/")) -> float | None:
    """Return the CPUs that the control groups of this process leave to it, None where nothing is limited.

    Version 2 has one tree with `cpu.max`; version 1 a tree of the cpu controller with `cpu.cfs_quota_us`. A limit of a
    group holds for the groups in it. Inside a container the tree often begins at the container's own group, so that
    the group's path is not found in it: the root counts then.
    """
    quotas = []
    for line in _text(root / "proc" / "self" / "cgroup").splitlines():
        _, controllers, group = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        tree = root / "sys" / "fs" / "cgroup"
        if controllers:
            tree /= controllers if (tree / controllers).is_dir() else "cpu"
        inner = tree / group.strip("/")
        folders = [inner, *inner.parents[: len(inner.parts) - len(tree.parts)]]
        quotas += [_quota_of(folder) for folder in folders]
    return min((quota for quota in quotas if quota is not None), default=None)


def _quota_of(group: Path) -> float | None:
    """Return the CPUs that a control group may use, None without a limit."""
    quota, _, period = _text(group / "cpu.max").strip().partition(" ")
    if not quota:
        quota, period = (_text(group / f"cpu.cfs_{name}_us").strip() for name in ("quota", "period"))
    limited = quota.isdecimal() and period.isdecimal() and int(period) > 0
    return int(quota) / int(period) if limited else None


def _text(path: Path) -> str:
    """Return the content of a file of the kernel, nothing where there is none."""
    try:
        return path.read_text()
    except OSError:
        return ""


def compute_device() -> "torch.device":
    """Return the GPU where there is one (CUDA_VISIBLE_DEVICES chooses), else the CPU. Imports torch."""
    import torch

    if torch.cuda.is_available():
        return torch.device("cuda")
    note_missing_gpus(os.environ.get("CUDA_VISIBLE_DEVICES", ""))
    return torch.device("cpu")


@cache
def note_missing_gpus(named: str) -> None:
    """Say once that none of the GPUs that CUDA_VISIBLE_DEVICES names is there, where it names some."""
    if visible_devices({"CUDA_VISIBLE_DEVICES": named}):
        line = f"note: PyTorch finds no GPU of CUDA_VISIBLE_DEVICES={named}: the CPU computes"
        print(line, file=sys.stderr, flush=True)


def moved(tensor: "torch.Tensor", device: "torch.device") -> "torch.Tensor":
    """Put a tensor of the CPU on a device; the program does not wait for a GPU to take it."""
    if device.type != "cuda" or tensor.is_cuda:
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)
