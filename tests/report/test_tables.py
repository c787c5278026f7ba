"""Tables from rows: every number once, in every form."""

import csv
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stylealign.cli.main import main
from stylealign.errors import StyleAlignError
from stylealign.measurements.rows import COLUMNS, Row, write_rows
from stylealign.report.tables import summary, to_csv, to_latex, to_markdown, wide, write_tables


def row(metric: str, value: float | None, **columns: Any) -> Row:
    """A row of the generators table, unless `columns` says otherwise."""
    labels = {
        "table": "generators",
        "parent": "human",
        "child": "animal",
        "method": "child",
        "setting": "",
        "features": "",
    }
    return Row(**(labels | {"metric": metric, "value": value} | columns))


ROWS = [
    row("fid", 12.5, features="efficientnet-lite0", n=4000),
    row("kid", 0.00123456, features="efficientnet-lite0", ci_low=0.001, ci_high=0.002, n=4000),
    row("fid", 80.0, features="efficientnet-lite0", method="parent"),
    row("iou", 0.5, table="zero_shot_segmentation", method="zero-shot", setting="skin"),
    row("iou", None, table="zero_shot_segmentation", method="zero-shot", setting="top & hair"),
    row("miou", 0.5, table="zero_shot_segmentation", method="zero-shot"),
]


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """The rows, in two files."""
    paths = [tmp_path / "a.json", tmp_path / "b.json"]
    write_rows(paths[0], ROWS[:3], {})
    write_rows(paths[1], ROWS[3:], {})
    return paths


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_all_csv_holds_every_number_in_full(files: list[Path], tmp_path: Path) -> None:
    assert write_tables(files, tmp_path / "out") == {"generators": 3, "zero_shot_segmentation": 3}
    records = read_csv(tmp_path / "out" / "all.csv")
    assert tuple(records[0]) == COLUMNS
    assert [record["value"] for record in records] == ["12.5", "0.00123456", "80.0", "0.5", "", "0.5"]
    assert records[1]["ci_low"] == "0.001"
    assert records[0]["ci_low"] == ""
    assert [record["higher_is_better"] for record in records[2:4]] == ["false", "true"]


def test_a_wide_table_has_one_row_a_thing_compared_and_names_the_features(files: list[Path], tmp_path: Path) -> None:
    write_tables(files, tmp_path / "out")
    child, parent = read_csv(tmp_path / "out" / "generators.csv")
    assert list(child) == [
        "parent",
        "child",
        "method",
        "fid[efficientnet-lite0]",
        "kid[efficientnet-lite0]",
        "kid[efficientnet-lite0]_ci_low",
        "kid[efficientnet-lite0]_ci_high",
    ]
    assert child["method"] == "child"
    assert child["kid[efficientnet-lite0]_ci_high"] == "0.002"
    assert (parent["fid[efficientnet-lite0]"], parent["kid[efficientnet-lite0]"]) == ("80.0", "")


def test_classes_are_columns_so_that_a_network_is_one_row() -> None:
    table = wide("zero_shot_segmentation", ROWS[3:])
    assert table.keys == ("parent", "child", "method")
    assert table.columns == ("iou skin", "iou top & hair", "miou")
    assert len(table.entries) == 1


def test_markdown_shows_intervals_and_missing_numbers() -> None:
    text = to_markdown(wide("generators", ROWS[:3]))
    lines = text.splitlines()
    assert lines[0] == "# generators"
    assert len({len(line) for line in lines[2:]}) == 1, "columns are aligned"
    assert "0.001235 [0.001, 0.002]" in lines[4]
    assert "none" in to_markdown(wide("zero_shot_segmentation", ROWS[3:]))


def test_latex_is_escaped_and_complete() -> None:
    text = to_latex(wide("zero_shot_segmentation", ROWS[3:]))
    assert r"\begin{tabular}{lllrrr}" in text
    assert r"iou top \& hair" in text
    assert all(line.endswith(r" \\") for line in text.splitlines() if " & " in line)
    assert text.count(r"\end{tabular}") == 1


def test_latex_prints_every_sign_that_a_name_may_have() -> None:
    text = to_latex(wide("zero_shot_segmentation", [replace(ROWS[3], method=r"a\b~c^d_{e}")]))
    assert r"a\textbackslash{}b\textasciitilde{}c\textasciicircum{}d\_\{e\}" in text


def test_the_summary_has_the_headline_of_every_table_and_child() -> None:
    text = summary([*ROWS, row("fid", 9.0, features="efficientnet-lite0", child="mosaic")])
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()]
    assert lines[0] == ["table", "metric", "method", "animal", "mosaic"]
    assert ["generators", "fid[efficientnet-lite0] (lower is better)", "child", "12.5", "9"] in lines
    assert ["zero_shot_segmentation", "miou (higher is better)", "zero-shot", "0.5", ""] in lines


def test_the_summary_shows_all_directions_together() -> None:
    settings = ("", "pca 0", "pca 1")
    rows = [row("change_cosine", 0.5, table="alignment_semantic", setting=setting) for setting in settings]
    assert len(summary(rows).splitlines()) == 3, "a head, a rule, a line"
    assert len(summary(rows[1:]).splitlines()) == 4, "where there is no such row, each"


