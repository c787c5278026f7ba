"""`stylealign gpu-run`: leases between real processes, on simulated devices."""

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.workflow.snakemake import ROOT, snakemake

STYLEALIGN = Path(sys.executable).parent / "stylealign"
# Says which devices it got, then waits for the end of its input: the test decides when a job ends.
JOB = "import os, sys; print(os.environ['CUDA_VISIBLE_DEVICES'], flush=True); sys.stdin.read()"


class Jobs:
    """Running `gpu-run` jobs on the same simulated devices."""

    def __init__(self, tmp_path: Path, devices: str, **variables: str) -> None:
        hidden = ("SLURM_JOB_ID", "CUDA_VISIBLE_DEVICES", "TMPDIR")
        self.environment = {name: value for name, value in os.environ.items() if name not in hidden}
        self.environment |= {"TMPDIR": str(tmp_path), "CUDA_VISIBLE_DEVICES": devices, **variables}
        self.running: list[subprocess.Popen[str]] = []

    def start(self, count: int, *wrapper: str) -> subprocess.Popen[str]:
        """Start a job on `count` devices, the command maybe behind another one."""
        command = [STYLEALIGN, "gpu-run", "-n", str(count), "--", *wrapper, sys.executable, "-c", JOB]
        pipe = subprocess.PIPE
        job = subprocess.Popen(command, env=self.environment, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
        self.running.append(job)
        return job

    def end(self) -> None:
        """End every job that still runs."""
        for job in self.running:
            if job.poll() is None:
                job.kill()
            job.communicate()


def devices_of(job: subprocess.Popen[str]) -> set[str]:
    """Wait until a job has its devices and return them."""
    assert job.stdout is not None
    return set(job.stdout.readline().strip().split(","))


def wait_for_notice(job: subprocess.Popen[str]) -> str:
    """Wait until a job says on stderr that it waits."""
    assert job.stderr is not None
    return job.stderr.readline().strip()


@pytest.fixture
def jobs(tmp_path: Path, request: pytest.FixtureRequest):  # type: ignore[no-untyped-def]
    started = Jobs(tmp_path, request.param)
    yield started
    started.end()


@pytest.mark.parametrize("jobs", ["0,1,2,3"], indirect=True)
def test_four_jobs_on_four_devices_get_one_each(jobs: Jobs) -> None:
    started = [jobs.start(1) for _ in range(4)]
    assert sorted(device for job in started for device in devices_of(job)) == ["0", "1", "2", "3"]


@pytest.mark.parametrize("jobs", ["0,1"], indirect=True)
def test_jobs_of_two_devices_wait_for_each_other_without_deadlock(jobs: Jobs) -> None:
    one, other = jobs.start(2), jobs.start(2)
    ready, _, _ = select.select([one.stdout, other.stdout], [], [])
    first, second = (one, other) if one.stdout in ready else (other, one)
    assert devices_of(first) == {"0", "1"}
    assert wait_for_notice(second) == "stylealign gpu-run: waits for 2 of 2 GPUs"
    first.communicate("")
    assert devices_of(second) == {"0", "1"}


@pytest.mark.parametrize("jobs", ["0,1"], indirect=True)
def test_a_job_of_two_devices_is_not_overtaken_for_ever(jobs: Jobs) -> None:
    small = jobs.start(1)
    assert len(devices_of(small)) == 1
    wide = jobs.start(2)
    assert wait_for_notice(wide) == "stylealign gpu-run: waits for 1 of 2 GPUs"
    late = jobs.start(1)  # one device is free, but it is promised to the wide job
    small.communicate("")
    assert devices_of(wide) == {"0", "1"}
    assert wait_for_notice(late) == "stylealign gpu-run: waits for 1 of 2 GPUs"
    wide.communicate("")
    assert len(devices_of(late)) == 1


@pytest.mark.parametrize("jobs", ["0,1,2,3"], indirect=True)
def test_jobs_of_one_and_two_devices_at_once_all_get_theirs(jobs: Jobs) -> None:
    counts = {jobs.start(count): count for count in (2, 1, 2, 1, 1, 2, 2)}
    held: dict[subprocess.Popen[str], set[str]] = {}
    while counts or held:
        ready, _, _ = select.select([job.stdout for job in counts], [], [], 0 if held else None)
        started = [job for job in counts if job.stdout in ready]
        for job in started:
            held[job] = devices_of(job)
            assert len(held[job]) == counts.pop(job)
        taken = [device for devices in held.values() for device in devices]
        assert len(taken) == len(set(taken)) <= 4, held
        if held and not started:  # nobody else got a device: the first of the running jobs ends
            job = next(iter(held))
            job.communicate("")
            del held[job]


@pytest.mark.parametrize("jobs", ["0,1"], indirect=True)
def test_a_killed_job_that_waits_lets_the_next_one_through(jobs: Jobs) -> None:
    small = jobs.start(1)
    devices_of(small)
    wide = jobs.start(2)
    wait_for_notice(wide)
    late = jobs.start(1)
    wide.send_signal(signal.SIGKILL)
    assert devices_of(late) | {"0"} == {"0", "1"}


@pytest.mark.parametrize("jobs", ["0"], indirect=True)
def test_a_job_whose_child_is_killed_frees_its_device(jobs: Jobs) -> None:
    first = jobs.start(1, sys.executable, "-c", "import subprocess, sys; sys.exit(subprocess.call(sys.argv[1:]) != -9)")
    assert devices_of(first) == {"0"}
    second = jobs.start(1)
    assert wait_for_notice(second) == "stylealign gpu-run: waits for 1 of 1 GPUs"
    (child,) = Path(f"/proc/{first.pid}/task/{first.pid}/children").read_text().split()
    os.kill(int(child), signal.SIGKILL)
    assert devices_of(second) == {"0"}
    assert first.wait() == 0, "the parent saw its child die of SIGKILL"


@pytest.mark.parametrize("allocation", ["7", "8"])
def test_jobs_in_one_slurm_allocation_share_its_devices(tmp_path: Path, allocation: str) -> None:
    elsewhere, here = Jobs(tmp_path, "4,5", SLURM_JOB_ID="7"), Jobs(tmp_path, "4,5", SLURM_JOB_ID=allocation)
    try:
        assert devices_of(elsewhere.start(2)) == {"4", "5"}
        job = here.start(1)
        if allocation == "7":
            assert wait_for_notice(job) == "stylealign gpu-run: waits for 1 of 2 GPUs"
        else:  # other devices that their own allocation numbers alike
            assert devices_of(job) == {"4"}
    finally:
        elsewhere.end()
        here.end()


@pytest.mark.parametrize("jobs", ["0"], indirect=True)
def test_a_killed_job_frees_its_device(jobs: Jobs) -> None:
    first = jobs.start(1)
    assert devices_of(first) == {"0"}
    second = jobs.start(1)
    assert wait_for_notice(second) == "stylealign gpu-run: waits for 1 of 1 GPUs"
    first.send_signal(signal.SIGKILL)
    assert devices_of(second) == {"0"}


@pytest.mark.parametrize("jobs", [""], indirect=True)
def test_without_devices_the_job_runs_on_the_cpu(jobs: Jobs) -> None:
    job = jobs.start(1)
    assert devices_of(job) == {""}
    assert "runs on the CPU" in wait_for_notice(job)


@pytest.mark.parametrize("jobs", ["0,1"], indirect=True)
def test_zero_devices_hide_them_all(jobs: Jobs) -> None:
    assert devices_of(jobs.start(0)) == {""}


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [STYLEALIGN, "gpu-run", *arguments]
    return subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=False)


