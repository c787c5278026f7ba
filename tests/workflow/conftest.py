"""The tiny configuration, run once for all tests of a session, whichever worker they are on."""

import fcntl
import os
from pathlib import Path

import pytest

from tests.workflow.snakemake import TINY, snakemake


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the whole tiny configuration has run; copy it before changing anything in it."""
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent  # the workers' common folder
    folder = base / "tiny"
    with (base / "tiny.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            folder.mkdir()
            arguments = ["--cores", "2", "--resources", "gpu=4", "results/tables/all.csv"]
            done = snakemake(folder, *arguments, config=TINY)
            (folder / "snakemake.err").write_text(done.stderr)
            (folder / "snakemake.rc").write_text(str(done.returncode))
    assert (folder / "snakemake.rc").read_text() == "0", (folder / "snakemake.err").read_text()
    return folder
