"""Mean and spread over seeds."""

import csv
import dataclasses
import math
from pathlib import Path

import pytest
from scipy import stats

from stylealign.measurements.rows import Row, write_rows
from stylealign.metrics.student import student_factor
from stylealign.report.seeds import over_seeds
from stylealign.report.tables import write_tables

SEEDED = {"cat": ["cat-s0", "cat-s1", "cat-s2"]}


def rows(values: list[float | None], metric: str = "fid", table: str = "generators", **more: str) -> list[Row]:
    return [
        Row(
            table,
            "human",
            f"cat-s{seed}",
            more.get("method", "child"),
            more.get("setting", ""),
            metric,
            "f",
            value,
            None if value is None else value - 9,
            None if value is None else value + 9,
            4000,
        )
        for seed, value in enumerate(values)
    ]


@pytest.mark.parametrize("degrees", [1, 2, 5, 20, 21, 40, 200])
def test_the_factor_is_students(degrees: int) -> None:
    assert student_factor(degrees) == pytest.approx(stats.t.ppf(0.975, degrees), rel=2e-3)


def test_the_mean_row_has_the_t_interval_over_seeds_and_what_the_images_leave_open() -> None:
    values = [10.0, 13.0, 16.0]
    means, spreads = over_seeds(rows(values), SEEDED)
    (row,), (spread,) = means, spreads
    assert (row.child, row.parent, row.value, row.n) == ("cat (mean of 3 seeds)", "human", 13.0, 3)
    low, high = stats.t.interval(0.95, 2, loc=13.0, scale=3 / math.sqrt(3))
    half = math.hypot((high - low) / 2, 9)
    assert (row.ci_low, row.ci_high) == pytest.approx((13 - half, 13 + half), rel=1e-3)
    bare = [dataclasses.replace(own, ci_low=None, ci_high=None) for own in rows(values)]
    (row,), _ = over_seeds(bare, SEEDED)
    assert (row.ci_low, row.ci_high) == pytest.approx((low, high), rel=1e-3), "a number without intervals"
    assert spread.record()[7:] == [13.0, 3.0, 10.0, 16.0, 3, False]


def test_a_number_no_seed_changes_keeps_its_own_interval() -> None:
    same = rows([7.0, 7.0, 7.0], method="parent")
    means, spreads = over_seeds(same, SEEDED)
    assert spreads == []
    (row,) = means
    assert dataclasses.replace(row, child="cat-s0") == same[0]
    assert means[row] == same


def test_what_a_seed_lacks_has_no_mean() -> None:
    assert over_seeds(rows([1.0, None, 2.0]), SEEDED) == ({}, [])
    assert over_seeds(rows([1.0, 2.0]), SEEDED) == ({}, [])
    assert over_seeds(rows([1.0, 2.0, 3.0]), {}) == ({}, [])


def test_a_control_of_one_seed_stands_beside_the_mean() -> None:
    values = rows([10.0, 13.0, 16.0])
    (control,) = rows([20.0], method="unaligned")
    (other,) = rows([30.0], method="zero-shot")
    means, spreads = over_seeds([*values, control, other], SEEDED)
    assert len(spreads) == 1
    beside = [row for row in means if row.method == "unaligned"]
    assert beside == [dataclasses.replace(control, child="cat (mean of 3 seeds)")], "with its own interval and n"
    assert {row.method for row in means} == {"child", "unaligned"}
    two = [dataclasses.replace(control, child="cat-s1", value=22.0), control]
    means, _ = over_seeds([*values, *two], SEEDED)
    (row,) = (row for row in means if row.method == "unaligned")
    assert (row.value, row.n) == (21.0, 2)


def test_the_parents_of_a_second_generation_are_one_too() -> None:
    seeded = SEEDED | {"lion": ["lion-s0", "lion-s1", "lion-s2"]}
    lions = [
        dataclasses.replace(row, parent=row.child, child=row.child.replace("cat", "lion")) for row in rows([1, 2, 3])
    ]
    (row,), _ = over_seeds(lions, seeded)
    assert (row.parent, row.child) == ("cat", "lion (mean of 3 seeds)")


def test_tables_show_seeds_and_mean(tmp_path: Path) -> None:
    found = rows([10.0, 13.0, 16.0]) + rows([0.5, 0.7, 0.6], "iou", "zero_shot_segmentation", setting="eyes")
    write_rows(tmp_path / "rows.json", found, {})
    write_tables([tmp_path / "rows.json"], tmp_path, seeded=SEEDED)
    with (tmp_path / "seeds.csv").open(newline="") as file:
        spreads = list(csv.DictReader(file))
    assert (spreads[0]["metric"], spreads[0]["mean"], spreads[0]["std"]) == ("fid", "13.0", "3.0")
    with (tmp_path / "all.csv").open(newline="") as file:
        children = [line["child"] for line in csv.DictReader(file) if line["metric"] == "fid"]
    assert children == ["cat-s0", "cat-s1", "cat-s2", "cat (mean of 3 seeds)"]
    assert "| cat (mean of 3 seeds) | child" in (tmp_path / "generators.md").read_text()
    with (tmp_path / "zero_shot_segmentation.csv").open(newline="") as file:
        assert list(csv.DictReader(file))[-1]["iou eyes[f]"] == repr((0.5 + 0.7 + 0.6) / 3)
