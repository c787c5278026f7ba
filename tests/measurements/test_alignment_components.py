"""Children of which one component alone was trained: numbers of other tables, under the name of what was trained."""

from pathlib import Path

import pytest

from stylealign.cli.main import main
from stylealign.measurements.rows import Row, read_rows, write_rows
from tests.experiment.common import experiment

MODELS = """
human: {domain: human, fetch: human-64-a}
other: {domain: human, fetch: human-64-b}
animal: {domain: animal, parent: human}
unaligned: {domain: animal, parent: other, control_of: animal}
only-mapping: {domain: animal, parent: human, train: {train_only: [mapping]}}
only-affine: {domain: animal, parent: human, train: {train_only: [affine, torgb-affine]}}
elsewhere: {domain: mine, parent: human}
"""


def row(table: str, child: str, method: str, metric: str, value: float, setting: str = "") -> Row:
    return Row(table, "human", child, method, setting, metric, "", value)


def test_rows_are_named_by_what_was_trained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    part = [
        row("generators", "only-mapping", "child", "fid", 200),
        row("generators", "only-mapping", "child", "precision", 0.1),
        row("alignment_score", "only-mapping", "child", "score", 0.9),
        row("alignment_score", "only-mapping", "shuffled", "score", 0.0),
    ]
    control = [row("alignment_score", "animal", "unaligned", "score", 0.01, "third")]
    out, files = tmp_path / "out.json", []
    for name, rows in (("mapping/a", part), ("unaligned/b", control)):
        path = tmp_path / f"{len(files)}.json"
        write_rows(path, rows, {})
        files.append(f"{name}={path}")
    words = ["evaluate", "components", "--parent-name=human", "--child-name=human", f"--out={out}"]
    assert main([*words, *files]) == 0
    assert [(row.method, row.metric, row.value, row.setting) for row in read_rows(out)[0]] == [
        ("mapping", "fid", 200, ""),
        ("mapping", "score", 0.9, ""),
        ("unaligned", "score", 0.01, "third"),
    ]
    assert {row.table for row in read_rows(out)[0]} == {"alignment_components"}
    capsys.readouterr()
    write_rows(tmp_path / "none.json", [part[1]], {})
    assert main([*words, f"mapping={tmp_path / 'none.json'}"]) == 2
    assert "holds no number of generators, alignment_score, alignment_pointwise" in capsys.readouterr().err


def test_a_parent_with_children_of_single_components_has_the_table() -> None:
    asked = experiment(Path(), MODELS)
    assert asked.parents_of_parts() == ["human"]
    files = asked.component_rows("human")
    methods = {name.partition("/")[0]: Path(file).stem for name, file in files.items()}
    assert methods == {
        "everything": "animal",
        "unaligned": "unaligned",
        "mapping": "only-mapping",
        "affine + torgb-affine": "only-affine",
    }
    assert set(files.values()) <= {*asked.all_rows()}
    assert "results/metrics/generators/animal/unaligned.json" in files.values()
    assert "alignment_components" in asked.tables()
    assert experiment(Path()).parents_of_parts() == []
