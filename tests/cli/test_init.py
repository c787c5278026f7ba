"""`stylealign init`: a folder that Snakemake runs in, and nothing that is there is changed."""

import json
import shlex
import subprocess
from pathlib import Path

import pytest

from stylealign.cli.main import main
from stylealign.config.run_folder import configurations
from tests.workflow.snakemake import SNAKEMAKE

ROOT = Path(__file__).parents[2]


def test_the_folder_is_ready(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "my run"
    assert main(["init", str(folder), "--config", "tiny"]) == 0
    told = json.loads(capsys.readouterr().out)
    written = told["files"]
    assert shlex.split(told["next"]) == ["cd", str(folder), "&&", "snakemake"], "as a shell reads it"
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert found == set(written)
    assert (folder / "config" / "config.yaml").read_text() == (ROOT / "config" / "tiny.yaml").read_text()
    done = subprocess.run([SNAKEMAKE, "-n"], cwd=folder, capture_output=True, text=True, check=True)
    assert "results/tables/all.csv" in done.stdout
    assert "profiles/default" in done.stdout + done.stderr


def test_nothing_that_is_there_is_changed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "README.md").write_text("mine")
    assert main(["init", str(tmp_path)]) == 2
    assert "README.md: exists already" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["README.md"]
    assert (tmp_path / "README.md").read_text() == "mine"


def test_a_plan_outside_of_a_run_folder_says_how_to_get_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["plan"]) == 2
    assert "start it in a folder of stylealign init" in capsys.readouterr().err


def test_a_mistyped_configuration(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", str(tmp_path), "--config", "tini"]) == 2
    assert "did you mean 'tiny'?" in capsys.readouterr().err


def test_the_configurations_that_are_offered() -> None:
    known = configurations()
    assert {"config", "tiny", "paper"} <= set(known)
    assert known == {path.stem: path for path in (ROOT / "config").glob("*.yaml") if "\ndomains:" in path.read_text()}
