"""`stylealign provenance`: from a number to the files behind it, and what an altered one gets."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from stylealign.cli.main import main
from stylealign.config import DatasetSettings, MetricSettings, TrainSettings
from stylealign.datasets.images import write_image_zip
from stylealign.files import sha256_of_file, sha256_of_path
from stylealign.latents.codes import Codes
from stylealign.measurements.rows import Row, write_rows
from stylealign.provenance import provenance_of
from stylealign.report.tables import write_tables

DATA, MODEL, CODES = (
    "data/prepared/human/train.zip",
    "results/models/human/model.safetensors",
    "results/codes/codes.npz",
)
ROWS = "results/metrics/generators/human.json"
TABLE = "results/tables/all.csv"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with data, a model of it, codes of the model and two rows of tables, each with its provenance."""
    monkeypatch.chdir(tmp_path)
    made = provenance_of("data draw", 2, DatasetSettings(draw="human", seed=3), {}, packages={"resvg-py": "1"})
    write_image_zip(DATA, np.zeros((2, 3, 4, 4), np.uint8), extra={"provenance": made})
    made = provenance_of("train", 3, TrainSettings(seed=5), {"data": DATA})
    info = {"kimg": 12.0, "settings": made["settings"], "data": sha256_of_file(DATA), "provenance": made}
    Path(MODEL).parent.mkdir(parents=True)
    save_file({"a": np.zeros(3)}, MODEL, metadata={"stylealign": json.dumps({"info": info})})
    Path(CODES).parent.mkdir(parents=True)
    codes = Codes(np.zeros((1, 2, 4), np.float32), "w+", sha256_of_file(MODEL), ["a"])
    codes.save(CODES)
    made = provenance_of("invert", 2, MetricSettings(seed=6), {"model": MODEL, "data": DATA})
    Path(CODES).with_name("metrics.json").write_text(json.dumps({"provenance": made, "mean": {}}))
    rows = [
        Row("generators", "human", "human", "parent", "", "fid", "efficientnet-lite0", 12.5, n=100),
        Row("inversion", "human", "human", "w", "", "images_per_s", "", 3.0),
    ]
    made = provenance_of("evaluate generators", 3, MetricSettings(seed=7), {"model": MODEL, "codes": CODES})
    write_rows(ROWS, rows, made)
    write_tables([ROWS], Path(TABLE).parent)
    return tmp_path


def provenance(capsys: pytest.CaptureFixture[str], *words: str, row: int = 1) -> tuple[int, str, str]:
    code = main(["provenance", *(words or (TABLE,)), "--row", str(row)])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def nodes(traced: Any) -> dict[str, dict[str, Any]]:
    """Return the nodes of a trace by file, the first of each."""
    found: dict[str, dict[str, Any]] = {}
    waiting = list(traced["sources"])
    while waiting:
        node = waiting.pop(0)
        found.setdefault(node["file"], node)
        waiting += node.get("inputs", [])
    return found


