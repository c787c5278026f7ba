"""What the page says was found: told only where the rows say so."""

import pytest

from stylealign.applications.labels.methods import BEST
from stylealign.report.page.comparison import charts
from stylealign.report.page.found import Finding, findings
from tests.report.pages import row

NEAR = "to test images"


def told(*rows) -> list[Finding]:
    return [finding for _, found in findings(rows) for finding in found]


def test_nothing_is_said_of_nothing() -> None:
    assert findings([]) == []
    assert told(row("generators", "child", "fid", 998.5)) == []


@pytest.mark.parametrize(
    ("control", "spread", "verdict", "ending"),
    [(0.1, 0.05, "good", "its control by 0.10."), (0.55, 0.1, "bad", "so not more than it by this measure.")],
)
def test_the_score_stands_beside_its_control(control: float, spread: float, verdict: str, ending: str) -> None:
    (finding,) = told(
        row("alignment_score", "child", "score", 0.6, spread),
        row("alignment_score", "unaligned", "score", control, spread),
    )
    assert finding.verdict == verdict
    assert finding.text.startswith("Aligned with its parent by 0.60")
    assert finding.text.endswith(ending)


def test_a_score_without_a_control_says_so() -> None:
    (finding,) = told(row("alignment_score", "child", "score", 0.6))
    assert finding.text.endswith("without a control.")
    assert finding.verdict == ""


@pytest.mark.parametrize(("share", "verdict"), [(0.81, "good"), (0.2, "bad")])
def test_the_share_is_told_in_percent(share: float, verdict: str) -> None:
    (finding,) = told(row("generators", "child", "share", share))
    assert finding.text.startswith(f"{100 * share:.0f} % of its images")
    assert finding.verdict == verdict


@pytest.mark.parametrize(
    ("kid", "verdict", "said"),
    [(4.0, "good", "come nearer to its domain"), (12.0, "", "may come nearer"), (12.9, "bad", "come no nearer")],
)
def test_translations_stand_beside_the_untouched_pictures(kid: float, verdict: str, said: str) -> None:
    (finding,) = told(
        row("translation", "w+", "kid", kid, 0.5, setting=NEAR),
        row("translation", "z", "kid", 20.0, 0.5, setting=NEAR),
        row("translation", "untouched", "kid", 12.6, 0.5, setting=NEAR),
        row("translation", "untouched", "kid", 1.0, 0.5, setting="to training images"),
        row("translation", "w+", "keypoint_error", 0.25, 0.01),
        row("translation", "random", "keypoint_error", 0.42, 0.01),
    )
    assert finding.verdict == verdict
    assert said in finding.text
    assert "from w+; untouched 12.6" in finding.text
    assert "keep more of the layout than random images (key points off by 0.25; 0.42)" in finding.text


def test_labels_are_told_task_by_task() -> None:
    (finding,) = told(
        row("zero_shot_segmentation", BEST, "miou", 0.2, 0.01),
        row("zero_shot_segmentation", "source-only", "miou", 0.3, 0.01),
        row("zero_shot_regression", BEST, "mae", 10.0, 1.0, setting="rotation_deg"),
        row("zero_shot_regression", "source-only", "mae", 16.0, 1.0, setting="rotation_deg"),
        row("zero_shot_regression", BEST, "mae", 0.1, 0.01, setting="shift_x"),
        row("zero_shot_regression", "source-only", "mae", 0.1, 0.01, setting="shift_x"),
    )
    assert finding.verdict == "good"
    better, worse = finding.text.split("; not better for ")
    assert better.endswith(": better for rotation in degrees (10; 16)")
    assert worse == "segmentation (0.2; 0.3), horizontal shift (0.1; 0.1)."


@pytest.mark.parametrize(("difference", "verdict"), [(-0.02, "good"), (-0.005, "bad"), (0.02, "bad")])
def test_the_interval_of_the_paired_difference_decides_where_there_is_one(difference: float, verdict: str) -> None:
    (finding,) = told(
        row("zero_shot_keypoints", BEST, "nme", 0.15, 0.03),
        row("zero_shot_keypoints", "source-only", "nme", 0.16, 0.03),
        row("zero_shot_keypoints", BEST, "nme_difference", difference, 0.01, setting="minus source-only"),
    )
    assert finding.verdict == verdict


def test_numbers_of_several_things_have_a_chart_each() -> None:
    rows = [
        row("zero_shot_regression", method, "mae", value, setting=setting)
        for method in (BEST, "source-only")
        for setting, value in (("rotation_deg", 16.0), ("shift_x", 0.04))
    ]
    drawn = charts(rows)
    assert [(chart.column.setting, chart.end) for chart in drawn] == [("rotation_deg", "16"), ("shift_x", "0.04")]
