"""The ladder: numbers of other tables beside the distances of the domains, and its figure."""

import json
from pathlib import Path

import pytest

from stylealign.cli.main import main
from stylealign.config import MetricSettings
from stylealign.experiment.experiment import OF_THE_LADDER
from stylealign.measurements.ladder import ladder_rows, rank_rows
from stylealign.measurements.rows import Row, read_rows, write_rows
from stylealign.report.figures import read_sheet
from stylealign.report.ladder import PANELS, points_of, rank_of
from tests.experiment.common import experiment


def row(table: str, child: str, method: str, metric: str, value: float, setting: str = "") -> Row:
    return Row(table, "human", child, method, setting, metric, "", value)


def rows_of_rungs() -> list[Row]:
    """Return rows of two rungs, the far one first, and of a domain that has no measure."""
    found = [row("distances", "human", "", "domain_fid", 10), row("distances", "empty", "", "domain_fid", 20)]
    for child, far in (("robot", 90.0), ("toon", 30.0)):
        found += [
            row("distances", child, "", "domain_fid", far),
            row("alignment_pointwise", child, "drawn pairs, same pose", "segmentation_agreement", 0.4, "annotations"),
            row("alignment_pointwise", child, "drawn pairs, same pose", "segmentation_agreement", 0.3),
            row("alignment_score", child, "child", "score", 1 - far / 100),
            row("alignment_score", child, "child", "chance", 0.1),
            row("alignment_score", child, "unaligned", "score", 0.0),
            row("generators", child, "parent", "share", 0.0),
            row("zero_shot_segmentation", child, "zero-shot", "miou", 0.5),
            row("zero_shot_segmentation", child, "zero-shot", "iou", 0.9, "skin"),
        ]
    return found


def test_each_rung_has_its_distances_and_measures_from_the_nearest() -> None:
    found = ladder_rows(rows_of_rungs())
    assert {row.table for row in found} == {"ladder"}
    assert list(dict.fromkeys(row.child for row in found)) == ["toon", "robot"]
    toon = {(row.method, row.metric): row.value for row in found if row.child == "toon"}
    measures = {
        ("child", "score"): 0.7,
        ("unaligned", "score"): 0.0,
        ("zero-shot", "miou"): 0.5,
        ("drawn pairs, same pose", "segmentation_agreement"): 0.3,
    }
    distances = {"domain_fid": 30.0, "same_pose_agreement": 0.4}
    beside = {(method, name): value for method, _ in measures for name, value in distances.items()}
    assert toon == pytest.approx(measures | beside)


def test_a_domain_without_annotations_has_what_needs_none() -> None:
    rows = [row for row in rows_of_rungs() if row.table in ("distances", "alignment_score")]
    assert {row.metric for row in ladder_rows(rows)} == {"domain_fid", "score"}


def test_points_are_of_children_that_have_all_numbers_of_a_panel() -> None:
    rows = ladder_rows(rows_of_rungs())
    score = next(panel for panel in PANELS if panel.metrics == ("score",))
    assert points_of(rows, score, "domain_fid") == {
        "child": [(30.0, pytest.approx(0.7), "toon"), (90.0, pytest.approx(0.1), "robot")],
        "unaligned": [(30.0, 0.0, "toon"), (90.0, 0.0, "robot")],
    }
    pose = next(panel for panel in PANELS if len(panel.metrics) == 4)
    assert points_of(rows, pose, "domain_fid") == {}


def test_measures_are_ranked_against_both_distances() -> None:
    scores = {"a": 0.9, "b": 0.7, "c": 0.8, "d": 0.2, "e": 0.1}  # one exchange: Spearman's -0.9
    rows = []
    for place, (child, score) in enumerate(scores.items()):
        rows += [
            row("ladder", child, "child", "domain_fid", 10.0 ** (place + 1)),
            row("ladder", child, "child", "same_pose_agreement", 0.5 - place / 100),
            row("ladder", child, "child", "score", score),
            row("ladder", child, "unaligned", "score", 0.0),
            row("ladder", child, "oracle", "mae", score**3, "rotation_deg"),
        ]
    found = {(own.method, own.setting, own.metric): own for own in rank_rows(rows, MetricSettings())}
    fid, pose = "rank_correlation[domain_fid]", "rank_correlation[same_pose_agreement]"
    assert len(found) == 6
    assert found["unaligned", "score", fid].value is None, "the control's scores are all alike"
    assert found["child", "score", fid].value == pytest.approx(-0.9)
    assert found["oracle", "mae, rotation_deg", pose].value == pytest.approx(0.9)
    assert {own.n for own in found.values()} == {5}
    score = next(panel for panel in PANELS if panel.metrics == ("score",))
    assert rank_of(list(found.values()), score, "domain_fid") == "rank correlation -0.90"
    assert rank_rows([own for own in rows if own.child != "e"], MetricSettings()) == [], "too few"


