"""Devices of a machine, and thread counts that fit."""

from pathlib import Path

import pytest

from stylealign.devices import THREAD_VARIABLES, leased_environment, thread_limits, visible_devices
from stylealign.errors import StyleAlignError


@pytest.mark.parametrize(
    ("value", "devices"),
    [("0,1", ["0", "1"]), ("2", ["2"]), ("GPU-aa, GPU-bb", ["GPU-aa", "GPU-bb"]), ("", []), ("-1", [])],
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
