"""Rows of the tables and their provenance."""

import json
import subprocess
import sys

import pytest

from stylealign.config import MetricSettings
from stylealign.errors import StyleAlignError
from stylealign.files import sha256_of_file
from stylealign.measurements.rows import COLUMNS, Row, read_rows, write_rows
from stylealign.provenance import provenance_of


def test_columns_are_those_of_the_long_table() -> None:
    expected = "table, parent, child, method, setting, metric, features, value, ci_low, ci_high, n, higher_is_better"
    assert ", ".join(COLUMNS) == expected


def test_round_trip_with_provenance(tmp_path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "input").write_bytes(b"data")
    provenance = provenance_of(
        "evaluate generators", 3, MetricSettings(seed=5), {"data": tmp_path / "input", "model": None}, protocol="p"
    )
    rows = [Row("generators", "human", "animal", "child", "", "fid", "efficientnet-lite0", 12.5, n=4000)]
    write_rows(tmp_path / "rows.json", rows, provenance)
    read, again = read_rows(tmp_path / "rows.json")
    assert read == rows
    assert again == provenance
    assert provenance["inputs_sha256"] == {"data": sha256_of_file(tmp_path / "input")}
    assert provenance["inputs"] == {"data": str(tmp_path / "input")}, "an input is known by its path, too"
    assert (provenance["seed"], provenance["verb_version"], provenance["protocol"]) == (5, 3, "p")
    assert read[0].higher_is_better is False


def test_values_that_do_not_exist_are_null(tmp_path) -> None:  # type: ignore[no-untyped-def]
    row = Row("zero_shot_segmentation", "", "c", "m", "s", "iou", "", float("nan"), float("inf"), 0.5)
    write_rows(tmp_path / "rows.json", [row], {})
    content = json.loads((tmp_path / "rows.json").read_text())["rows"][0]
    assert content["value"] is None
    assert content["ci_low"] is None
    assert content["ci_high"] == 0.5


def test_errors(tmp_path) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(AssertionError, match="unknown metric 'fidd' of the table generators"):
        Row("generators", "", "c", "m", "s", "fidd", "", 1.0)
    with pytest.raises(AssertionError, match="unknown table 't'"):
        Row("t", "", "c", "m", "s", "fid", "", 1.0)
    with pytest.raises(StyleAlignError, match=r"missing: no such file \(data\)"):
        provenance_of("v", 1, MetricSettings(), {"data": tmp_path / "missing"})
    (tmp_path / "other.json").write_text("[]")
    with pytest.raises(StyleAlignError, match=r"other\.json: not a file of rows"):
        read_rows(tmp_path / "other.json")


def test_needs_no_torch() -> None:
    light = "stylealign.measurements.rows, stylealign.cli.evaluate, stylealign.experiment, stylealign.planning.plan"
    code = f"import sys, {light}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