@pytest.mark.parametrize(("children", "has_interval"), [(9, False), (10, True)])
def test_ranks_of_few_children_have_no_interval(children: int, has_interval: bool) -> None:
    rows = []
    for place in range(children):
        rows.append(row("ladder", f"{place}", "child", "domain_fid", 10.0 + place))
        rows.append(row("ladder", f"{place}", "child", "score", 0.5 - (place ^ 1) / 100))  # neighbours exchanged
    found = rank_rows(rows, MetricSettings())[0]
    assert found.value is not None and -1 < found.value < -0.9
    assert found.n == children
    if not has_interval:
        assert (found.ci_low, found.ci_high) == (None, None)
        return
    assert found.ci_low is not None and found.ci_high is not None
    assert -1 <= found.ci_low < found.value < found.ci_high, "domains are drawn anew"


def test_a_table_of_ranks_is_announced_where_there_are_children_enough() -> None:
    children = [f"{name}: {{domain: animal, parent: human}}" for name in "abcd"]
    far = "e: {domain: mine, parent: human}"
    for models, has_ranks in (([*children[:3], far], False), ([*children, far], True)):
        asked = experiment(Path(), "\n".join(["human: {domain: human, fetch: human-64-a}", *models]))
        assert "ladder" in asked.tables()
        assert ("ladder_ranks" in asked.tables()) == has_ranks


def test_from_rows_to_the_figure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = []
    for table in dict.fromkeys(row.table for row in rows_of_rungs()):
        write_rows(tmp_path / f"{table}.json", [row for row in rows_of_rungs() if row.table == table], {})
        files.append(f"{table}={tmp_path / table}.json")
    out, picture = tmp_path / "ladder.json", tmp_path / "ladder.png"
    assert main(["evaluate", "ladder", *files, "--child-name", "human", "--out", str(out)]) == 0
    assert read_rows(out)[0] == ladder_rows(rows_of_rungs())
    assert main(["figures", "ladder", f"human={out}", "--out", str(picture)]) == 0
    assert read_sheet(picture).shape[2] > 1000
    capsys.readouterr()
    twice = [*files, f"again={tmp_path / 'generators'}.json"]
    assert main(["evaluate", "ladder", *twice, "--child-name", "human", "--out", str(out)]) == 2
    assert "share of robot (generators) is in generators and again in again" in capsys.readouterr().err
    assert main(["evaluate", "ladder", files[1], "--child-name", "human", "--out", str(out)]) == 2
    assert "give the files of `evaluate distances`" in capsys.readouterr().err
    assert main(["figures", "ladder", files[0], "--out", str(picture)]) == 2
    assert "give files of `evaluate ladder`" in capsys.readouterr().err


def test_the_distance_of_a_domain_from_itself_is_the_smallest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, domain in (("human", "human"), ("far", "bottts")):
        settings = json.dumps({"draw": domain, "train_images": 24, "test_images": 20, "resolution_px": 32})
        assert main(["data", "draw", "--out-dir", str(tmp_path / name), "--settings", settings]) == 0
    human, out = tmp_path / "human", tmp_path / "rows.json"
    files = [f"far={tmp_path / 'far' / 'train.zip'}", f"--data={human / 'train.zip'}"]
    names = ["--parent-name=human", "--child-name=human", f"--out={out}"]
    assert main(["evaluate", "distances", *files, f"--test-data={human / 'test.zip'}", *names]) == 0
    found = {(row.child, row.metric): row for row in read_rows(out)[0]}
    assert found["human", "domain_kid"].value < found["far", "domain_kid"].value
    printed = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert list(printed) == ["domain_fid", "domain_kid", "far domain_fid", "far domain_kid"]
    assert {row.n for row in found.values() if row.metric == "domain_fid"} == {20}, "equally many of each"


def test_a_ladder_is_of_a_parent_with_children_in_several_domains() -> None:
    models = """
human: {domain: human, fetch: human-64-a}
other: {domain: human, fetch: human-64-b}
animal: {domain: animal, parent: human}
unaligned: {domain: animal, parent: other, control_of: animal}
own: {domain: mine, parent: human}
"""
    asked = experiment(Path(), models)
    assert asked.ladders() == ["human"]
    assert asked.distance_sets("human") == {
        "animal": "data/prepared/animal/train.zip",
        "own": "data/prepared/mine/train.zip",
    }
    files = asked.ladder_rows("human")
    assert set(files.values()) <= {*asked.all_rows()}
    assert {"generators/animal/unaligned", "zero_shot/pose/animal", "references/animal/same-pose"} <= set(files)
    assert "alignment_score/own" in files
    for kind in OF_THE_LADDER:
        assert {f"{kind}/animal", f"{kind}/unaligned"} <= set(files), "a child beside its control"
    assert {"results/figures/ladder.png"} < set(asked.all_figures())
    assert experiment(Path()).ladders() == [], "one child of each parent"
