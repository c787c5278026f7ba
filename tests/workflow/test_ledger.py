"""The tiny configuration, tracked and restored: run, track, push, clone, restore, change a key, compare."""

import csv
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stylealign.cli.main import main
from stylealign.files import sha256_of_file
from tests.ledger.s3 import bucket  # noqa: F401 - a fixture
from tests.workflow.snakemake import ROOT

pytest.importorskip("dvc", reason="the ledger needs DVC: pip install 'stylealign[ledger]'")
pytestmark = pytest.mark.workflow

SOURCES = (
    "workflow",
    "config",
    "dvc.yaml",
    ".dvc/config",
    ".dvc/.gitignore",
    ".dvc/plots",
    ".dvcignore",
    ".gitignore",
    "data/zoo.yaml",
)
"""What a clone of the repository has, as far as a run of the tiny configuration needs it."""


def command(folder: Path, *words: str | Path) -> str:
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def git(folder: Path, *words: str | Path) -> str:
    return command(folder, "git", "-c", "user.name=a", "-c", "user.email=a@example.org", *words)


def dvc(folder: Path, *words: str | Path) -> str:
    return command(folder, sys.executable, "-m", "dvc", *words)


def snakemake(folder: Path, *words: str) -> str:
    return command(folder, sys.executable, "-m", "snakemake", *words)


def stylealign(folder: Path, verb: str, *words: str) -> None:
    assert main([verb, "--directory", str(folder), *words]) == 0


def commit(folder: Path, message: str) -> None:
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", message)


@pytest.fixture(scope="module", autouse=True)
def _dvc_stays_here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("SITE_CACHE", "GLOBAL_CONFIG", "SYSTEM_CONFIG"):
            patch.setenv(f"DVC_{name}_DIR", str(tmp_path_factory.getbasetemp() / "dvc-machine" / name))
        yield