def test_nested_metrics_lead_to_each_value(files: list[Path], tmp_path: Path) -> None:
    write_tables(files, tmp_path / "out")
    tree = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert tree["generators"]["human"]["animal"]["parent"] == {"fid[efficientnet-lite0]": 80.0}
    assert tree["zero_shot_segmentation"]["human"]["animal"]["zero-shot"]["skin"] == {"iou": 0.5}


def test_speeds_stand_apart_so_that_tables_do_not_change_from_run_to_run(tmp_path: Path) -> None:
    write_rows(
        tmp_path / "a.json",
        [row(metric, value, table="inversion") for metric, value in (("psnr", 20.0), ("images_per_s", 3.5))],
        {},
    )
    assert write_tables([tmp_path / "a.json"], tmp_path / "out") == {"inversion": 1}
    assert [record["value"] for record in read_csv(tmp_path / "out" / "speed.csv")] == ["3.5"]
    for name in ("all.csv", "inversion.csv", "inversion.md", "metrics.json", "summary.md"):
        assert "images_per_s" not in (tmp_path / "out" / name).read_text()


def test_a_number_given_twice_is_refused(files: list[Path], tmp_path: Path) -> None:
    with pytest.raises(StyleAlignError, match=r"a.json: generators human animal child fid .* stands in .*a.json too"):
        write_tables([files[0], files[0]], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_csv_field_with_commas_stays_one_field() -> None:
    text = to_csv(wide("generators", [row("fid", 1.0, setting="a, b")]))
    assert next(csv.DictReader(text.splitlines()))["setting"] == "a, b"


def test_the_command_writes_the_tables_and_links_the_figures(files: list[Path], tmp_path: Path, capsys: Any) -> None:
    out = tmp_path / "results" / "tables"
    figure = tmp_path / "results" / "figures" / "samples.png"
    assert main(["tables", *map(str, files), "--figures", str(figure), "--out-dir", str(out)]) == 0
    assert json.loads(capsys.readouterr().out) == {"generators": 3, "zero_shot_segmentation": 3}
    assert "- [samples](../figures/samples.png)" in (out / "summary.md").read_text()


def test_figures_of_another_configuration_do_not_stay(files: list[Path], tmp_path: Path) -> None:
    figures, jobs = tmp_path / "results" / "figures", tmp_path / "results" / "benchmarks" / "figures"
    figures.mkdir(parents=True)
    jobs.mkdir(parents=True)
    for name in ("samples", "aligned-human", "zero-shot-gone", "mine"):
        (figures / f"{name}.png").write_bytes(b"png")
        if name != "mine":
            (jobs / f"{name}.tsv").write_text("s\n1\n")
    (jobs / "front-ink.tsv").write_text("s\n1\n")  # of a figure elsewhere
    (figures / "front-ink.png").write_bytes(b"drawn by hand, after that job")
    os.utime(jobs / "front-ink.tsv", (0, 0))
    elsewhere = tmp_path / "paper"
    elsewhere.mkdir()
    (elsewhere / "zero-shot-gone.png").write_bytes(b"a copy")
    (figures / "samples.png").rename(elsewhere / "samples.png")
    (figures / "samples.png").symlink_to(elsewhere / "samples.png")
    own = [str(figures / f"{name}.png") for name in ("samples", "aligned-human")]
    words = ["tables", *map(str, files), "--figures", *own, "--out-dir", str(tmp_path / "results" / "tables")]
    assert main(words) == 0
    assert (figures / "zero-shot-gone.png").is_file(), "nothing goes without being told"
    assert main([*words, "--figure-jobs", str(jobs)]) == 0
    left = sorted(path.stem for path in figures.iterdir())
    assert left == ["aligned-human", "front-ink", "mine", "samples"]
    assert len(list(elsewhere.iterdir())) == 2, "nothing goes where a link leads to"
    assert sorted(path.stem for path in jobs.iterdir()) == ["aligned-human", "front-ink", "samples"]


def test_tables_of_another_configuration_do_not_stay(files: list[Path], tmp_path: Path) -> None:
    write_tables(files, tmp_path / "out")
    for name in ("own.csv", "seeds.csv"):
        (tmp_path / "out" / name).write_text("of another run")
    write_tables(files[:1], tmp_path / "out", only="wide")
    left = {path.name for path in (tmp_path / "out").iterdir()}
    assert "generators.csv" in left and "own.csv" in left and "seeds.csv" not in left
    assert not [name for name in left if name.startswith("zero_shot_segmentation")]


def test_a_file_that_holds_no_rows_is_named(tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "x.json").write_text("{}")
    assert main(["tables", str(tmp_path / "x.json"), "--out-dir", str(tmp_path / "out")]) == 2
    message = capsys.readouterr().err
    assert message.startswith(f"stylealign tables: {tmp_path}/x.json: ")
    assert message.count("\n") == 1