def test_a_number_leads_to_every_file_behind_it(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, told = provenance(capsys)
    assert (code, told) == (0, "")
    traced = json.loads(out)
    assert traced["number"]["metric"] == "fid"
    assert traced["number"]["value"] == "12.5"
    found = nodes(traced)
    assert set(found) == {ROWS, MODEL, CODES, DATA}
    for file, node in found.items():
        assert (node["sha256"], node["state"]) == (sha256_of_file(file), "same")
    made = {file: node["made_by"] for file, node in found.items()}
    assert {file: facts["verb"] for file, facts in made.items()} == {
        ROWS: "evaluate generators",
        MODEL: "train",
        CODES: "invert",
        DATA: "data draw",
    }
    assert [made[file]["seed"] for file in (ROWS, MODEL, CODES, DATA)] == [7, 5, 6, 3]
    assert made[MODEL]["kimg"] == 12.0
    assert made[DATA]["packages"] == {"resvg-py": "1"}
    assert all(facts["version"] and facts["torch"] for facts in made.values())


def test_the_same_number_from_elsewhere(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path.parent)
    code, out, told = provenance(capsys, str(run / TABLE))
    assert (code, told) == (0, "")
    assert set(nodes(json.loads(out))) == {ROWS, MODEL, CODES, DATA}


def test_as_a_tree(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = provenance(capsys, TABLE, "--tree")
    assert code == 0
    assert "generators human human parent fid[efficientnet-lite0] = 12.5" in out
    assert f"model: {MODEL}  {sha256_of_file(MODEL)[:12]}  same" in out
    assert "made by stylealign train" in out
    assert "seed 5, 12 kimg" in out


def test_the_speeds_have_their_sources_too(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = provenance(capsys, "results/tables/speed.csv")
    assert code == 0
    assert json.loads(out)["number"]["metric"] == "images_per_s"


@pytest.mark.parametrize("file", [ROWS, MODEL, CODES, DATA])
def test_an_altered_file_is_named(run: Path, capsys: pytest.CaptureFixture[str], file: str) -> None:
    with Path(file).open("ab") as stream:
        stream.write(b" ")
    code, out, told = provenance(capsys)
    assert code == 2
    assert f"{file}: altered" in told
    assert nodes(json.loads(out))[file]["state"] == "altered"


def test_an_altered_number_is_named(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = Path(TABLE)
    table.write_text(table.read_text().replace("12.5", "11.5"))
    code, _, told = provenance(capsys)
    assert code == 2
    assert f"{TABLE}: altered: {ROWS} holds another number for this row" in told


def test_a_missing_file_is_told_and_no_error(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path(MODEL).unlink()
    code, out, _ = provenance(capsys)
    assert code == 0
    assert nodes(json.loads(out))[MODEL]["state"] == "missing"


def test_a_known_model_is_named(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("data/zoo.yaml").write_text(f"models:\n  face: {{sha256: {sha256_of_file(MODEL)}}}\n")
    _, out, _ = provenance(capsys)
    assert nodes(json.loads(out))[MODEL]["zoo"] == "face"


@pytest.mark.parametrize(
    ("words", "row", "message"),
    [
        ((TABLE,), 2, "--row: results/tables/all.csv has rows 1 to 1, no 2"),
        ((TABLE,), 0, "--row: results/tables/all.csv has rows 1 to 1, no 0"),
        (("results/tables/generators.csv",), 1, "not all.csv or speed.csv"),
        (("results/tables/none.csv",), 1, "results/tables/none.csv: no such file; snakemake makes it"),
    ],
)
def test_mistakes(
    run: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], row: int, message: str
) -> None:
    code, out, told = provenance(capsys, *words, row=row)
    assert (code, out) == (2, "")
    assert message in told


def test_tables_without_their_sources(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("results/tables/sources.csv").unlink()
    code, _, told = provenance(capsys)
    assert code == 2
    assert "results/tables/sources.csv: no such file; make the tables again" in told


def test_a_file_that_is_no_longer_here_but_in_the_ledger(
    run: Path, pushed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    origin = shutil.copytree(pushed, run / "repository") / "origin"
    model = origin / MODEL
    digest = sha256_of_file(model)
    model.unlink()
    made = provenance_of("evaluate generators", 3, MetricSettings(), {"data": DATA})
    made["inputs"]["model"], made["inputs_sha256"]["model"] = MODEL, digest
    write_rows(origin / ROWS, [Row("generators", "", "human", "child", "", "kid", "", 1.0)], made)
    write_tables([origin / ROWS], (origin / TABLE).parent)
    _, out, _ = provenance(capsys, str(origin / TABLE))
    assert nodes(json.loads(out))[MODEL]["state"] == "in the ledger"


def test_a_folder_is_known_by_its_files(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name / "inner").mkdir(parents=True)
        (tmp_path / name / "inner" / "a.png").write_bytes(b"pixels")
    digest = sha256_of_path(tmp_path / "one")
    assert digest == sha256_of_path(tmp_path / "other")
    (tmp_path / "other" / "inner" / "a.png").rename(tmp_path / "other" / "a.png")
    assert digest != sha256_of_path(tmp_path / "other")
    (tmp_path / "one" / "inner" / "a.png").write_bytes(b"others")
    assert digest != sha256_of_path(tmp_path / "one")
