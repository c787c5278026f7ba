"""docs/findings.md against docs/evidence/all.csv.gz, every number of the run that it tells of."""

import csv
import gzip
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
CHILDREN = ("ink", "toon", "sketch", "robot", "animal")
SHOWN = [
    ("FID", "generators", "child", "fid", "", 0),
    ("of the parent as it is", "generators", "parent", "fid", "", 0),
    ("recall", "generators", "child", "recall", "", 2),
    ("**score**", "alignment_score", "child", "score", "", 2),
    ("score of the unaligned control", "alignment_score", "unaligned", "score", "", 2),
    ("that image is found first (no part of the score)", "alignment_score", "child", "partner_first", "", 2),
]


def measured() -> dict[tuple[str, str, str, str, str], float]:
    with gzip.open(DOCS / "evidence" / "all.csv.gz", "rt", encoding="utf-8") as file:
        return {
            (row["table"], row["child"], row["method"], row["metric"], row["setting"]): float(row["value"])
            for row in csv.DictReader(file)
            if row["value"]
        }


def shown(label: str) -> list[float]:
    """Return the numbers of a row of the page, without their intervals."""
    rows = [line for line in (DOCS / "findings.md").read_text().splitlines() if line.startswith(f"| {label} |")]
    assert len(rows) == 1, label
    return [float(re.sub(r" \(.*|,", "", cell)) for cell in rows[0].strip("| ").split(" | ")[1:]]


@pytest.mark.parametrize(("label", "table", "method", "metric", "setting", "digits"), SHOWN)
def test_a_row_of_the_findings_is_what_was_measured(
    label: str, table: str, method: str, metric: str, setting: str, digits: int
) -> None:
    numbers = measured()
    wanted = [numbers[table, child, method, metric, setting] for child in CHILDREN]
    assert shown(label) == [round(number, digits) for number in wanted]


def test_the_labels_of_ink_are_what_was_measured() -> None:
    numbers = measured()
    page = (DOCS / "findings.md").read_text()
    row = next(line for line in page.splitlines() if line.startswith("| parts, mean IoU") and "students" in line)
    source, best, difference = (float(cell) for cell in re.findall(r"(?<![\d-])0\.\d{3}", row)[:3])
    kind = "zero_shot_segmentation"
    assert source == round(numbers[kind, "ink", "source-only", "miou", ""], 3)
    assert best == round(numbers[kind, "ink", "zero-shot best", "miou", ""], 3)
    assert difference == round(numbers[kind, "ink", "zero-shot best", "miou_difference", "minus source-only"], 3)
