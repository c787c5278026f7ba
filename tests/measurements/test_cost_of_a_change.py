"""What a change costs: a metric and a kind of measurement, added as docs/architecture.md says, are known everywhere."""

import csv
import dataclasses
from pathlib import Path

import pytest

from stylealign.cli.main import main
from stylealign.measurements import registry
from stylealign.measurements.declare import File, Kind, Metric, Table, of_each_family
from stylealign.metrics.bootstrap import Estimate
from stylealign.planning.costs import Costs
from stylealign.report.page.document import Sources, write_report
from stylealign.work.cost import Cost
from tests.experiment.common import experiment

SIZE = Metric("file_mb", False, "size of a model file", unit="megabytes")
NAMES = ["--parent-name", "human", "--child-name", "animal", "--method", "child"]


def with_metric(kind: Kind) -> Kind:
    """Return a kind with a metric more: a line among the table's metrics, and a line where rows are made."""

    def measure(inputs, settings, progress):  # type: ignore[no-untyped-def]
        rows, facts = kind.measure(inputs, settings, progress)
        rows.append(inputs.key(kind.tables[0].name).row(SIZE.name, Estimate(3.5), setting="mapping"))
        return rows, facts

    table = dataclasses.replace(kind.tables[0], metrics=(*kind.tables[0].metrics, SIZE))
    return dataclasses.replace(kind, tables=(table,), measure=measure)


def new_kind() -> Kind:
    """Return a kind as its module declares it."""
    table = Table("sizes", "Sizes of the models", "models", (SIZE,), protocol="as stored", headline="file_mb")

    def measure(inputs, settings, progress):  # type: ignore[no-untyped-def]
        megabytes = inputs.path("model").stat().st_size / 1e6
        return [inputs.key("sizes").row("file_mb", Estimate(megabytes))], {}

    return Kind(
        name="model_sizes",
        version=1,
        text="sizes of the files of models",
        files=(File("model", "MODEL", "the model"),),
        settings=(),
        tables=(table,),
        rows=of_each_family,
        costs={"model_sizes": lambda work, model: Cost(memory_mb=500)},
        measure=measure,
    )


def made(kind: str, tmp_path: Path, *files: str) -> tuple[list[dict[str, str]], str, str]:
    """Return the numbers, the summary and the report page of one measurement."""
    rows, out = tmp_path / "rows.json", tmp_path / "tables"
    assert main(["evaluate", kind, *NAMES, *files, "--out", str(rows)]) == 0
    assert main(["tables", str(rows), "--out-dir", str(out)]) == 0
    write_report(tmp_path / "report.html", Sources([rows]))
    with (out / "all.csv").open(newline="") as file:
        return list(csv.DictReader(file)), (out / "summary.md").read_text(), (tmp_path / "report.html").read_text()


def help_of(kind: str, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit):
        main(["evaluate", kind, "--help"])
    return capsys.readouterr().out


def test_a_metric(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kinds = [with_metric(kind) if kind.name == "alignment_weights" else kind for kind in registry.KINDS]
    monkeypatch.setattr(registry, "KINDS", tuple(kinds))
    models = [f"--{role}={folder / role}.safetensors" for role in ("parent", "child")]
    numbers, _, page = made("alignment-weights", tmp_path, *models)
    (number,) = [number for number in numbers if number["metric"] == "file_mb"]
    assert (number["value"], number["higher_is_better"]) == ("3.5", "false")
    assert SIZE.described in page
    assert f"file_mb: {SIZE.described} (lower is better)" in help_of("alignment-weights", capsys)


def test_a_kind_with_its_table(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(registry, "KINDS", (*registry.KINDS, new_kind()))
    numbers, summary, page = made("model-sizes", tmp_path, f"--model={folder / 'child.safetensors'}")
    assert [(number["table"], number["metric"]) for number in numbers] == [("sizes", "file_mb")]
    assert "| sizes | file_mb (lower is better) |" in summary
    assert "Sizes of the models" in page
    assert SIZE.described in help_of("model-sizes", capsys)
    asked = experiment(tmp_path)
    assert asked.tables()[-1] == "sizes"
    assert asked.all_rows()[-1] == "results/metrics/model_sizes/grandchild.json"
    assert Costs(asked.config).of("model_sizes", {"model": "animal"}).memory_mb == 500