def test_the_exit_code_is_the_commands() -> None:
    assert run("-n", "0", "--", sys.executable, "-c", "raise SystemExit(7)").returncode == 7


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-n", "0"], "stylealign gpu-run: no command; write it after --"),
        (["-n", "-1", "--", "true"], "stylealign gpu-run: -n: must be 0 or more, not -1"),
        (
            ["-n", "0", "--", "no-such-program"],
            "stylealign gpu-run: no-such-program: cannot be run (No such file or directory)",
        ),
    ],
)
def test_mistakes_are_one_line(arguments: list[str], message: str) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert done.stderr.strip() == message


def test_a_command_gets_no_more_threads_than_cpus() -> None:
    code = "import os; print(os.environ['OMP_NUM_THREADS'], len(os.sched_getaffinity(0)))"
    threads, cpus = run("-n", "0", "--", sys.executable, "-c", code, OMP_NUM_THREADS="1000").stdout.split()
    assert threads == cpus


def test_torch_in_a_job_uses_no_more_threads_than_the_cpus_it_may_run_on() -> None:
    one_cpu = {min(os.sched_getaffinity(0))}
    code = "import torch; print(torch.get_num_threads())"
    command = [STYLEALIGN, "gpu-run", "-n", "0", "--", sys.executable, "-c", code]
    done = subprocess.run(
        command,
        env=os.environ | {"OMP_NUM_THREADS": "8"},
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=lambda: os.sched_setaffinity(0, one_cpu),
    )
    assert done.stdout.strip() == "1"


THREADS = f"""
include: "{ROOT}/workflow/rules/processes.smk"
rule threads:
    output: "{{wanted}}.txt"
    threads: lambda w: int(w.wanted)
    shell: "stylealign gpu-run -n 0 -- python threads.py > {{output}}"
"""


@pytest.mark.workflow
def test_a_job_has_the_threads_of_its_rule_and_never_more_than_the_cores_of_the_run(tmp_path: Path) -> None:
    (tmp_path / "Snakefile").write_text(THREADS)
    (tmp_path / "threads.py").write_text(
        "import os, torch\nprint(os.environ['OMP_NUM_THREADS'], torch.get_num_threads())"
    )
    done = snakemake(tmp_path, "--cores", "2", "--", "1.txt", "64.txt", snakefile=tmp_path / "Snakefile")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "1.txt").read_text() == "1 1\n"
    threads = min(2, len(os.sched_getaffinity(0)))
    assert (tmp_path / "64.txt").read_text() == f"{threads} {threads}\n"