@pytest.fixture(scope="module")
def origin(tiny_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository like this one, with the tiny configuration as its default: run, tracked, pushed, committed."""
    folder = tmp_path_factory.mktemp("ledger") / "origin"
    for name in SOURCES:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy2
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        copy(ROOT / name, folder / name)
    shutil.copy2(folder / "config/tiny.yaml", folder / "config/config.yaml")
    git(folder, "init", "--quiet")
    dvc(folder, "remote", "add", "--quiet", "--default", "store", "../store")
    commit(folder, "start")
    for name in ("results", "data/prepared", ".snakemake"):
        shutil.copytree(tiny_run / name, folder / name)
    assert "Nothing to be done" in snakemake(folder, "--dry-run"), "the run is as if it had been made here"
    before = state(folder)
    stylealign(folder, "track", "--push")
    assert state(folder) == before, "tracking changes neither bytes nor times"
    commit(folder, "ledger")
    return folder


def state(folder: Path) -> dict[str, tuple[str, int]]:
    """Return hash and time of every file that the workflow made."""
    found = [*(folder / "results").rglob("*"), *(folder / "data/prepared").rglob("*")]
    return {
        str(path.relative_to(folder)): (sha256_of_file(path), path.stat().st_mtime_ns)
        for path in found
        if path.is_file()
    }


def contents(folder: Path) -> dict[str, str]:
    """Return the hashes of the files that the ledger keeps."""
    untracked = ("results/runs/", "results/logs/")
    return {
        name: digest
        for name, (digest, _) in state(folder).items()
        if not name.startswith(untracked) and not name.endswith(".snakemake_timestamp")
    }


def numbers(folder: Path) -> list[dict[str, str]]:
    with (folder / "results/tables/all.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_after_tracking_there_is_nothing_to_do(origin: Path) -> None:
    assert "Nothing to be done" in snakemake(origin, "--dry-run")
    assert git(origin, "status", "--short") == ""
    pointers = {path.stem for path in (origin / "ledger").glob("*.dvc")}
    assert pointers == {
        "data-human",
        "data-animal",
        "models",
        "latents",
        "translation",
        "morphing",
        "zero_shot",
        "pairs",
        "features",
        "metrics",
        "tables",
        "figures",
        "benchmarks",
    }


def test_a_clone_restores_from_a_folder_or_s3_and_has_nothing_to_do(
    origin: Path,
    tmp_path: Path,
    bucket: tuple[str, str],  # noqa: F811
) -> None:
    git(origin, "clone", "--quiet", origin, tmp_path / "clone")
    clone = tmp_path / "clone"
    dvc(clone, "remote", "add", "--quiet", "--force", "--default", "store", origin.parent / "store")
    stylealign(clone, "restore")
    assert contents(clone) == contents(origin)
    assert "Nothing to be done" in snakemake(clone, "--dry-run")

    dvc(clone, "remote", "add", "--quiet", "cloud", bucket[1])
    dvc(clone, "remote", "modify", "cloud", "endpointurl", bucket[0])
    stylealign(clone, "track", "--push", "cloud")
    assert git(clone, "diff", "--stat", "--", "ledger") == "", "the same pointers, the same manifest"
    commit(clone, "cloud")
    git(clone, "clone", "--quiet", clone, tmp_path / "other")
    stylealign(tmp_path / "other", "restore", "--remote", "cloud")
    assert contents(tmp_path / "other") == contents(origin)
    assert "Nothing to be done" in snakemake(tmp_path / "other", "--dry-run")


def test_one_changed_key_shows_in_both_diffs_and_nothing_else(origin: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(origin, tmp_path / "copy")
    config = folder / "config/config.yaml"
    config.write_text(config.read_text().replace("morphing: {frames: 5", "morphing: {frames: 6"))
    before = {row_name(row): row["value"] for row in numbers(folder)}
    snakemake(folder, "--cores", "2")
    params = json.loads(dvc(folder, "params", "diff", "--json"))
    assert params == {"config/config.yaml": {"morphing.frames": {"old": 5, "new": 6, "diff": 1}}}
    after = {row_name(row): row["value"] for row in numbers(folder)}
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    metrics = json.loads(dvc(folder, "metrics", "diff", "--json"))
    assert metrics.keys() == {"results/tables/metrics.json"}
    assert metrics["results/tables/metrics.json"].keys() == changed
    assert changed
    assert all(name.startswith("morphing.") for name in changed)


def row_name(row: dict[str, str]) -> str:
    """Return the key of a row in metrics.json, as `dvc metrics diff` names it."""
    metric = f"{row['metric']}[{row['features']}]" if row["features"] else row["metric"]
    labels = [row[key] for key in ("table", "parent", "child", "method", "setting")]
    return ".".join(filter(None, [*labels, metric]))


def test_the_plots_show_the_figures_and_every_headline_number(origin: Path, tmp_path: Path) -> None:
    dvc(origin, "plots", "show", "--out", tmp_path)
    page = (tmp_path / "index.html").read_text()
    shown = {
        Path(path).stem.removeprefix("workspace_results_figures_") for path in re.findall(r'src="([^"]+\.png)"', page)
    }
    assert shown == {path.stem for path in (origin / "results/figures").glob("*.png")} != set()
    spec: dict[str, Any] = json.loads(re.search(r"var spec = (\{.*?\});", page, re.DOTALL)[1])  # type: ignore[index]
    drawn = [{key: value for key, value in point.items() if key != "rev"} for point in spec["data"]["values"]]
    assert drawn == numbers(origin)
    wanted = re.search(r"\[(.*?)\]", spec["transform"][0]["filter"])
    assert wanted
    tables = {row["table"] for row in numbers(origin)}
    for headline in re.findall(r"'(.*?)'", wanted[1]):
        table, metric = headline.split()
        assert table in tables
        assert [row for row in numbers(origin) if (row["table"], row["metric"]) == (table, metric) and row["value"]]


def test_every_number_leads_to_its_inputs(origin: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = origin / "results/tables/all.csv"
    rows = numbers(origin)
    first_of_table = {row["table"]: number for number, row in reversed(list(enumerate(rows, start=1)))}
    for number in first_of_table.values():
        assert main(["provenance", str(table), "--row", str(number)]) == 0
        traced = json.loads(capsys.readouterr().out)
        assert traced["number"] == rows[number - 1]
        leaves = list(leaves_of(traced["sources"]))
        assert leaves, "a number is made of something"
        assert {leaf["made_by"]["verb"] for leaf in leaves} == {"data draw"}, "everything starts from drawn images"
    with (origin / "results/tables/sources.csv").open(newline="") as file:
        covered = [line["row"] for line in csv.DictReader(file) if line["csv"] == "all.csv"]
    assert covered == [str(number) for number in range(1, len(rows) + 1)], "each row has a source"


def leaves_of(nodes: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the nodes that were made from nothing else, once each; every node must be as it was recorded."""
    for node in nodes:
        assert node["state"] == "same", node
        if node.get("inputs"):
            yield from leaves_of(node["inputs"])
        elif not node.get("told_above"):
            yield node


def test_an_altered_artifact_is_found(origin: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = shutil.copytree(origin, tmp_path / "copy")
    model = folder / "results/models/animal/model.safetensors"
    content = bytearray(model.read_bytes())
    content[-1] ^= 1
    model.write_bytes(content)
    assert main(["track", "--directory", str(folder), "--check"]) == 2
    assert "altered: results/models/animal/model.safetensors" in capsys.readouterr().err
    names = [(row["table"], row["method"]) for row in numbers(folder)]
    number = names.index(("translation", "w+")) + 1
    assert main(["provenance", str(folder / "results/tables/all.csv"), "--row", str(number)]) == 2
    told = capsys.readouterr().err
    assert "results/models/animal/model.safetensors: altered" in told
    assert main(["restore", "--directory", str(folder), "--force"]) == 0
    assert contents(folder) == contents(origin)
    assert "Nothing to be done" in snakemake(folder, "--dry-run")
