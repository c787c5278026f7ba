"""The Slurm profile on a real Slurm of one node, which the tests start and stop."""

import re
import shutil
import signal
import subprocess
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.workflow.slurm_cluster import Cluster, reason_to_skip, slurm
from tests.workflow.snakemake import ROOT, TINY, snakemake, start_snakemake

skipped = reason_to_skip()
pytestmark = [
    pytest.mark.workflow,
    pytest.mark.timeout(1200),  # a whole run through sbatch, where every job starts Snakemake twice
    pytest.mark.skipif(skipped is not None, reason=skipped or ""),
]
# Slurm without accounting answers by squeue; the plugin's first look would come after 40 s.
PROFILE = [
    *("--workflow-profile", str(ROOT / "workflow" / "profiles" / "slurm"), "--slurm-status-command", "squeue"),
    *("--slurm-init-seconds-before-status-checks", "1", "--latency-wait", "5"),
]
MODEL = "results/models/animal/model.safetensors"
LOG = "results/logs/train_child/animal.log"
WAIT_S = 300
"""The longest wait for a job to begin or end; on a machine that is busy with other things it may be minutes."""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with slurm() as running:
        yield running


def test_a_whole_run_goes_through_sbatch(cluster: Cluster, tmp_path: Path) -> None:
    """The tiny configuration with a few of its tables: what a job computes does not depend on who started it."""
    values = yaml.safe_load(TINY.read_text())
    values["models"]["animal"]["measured"] = ["morphing", "alignment_score"]
    del values["models"]["animal-unaligned"], values["models"]["human-control"]
    (tmp_path / "few.yaml").write_text(yaml.safe_dump(values))
    run = tmp_path / "run"
    run.mkdir()
    done = snakemake(run, *PROFILE, config=tmp_path / "few.yaml", environment=cluster.environment)
    assert done.returncode == 0, done.stderr
    assert "every number:  results/tables/all.csv" in done.stderr
    assert len(set(re.findall(r"submitted with SLURM jobid (\d+)", done.stderr))) > 12, "every job goes through sbatch"
    assert {"morphing", "alignment_score"} <= {path.stem for path in (run / "results/tables").glob("*.csv")}
    assert list((run / "results/figures").glob("*.png"))


MEETING = """
GPUS = {"1a": 1, "1b": 1, "2": 2}
rule meet:
    output: "{name}.txt"
    log: "{name}.log"
    resources: gpu=lambda w: GPUS.get(w.name, 0), gres=lambda w: "" if w.name in GPUS else w.name, mem_mb=100, runtime=5
    shell: "stylealign gpu-run -n {resources.gpu} -- python meet.py {wildcards.name} > {output} 2> {log}"
"""
MEET = """
import os, sys, time
from pathlib import Path
import torch
name, other = sys.argv[1], {"1a": "1b", "1b": "1a"}.get(sys.argv[1])
Path(name + ".here").touch()
end = time.monotonic() + 300
while other and not Path(other + ".here").exists() and time.monotonic() < end:
    time.sleep(0.1)
print(os.environ["CUDA_VISIBLE_DEVICES"], os.environ["SLURM_JOB_ID"], torch.get_num_threads())
"""


def test_gpu_jobs_run_on_the_devices_of_their_allocation(cluster: Cluster, tmp_path: Path) -> None:
    (tmp_path / "Snakefile").write_text(MEETING)
    (tmp_path / "meet.py").write_text(MEET)
    where = {"environment": cluster.environment, "snakefile": tmp_path / "Snakefile"}
    # The two that meet run alone: Slurm keeps devices for a job of two that waits, and the second would wait behind it.
    for names in (["1a", "1b"], ["2", "gpu:1"]):
        done = snakemake(tmp_path, *PROFILE, "--", *(f"{name}.txt" for name in names), **where)
        assert done.returncode == 0, done.stderr
    one, other, both, gres = ((tmp_path / f"{name}.txt").read_text().split() for name in ("1a", "1b", "2", "gpu:1"))
    assert {one[0], other[0]} == {"0", "1"}, "two jobs at once get different devices"
    assert both[0] == "0,1"
    assert gres[0] in ("0", "1"), "where a cluster wants gres, no gpu is asked for"
    assert len({one[1], other[1], both[1]}) == 3, "every job has an allocation of its own"
    assert {one[2], other[2], both[2]} == {"1"}, "a rule of one core gets one thread"


