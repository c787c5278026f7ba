"""What the page says was found: told only where the rows say so."""

import pytest

from stylealign.applications.labels.methods import BEST
from stylealign.measurements.rows import Row
from stylealign.report.page.comparison import charts
from stylealign.report.page.found import Finding, Number, explained, findings
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


@pytest.mark.parametrize(("control", "verdict"), [(0.98, ""), (0.97, ""), (0.7, "good")])
def test_a_share_that_the_control_has_too_is_no_merit(control: float, verdict: str) -> None:
    (finding,) = told(
        row("generators", "child", "share", 0.98, 0.01), row("generators", "unaligned", "share", control, 0.01)
    )
    assert f"98 % of its images pass for its domain, {100 * control:.0f} % of its control's," in finding.text
    assert finding.verdict == verdict


def distances(method: str, fid: float, kid: float, child: str = "animal") -> list[Row]:
    return [
        row("generators", method, "fid", fid, child=child),
        row("generators", method, "kid", kid, 0.5, child=child),
    ]


def test_the_distance_to_the_domain_stands_beside_the_parents_there_and_at_home() -> None:
    home = distances("parent", 497.0, 3.7, child="human")
    (finding,) = told(*home, *distances("parent", 2141.0, 23.7), *distances("child", 973.0, 10.2))
    assert finding.verdict == "", "nearer, and still far"
    assert finding.text == (
        "Nearer to its domain than the parent's images, and not as near as the parent is to its own by KID: "
        "FID 973 (the parent's images 2,141; the parent in its own domain 497), "
        "KID 10.2 (the parent's images 23.7; the parent in its own domain 3.7)."
    )
    (finding,) = told(*home, *distances("parent", 878.0, 6.6), *distances("child", 706.0, 6.7))
    assert finding.verdict == "bad"
    assert finding.text.startswith("Nearer to its domain than the parent's images by FID, not by KID")
    (finding,) = told(*home, *distances("parent", 878.0, 6.6), *distances("child", 490.0, 3.9))
    assert finding.verdict == "good"


@pytest.mark.parametrize(
    ("kid", "verdict", "said"), [(3.9, "good", ", as near as"), (10.2, "", ", and not as near as")]
)
def test_as_near_as_at_home_is_told_by_kid(kid: float, verdict: str, said: str) -> None:
    """The FID of 100 photographs is larger than that of 2,048 drawings by its bias alone."""
    home, parent = distances("parent", 420.0, 3.7, child="human"), distances("parent", 2141.0, 23.7)
    (finding,) = told(*home, *parent, *distances("child", 900.0, kid))
    assert (finding.verdict, said in finding.text) == (verdict, True)
    assert "to its own by KID: FID 900" in finding.text


@pytest.mark.parametrize(
    ("n", "said"), [(32, ", and not as near as the parent is to its own by FID: "), (100, "than the parent's images: ")]
)
def test_fid_alone_tells_of_home_where_it_is_of_as_many_images(n: int, said: str) -> None:
    (finding,) = told(
        row("generators", "parent", "fid", 420.0, child="human", n=n),
        row("generators", "parent", "fid", 2141.0),
        row("generators", "child", "fid", 900.0),
    )
    assert said in finding.text
    assert finding.verdict == ""


def test_a_control_that_is_as_near_to_the_domain_is_told() -> None:
    child = distances("child", 973.0, 10.2)
    (finding,) = told(*child, *distances("unaligned", 825.0, 8.5))
    assert (finding.verdict, finding.text) == (
        "bad",
        "Its control is as near to the domain, or nearer: FID 825 (the child's 973), KID 8.5 (the child's 10.2).",
    )
    (finding,) = told(*child, *distances("unaligned", 979.0, 10.4))
    assert finding.verdict == "bad"
    assert finding.text.endswith("nearer: KID 10.4 (the child's 10.2); farther by FID 979 (the child's 973).")
    (finding,) = told(*child, *distances("unaligned", 1200.0, 14.0))
    assert finding.verdict == "good"


