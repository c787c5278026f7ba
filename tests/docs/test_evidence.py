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
    return [float(re.sub(r" \(.*|,", "", cell)) for cell in cells(label, 0)]


def cells(label: str, part: int) -> list[str]:
    """Return the cells of a row, before (0) or behind (1) the heading of the three trainings."""
    parts = (DOCS / "findings.md").read_text().split("## Three trainings")
    rows = [line for line in parts[part].splitlines() if line.startswith(f"| {label} |")]
    assert len(rows) == 1, label
    return rows[0].strip("| ").split(" | ")[1:]


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


@pytest.mark.parametrize(
    ("label", "table", "metric", "setting", "digits"),
    [
        ("FID", "generators", "fid", "", 0),
        ("score", "alignment_score", "score", "", 2),
        ("background colour", "alignment_pointwise", "background_correlation", "", 2),
        ("agreement of parts", "alignment_pointwise", "segmentation_agreement", "", 3),
        ("the parent's rotation does", "alignment_semantic", "effect_ratio", "boundary rotation", 2),
        ("style channels in the same region", "alignment_channels", "shared", "", 2),
    ],
)
def test_three_trainings_are_what_was_measured(label: str, table: str, metric: str, setting: str, digits: int) -> None:
    numbers = measured()
    for child, cell in zip(CHILDREN, cells(label, 1), strict=True):
        if cell == "-":
            assert not [row for row in numbers if row[:2] == (table, child)]
            continue
        wanted = [numbers[table, name, "child", metric, setting] for name in (child, f"{child}-s1", f"{child}-s2")]
        assert [float(number.replace(",", "")) for number in cell.split(", ")] == [
            round(number, digits) for number in wanted
        ]


def test_the_horizontal_shift_of_sketch_is_what_was_measured() -> None:
    key = ("zero_shot_regression", "zero-shot best", "mae_difference", "shift_x, minus source-only")
    mean = measured()[key[0], "sketch (mean of 3 seeds)", *key[1:]]
    section = (DOCS / "findings.md").read_text().split("| `sketch` | source-only | zero-shot best, mean")[1]
    row = next(line for line in section.splitlines() if line.startswith("| horizontal shift"))
    assert f"*{mean:.4f} (" in row


@pytest.mark.parametrize(
    ("label", "method", "setting"),
    [
        ("W+", "w+", "to test images"),
        ("reference-guided", "reference-guided", "to test images"),
        ("untouched", "untouched", "to test images"),
    ],
)
def test_translations_are_what_was_measured(label: str, method: str, setting: str) -> None:
    numbers = measured()
    wanted = [numbers["translation", child, method, "kid", setting] for child in ("ink", "toon", "sketch", "robot")]
    found = [float(cell.strip("*")) for cell in cells(label, 0)[::3]]
    assert found == [round(number, 1) for number in wanted]


@pytest.mark.parametrize(
    ("part", "label", "child", "kimg"),
    [
        ("**`toon`** (", "perceptual network 4", "toon-perceptual", 24),
        ("**`toon`** (", "RGB outputs 16", "toon-rgb", 24),
        ("**`sketch`** (", "plain", "sketch-front", 24),
        ("**`sketch`** (", "outlines 2", "sketch-layout", 24),
        ("**`robot`** (", "distances 1,000, with patches", "robot-distances", 24),
        ("**After 64 kimg**", "`sketch`, outlines 2", "sketch-layout", 64),
        ("**`robot`** (", "the parent's weights 1e-2", "robot-weights", 24),
        ("**After 64 kimg**", "`robot`, outlines 2", "robot-layout", 64),
        ("**After 64 kimg**", "`robot`, features 8 (seed 1)", "robot-s1", 64),
        ("**After 64 kimg**", "`sketch`, perceptual network 4", "sketch-perceptual", 64),
        ("**After 64 kimg**", "`toon`, perceptual network 4", "toon-perceptual", 64),
    ],
)
def test_ways_to_keep_are_what_was_measured(part: str, label: str, child: str, kimg: int) -> None:
    with gzip.open(DOCS / "evidence" / "front.csv.gz", "rt", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if (row["child"], row["method"]) == (child, "child")]
    numbers = {row["metric"]: float(row["value"]) for row in rows if row["setting"] == f"{kimg} kimg" and row["value"]}
    page = (DOCS / "experiments" / "keeping.md").read_text().split("## Toons, sketches and robots")[1].split(part)[1]
    line = next(line for line in page.splitlines() if line.startswith(f"| {label} |"))
    cells = [cell.replace(",", "") for cell in line.strip("| ").split(" | ")[1:]]
    shown = ("fid", "label_fid", "recall", "share", "segmentation_agreement", "keypoint_error")
    assert [float(cell) for cell in cells[:6]] == [
        round(numbers[name], digits) for name, digits in zip(shown, (0, 1, 2, 2, 3, 3), strict=True)
    ]