def test_a_job_that_fails_is_reported_with_the_end_of_its_log(cluster: Cluster, tmp_path: Path) -> None:
    values = yaml.safe_load(TINY.read_text())
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        for name in ("a.jpg", "b.jpg"):
            archive.writestr(name, "no picture, which only its job finds out")
    values["domains"]["mine"] = {"path": "photos.zip", "resolution_px": 32, "train_images": 1, "test_images": 1}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(values))
    arguments = [*PROFILE, "--retries", "0", "--", "data/prepared/mine/train.zip"]
    done = snakemake(tmp_path, *arguments, config=tmp_path / "mine.yaml", environment=cluster.environment)
    assert done.returncode == 1
    told = re.search(r"FAILED import_domain mine \(Slurm job \d+: FAILED\); its log: (\S+),", done.stderr)
    assert told, done.stderr
    last_line = (tmp_path / told[1]).read_text().strip().splitlines()[-1]
    assert "photos.zip" in last_line
    assert f"    {last_line}\n" in done.stderr


def wait_until(is_true: Callable[[], Any], running: subprocess.Popen[str], what: str) -> Any:
    """Wait for something that a running Snakemake brings about, and return it."""
    end = time.monotonic() + WAIT_S
    while not (value := is_true()):
        assert running.poll() is None, f"the run ended before {what}: {running.communicate()[1]}"
        assert time.monotonic() < end, f"no {what} in {WAIT_S} s"
        time.sleep(0.2)
    return value


def states_of(folder: Path) -> set[tuple[Path, int]]:
    """Return the states of a folder's trainings, each with the time it was written."""
    return {(path, path.stat().st_mtime_ns) for path in folder.glob("results/runs/*/state.bin")}


def test_a_training_that_is_cancelled_or_comes_near_its_time_limit_goes_on(
    cluster: Cluster, tiny_run: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(tiny_run, tmp_path / "run")  # with data and parent
    values = yaml.safe_load(TINY.read_text())
    values["models"]["animal"]["train"] = {"kimg": 1000, "snapshot_kimg": 1000, "state_interval_s": 0}
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(values))
    log = folder / "results/logs/train_child/animal.log"
    before = states_of(folder)  # of shorter trainings, from which this one goes on
    begin = re.compile(r"goes on from (\d+\.\d+) kimg")

    def resumed_after(job: str) -> Any:
        text = log.read_text() if log.is_file() else ""
        is_new = "stopped by" not in text and job not in cluster.jobs() and cluster.jobs("RUNNING")
        return begin.search(text) if is_new else None

    where = {"config": tmp_path / "c.yaml", "environment": cluster.environment}
    with start_snakemake(folder, *PROFILE, "--", MODEL, **where) as running:
        wait_until(lambda: states_of(folder) - before, running, "state")
        (cancelled,) = cluster.jobs("RUNNING")
        cluster.command("scancel", cancelled)
        second = wait_until(lambda: resumed_after(cancelled), running, "retry")
        (limited,) = cluster.jobs("RUNNING")
        cluster.command("scontrol", "update", f"jobid={limited}", "endtime=now+60")
        third = wait_until(lambda: resumed_after(limited), running, "retry")
        (last,) = cluster.jobs("RUNNING")
        running.send_signal(signal.SIGINT)
        _, told = running.communicate()
        assert last not in cluster.jobs("RUNNING", "PENDING"), "an interrupted run cancels its jobs"
    first, next_one = told.split("FAILED train_child animal ")[1:3]
    assert first.startswith(f"(Slurm job {cancelled}: CANCELLED)"), told
    assert f"stopped by signal 15 at {second[1]} kimg; the state is saved" in first
    assert next_one.startswith(f"(Slurm job {limited}: FAILED)"), told
    assert f"stopped by signal 15 at {third[1]} kimg; the state is saved" in next_one
    assert 0 < float(second[1]) < float(third[1])
