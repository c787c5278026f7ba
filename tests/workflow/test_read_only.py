"""A checkout, or a folder for a run, that cannot be written: one line with the reason."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
READ_ONLY = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"'


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    """What a command in the read-only folder `tmp_path` begins with: nothing, or for a superuser a mount of its own."""
    tmp_path.chmod(0o500)
    if not os.access(tmp_path, os.W_OK):
        return []
    words = ["unshare", "--mount", "sh", "-c", READ_ONLY, str(tmp_path)]
    try:
        subprocess.run([*words, "true"], capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this superuser may write everywhere and mount nothing")
    return words


def test_snakemake_says_where_it_cannot_write(command: list[str], tmp_path: Path) -> None:
    words = [sys.executable, "-m", "snakemake", "-n", "--snakefile", str(ROOT / "workflow" / "Snakefile")]
    done = subprocess.run(
        [*command, *words, "--directory", str(tmp_path)], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    told = [line for line in done.stderr.splitlines() if line.startswith("snakemake: ")]
    assert told == [f"snakemake: {tmp_path}: cannot be written to; give --directory a folder of your own"]


@pytest.mark.parametrize("flag", ["--run-dir", "--out-dir"])
def test_train_says_where_it_cannot_write(flag: str, command: list[str], tmp_path: Path) -> None:
    folders = {"--run-dir": "run", "--out-dir": "out"}
    words = [sys.executable, "-m", "stylealign", "train", "--data", str(ROOT / "README.md")]
    for name, folder in folders.items():
        place = tmp_path / folder if name == flag else tmp_path.parent / f"{tmp_path.name}-{folder}"
        words += [name, str(place)]
    done = subprocess.run([*command, *words], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith(f"stylealign train: {tmp_path / folders[flag]}: ")