def test_words_that_need_some_of_their_own_have_them() -> None:
    found = findings([*distances("child", 973.0, 10.2), *distances("unaligned", 825.0, 8.5)])
    assert [term for term, _ in explained(found)] == ["FID", "KID"]
    assert explained(findings([row("alignment_score", "child", "score", 0.6)])) == []


def test_each_number_of_a_sentence_is_of_its_row() -> None:
    score, control = row("alignment_score", "child", "score", 0.6), row("alignment_score", "unaligned", "score", 0.1)
    (finding,) = told(score, control)
    assert [(str(part), part.row) for part in finding.parts if isinstance(part, Number)] == [
        ("0.60", score),
        ("0.10", control),
    ]


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


@pytest.mark.parametrize(
    ("kid", "said", "verdict"),
    [(9.0, "were (KID", "good"), (4.2, "were, but no nearer than the control's (KID", "")],
)
def test_translations_stand_beside_the_controls(kid: float, said: str, verdict: str) -> None:
    (finding,) = told(
        row("translation", "w+", "kid", 4.0, 0.5, setting=NEAR),
        row("translation", "unaligned", "kid", kid, 0.5, setting=f"{NEAR}, w+"),
        row("translation", "unaligned", "kid", 1.0, 0.5, setting=f"{NEAR}, z"),
        row("translation", "untouched", "kid", 12.6, 0.5, setting=NEAR),
    )
    assert said in finding.text
    assert f"the control's {kid:.3g})" in finding.text
    assert finding.verdict == verdict


def test_labels_are_told_task_by_task() -> None:
    (finding,) = told(
        row("zero_shot_segmentation", BEST, "miou", 0.2, 0.01),
        row("zero_shot_segmentation", "source-only", "miou", 0.3, 0.01),
        row("zero_shot_regression", BEST, "mae", 10.0, 1.0, setting="rotation_deg"),
        row("zero_shot_regression", "source-only", "mae", 16.0, 1.0, setting="rotation_deg"),
        row("zero_shot_regression", BEST, "mae", 0.1, 0.01, setting="shift_x"),
        row("zero_shot_regression", "source-only", "mae", 0.1, 0.01, setting="shift_x"),
    )
    assert finding.verdict == "", "some better, some worse"
    start, _, told_apart = finding.text.partition(": ")
    assert "in the way that is best on validation images" in start
    clauses = ("better for rotation in degrees (10; 16)", "worse for segmentation (0.2; 0.3)")
    assert told_apart == "; ".join([*clauses, "not told apart for horizontal shift (0.1; 0.1)."])


@pytest.mark.parametrize(
    ("difference", "verdict", "said"),
    [(-0.02, "good", "better for"), (-0.005, "bad", "not told apart for"), (0.02, "bad", "worse for")],
)
def test_the_interval_of_the_paired_difference_decides_where_there_is_one(
    difference: float, verdict: str, said: str
) -> None:
    (finding,) = told(
        row("zero_shot_keypoints", BEST, "nme", 0.15, 0.03),
        row("zero_shot_keypoints", "source-only", "nme", 0.16, 0.03),
        row("zero_shot_keypoints", BEST, "nme_difference", difference, 0.01, setting="minus source-only"),
    )
    assert finding.verdict == verdict
    assert f": {said} key points (0.15; 0.16)" in finding.text


def test_numbers_of_several_things_have_a_chart_each() -> None:
    rows = [
        row("zero_shot_regression", method, "mae", value, setting=setting)
        for method in (BEST, "source-only")
        for setting, value in (("rotation_deg", 16.0), ("shift_x", 0.04))
    ]
    drawn = charts(rows)
    assert [(chart.column.setting, chart.end) for chart in drawn] == [("rotation_deg", "16"), ("shift_x", "0.04")]
