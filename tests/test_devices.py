"""Devices of a machine, and thread counts that fit."""

import os
from pathlib import Path

import pytest

from stylealign.devices import (
    THREAD_VARIABLES,
    cpu_quota,
    leased_environment,
    note_missing_gpus,
    thread_limits,
    usable_cpus,
    visible_devices,
)
from stylealign.errors import StyleAlignError


@pytest.mark.parametrize(
    ("value", "devices"),
    [
        ("0,1", ["0", "1"]),
        ("2", ["2"]),
        ("GPU-aa, GPU-bb", ["GPU-aa", "GPU-bb"]),
        ("", []),
        ("-1", []),
        ("NoDevFiles", []),
    ],
)
def test_an_inherited_selection_is_honoured(value: str, devices: list[str]) -> None:
    assert visible_devices({"CUDA_VISIBLE_DEVICES": value}) == devices


def test_devices_are_counted_by_their_files(tmp_path: Path) -> None:
    for name in ("nvidia0", "nvidia3", "nvidiactl", "nvidia-uvm", "null"):
        (tmp_path / name).touch()
    assert visible_devices({}, tmp_path) == ["0", "1"]


@pytest.mark.parametrize(
    ("environment", "cpus", "threads"),
    [
        ({}, 2, "2"),
        ({"OMP_NUM_THREADS": "8"}, 2, "2"),
        ({"OMP_NUM_THREADS": "1"}, 2, "1"),
        ({"OMP_NUM_THREADS": "0"}, 2, "2"),
        ({"OMP_NUM_THREADS": "many"}, 2, "2"),
    ],
)
def test_no_more_threads_than_cpus(environment: dict[str, str], cpus: int, threads: str) -> None:
    assert thread_limits(environment, cpus) == dict.fromkeys(THREAD_VARIABLES, threads)


def test_a_slurm_job_keeps_its_devices(tmp_path: Path) -> None:
    environment = {"SLURM_JOB_ID": "7", "CUDA_VISIBLE_DEVICES": "0,3"}
    assert leased_environment(2, environment, pytest.fail, tmp_path) == {"CUDA_VISIBLE_DEVICES": "0,3"}


@pytest.mark.parametrize(("count", "devices"), [(0, {"CUDA_VISIBLE_DEVICES": "0"}), (0, {}), (1, {})])
def test_what_slurm_did_not_number_stays_as_it_is(tmp_path: Path, count: int, devices: dict[str, str]) -> None:
    assert leased_environment(count, {"SLURM_JOB_ID": "7"} | devices, pytest.fail, tmp_path) == {}
    assert list(tmp_path.iterdir()) == []


def test_the_order_of_the_devices_is_set_only_with_their_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "CUDA_DEVICE_ORDER" not in leased_environment(1, {"CUDA_VISIBLE_DEVICES": "1"}, pytest.fail, tmp_path)
    monkeypatch.setattr("stylealign.devices.visible_devices", lambda environment: ["0", "1"])
    leased = leased_environment(1, {}, pytest.fail, tmp_path)
    assert leased == {"CUDA_VISIBLE_DEVICES": "0", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}


def test_zero_gpus_hide_every_device(tmp_path: Path) -> None:
    assert leased_environment(0, {"CUDA_VISIBLE_DEVICES": "0,1"}, pytest.fail, tmp_path) == {"CUDA_VISIBLE_DEVICES": ""}


def test_a_machine_without_gpus_runs_on_the_cpu_and_says_so(tmp_path: Path) -> None:
    told: list[str] = []
    assert leased_environment(1, {"CUDA_VISIBLE_DEVICES": ""}, told.append, tmp_path) == {"CUDA_VISIBLE_DEVICES": ""}
    assert told == ["no GPU on this machine (1 asked for): runs on the CPU"]


def test_more_gpus_than_there_are_get_all_of_them(tmp_path: Path) -> None:
    told: list[str] = []
    leased = leased_environment(3, {"CUDA_VISIBLE_DEVICES": "4,5"}, told.append, tmp_path)
    assert leased["CUDA_VISIBLE_DEVICES"] == "4,5"
    assert told == ["3 GPUs asked for, 2 here: runs on 2"]


def test_a_lease_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StyleAlignError, match=r"file/leases: GPU leases cannot be kept there .*; set TMPDIR"):
        leased_environment(1, {"CUDA_VISIBLE_DEVICES": "0"}, pytest.fail, tmp_path / "file" / "leases")


@pytest.mark.parametrize(
    ("group", "files", "quota"),
    [
        ("0::/", {"cpu.max": "50000 100000\n"}, 0.5),
        ("0::/", {"cpu.max": "max 100000\n"}, None),
        ("0::/a/b", {"a/cpu.max": "150000 100000\n", "a/b/cpu.max": "max 100000\n"}, 1.5),
        ("0::/outside/of/the/container", {"cpu.max": "200000 100000\n"}, 2.0),
        ("4:cpu,cpuacct:/c", {"cpu/c/cpu.cfs_quota_us": "25000\n", "cpu/c/cpu.cfs_period_us": "100000\n"}, 0.25),
        ("4:cpu,cpuacct:/c", {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
        ("4:memory:/c\n0::/", {}, None),
    ],
)
def test_the_quota_of_a_container_counts(
    group: str, files: dict[str, str], quota: float | None, tmp_path: Path
) -> None:
    (tmp_path / "proc" / "self").mkdir(parents=True)
    (tmp_path / "proc" / "self" / "cgroup").write_text(f"{group}\n")
    for name, content in files.items():
        path = tmp_path / "sys" / "fs" / "cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    assert cpu_quota(tmp_path) == quota
    if quota is not None and quota <= 1:
        assert usable_cpus(tmp_path) == 1


def test_without_control_groups_the_affinity_counts(tmp_path: Path) -> None:
    assert cpu_quota(tmp_path) is None
    assert usable_cpus(tmp_path) == len(os.sched_getaffinity(0))


@pytest.mark.parametrize(("named", "lines"), [("7", 1), ("0,1", 1), ("", 0), ("-1", 0)])
def test_gpus_that_are_named_and_not_there_are_told_once(
    named: str, lines: int, capsys: pytest.CaptureFixture[str]
) -> None:
    note_missing_gpus.cache_clear()
    for _ in range(2):
        note_missing_gpus(named)
    note = f"note: PyTorch finds no GPU of CUDA_VISIBLE_DEVICES={named}: the CPU computes\n"
    assert capsys.readouterr().err == lines * note
