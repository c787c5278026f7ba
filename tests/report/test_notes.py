"""What the tables say of the models behind them."""

from typing import Any

from stylealign.measurements.rows import Row
from stylealign.report.notes import notes


def row(table: str, metric: str, value: float, **columns: Any) -> Row:
    named = {"parent": "human", "child": "toon", "method": "child", "setting": "", "features": ""} | columns
    return Row(table=table, metric=metric, value=value, **named)


def cosine(value: float, **columns: Any) -> Row:
    return row("alignment_weights", "cosine", value, setting="mapping", **columns)


CURVE, SCORE = row("alignment_curve", "fid", 9.0, setting="1 kimg"), row("alignment_score", "score", 0.4)


def test_a_family_as_it_should_be_needs_no_words() -> None:
    assert notes([cosine(0.99), cosine(0.01, method="unaligned"), CURVE, SCORE]) == []


def test_a_child_of_somebody_else_is_named() -> None:
    (note,) = notes([cosine(0.04), CURVE, SCORE])
    assert note.startswith("toon does not look like a child of human")
    assert "0.04" in note


def test_a_control_of_the_same_family_is_named() -> None:
    (note,) = notes([cosine(0.99), cosine(0.97, method="unaligned")])
    assert note.startswith("The control of toon looks like a child of human itself")


def test_what_a_fetched_child_cannot_have_is_said() -> None:
    other = row("alignment_score", "score", 0.5, child="sketch")
    (note,) = notes([SCORE, other, CURVE])
    assert note.endswith("without a training log, snapshots and a curve: sketch.")


def test_what_is_small_is_said() -> None:
    interval = {"ci_low": 0.1, "ci_high": 0.3}
    few = row("translation", "keypoint_error", 0.2, n=32, **interval)
    enough = row("alignment_score", "score", 0.2, n=300, **interval)
    part = row("alignment_score", "score", 0.2, n=40, setting="4 px", **interval)
    small, one = notes([few, enough, part, CURVE])
    assert small.endswith("translation (32).")
    assert one.startswith("One training of each child")
    mean = row("generators", "kid", 0.2, n=3, child="toon (mean of 3 seeds)", **interval)
    assert notes([enough, part, mean, CURVE]) == []
