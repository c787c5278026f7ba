"""The front: ways to fine-tune for one domain, against the plain child of the same kimg."""

import dataclasses
import json
from pathlib import Path

import pytest

from stylealign.cli.main import main
from stylealign.measurements.alignment_front import front_rows, read_comparable
from stylealign.measurements.rows import Row, read_rows, write_rows
from stylealign.report.front import references
from tests.experiment.common import experiment

KIMG = (8, 24)


def row(child: str, metric: str, value: float, setting: str, method: str = "child", **fields: str) -> Row:
    names = fields.get("table", "alignment_curve"), "human", child, method, setting, metric, ""
    return Row(*names, value, value - 0.02, value + 0.02, 9)


def curves() -> list[Row]:
    """Return the curves of the plain child, of another way and of a control, and references."""
    found = []
    for child, method, agreement, fid in (
        ("ink", "child", 0.5, 800.0),
        ("ink-features-1", "child", 0.8, 840.0),
        ("ink", "unaligned", 0.1, 780.0),
    ):
        for kimg in KIMG:
            values = {"segmentation_agreement": agreement, "score": agreement, "fid": fid, "share": 0.7, "w_cosine": 1}
            found += [row(child, metric, value, f"{kimg} kimg", method) for metric, value in values.items()]
    pairs = {"table": "alignment_pointwise", "method": "drawn pairs, same pose"}
    found.append(row("ink", "segmentation_agreement", 0.4, "", **pairs))
    found.append(row("ink", "segmentation_agreement", 0.45, "annotations", **pairs))
    found.append(row("ink", "fid", 900, "", table="generators", method="parent"))
    found.append(row("ink", "fid", 700, "", table="generators"))
    return found


def test_each_way_is_compared_with_the_plain_child_of_the_same_kimg() -> None:
    found = front_rows(curves(), "ink")
    assert {row.table for row in found} == {"alignment_front"}
    values = {(row.child, row.method, row.setting, row.metric): row.value for row in found}
    assert len(values) == len(found)
    assert values["ink", "parent", "", "fid"] == 900
    assert values["ink", "drawn pairs, same pose", "", "segmentation_agreement"] == 0.4
    for kimg in KIMG:
        way = {metric: value for (child, _, at, metric), value in values.items() if (child, at) == way_at(kimg)}
        assert way["kept"] == pytest.approx(0.6)
        assert way["score_kept"] == pytest.approx(0.6)
        assert way["share_difference"] == 0
        assert way["fid_ratio"] == pytest.approx(1.05)
        assert values["ink", "unaligned", f"{kimg} kimg", "kept"] == pytest.approx(-0.8)
        assert ("ink", "child", f"{kimg} kimg", "kept") not in values
    assert not any(row.metric in ("w_cosine", "kept_of_redrawn") for row in found)
    derived = [row for row in found if row.metric == "kept"]
    assert all(row.n is None and row.ci_low is None for row in derived)


def test_where_both_domains_draw_the_same_figures_one_redrawn_is_the_most_that_can_be_kept() -> None:
    redrawn = {"table": "alignment_pointwise", "method": "drawn pairs, same figure"}
    pairs = [row("ink", "segmentation_agreement", 0.9, "", **redrawn)]
    pairs.append(row("ink", "segmentation_agreement", 0.99, "annotations", **redrawn))
    found = front_rows([*curves(), *pairs], "ink")
    values = {(row.child, row.method, row.setting, row.metric): row.value for row in found}
    for kimg in KIMG:
        assert values[way_at(kimg)[0], "child", f"{kimg} kimg", "kept"] == pytest.approx(0.6), "of the parent unchanged"
        assert values[way_at(kimg)[0], "child", f"{kimg} kimg", "kept_of_redrawn"] == pytest.approx(0.75)
        assert values["ink", "unaligned", f"{kimg} kimg", "kept_of_redrawn"] == pytest.approx(-1)
    low = [dataclasses.replace(row, value=0.4, ci_low=0.38) for row in pairs]
    found = front_rows([*curves(), *low], "ink")
    assert not any(row.metric == "kept_of_redrawn" for row in found), "nothing is lost against it"


def test_nothing_is_said_to_be_kept_where_hardly_anything_is_lost() -> None:
    """The plain child has 0.5, give or take 0.02."""
    redrawn = {"table": "alignment_pointwise", "method": "drawn pairs, same figure"}
    for most, is_there in ((0.53, False), (0.55, True)):
        found = front_rows([*curves(), row("ink", "segmentation_agreement", most, "", **redrawn)], "ink")
        assert any(row.metric == "kept_of_redrawn" for row in found) == is_there
    for high, is_there in ((1.0, False), (0.99, True)):
        unsure = [dataclasses.replace(row, ci_high=high) for row in curves()]
        assert any(row.metric == "kept" for row in front_rows(unsure, "ink")) == is_there
        assert any(row.metric == "score_kept" for row in front_rows(unsure, "ink")) == is_there
    bare = [dataclasses.replace(row, ci_low=None, ci_high=None) for row in curves()]
    assert any(row.metric == "kept" for row in front_rows(bare, "ink"))


def way_at(kimg: int) -> tuple[str, str]:
    return "ink-features-1", f"{kimg} kimg"


def test_from_rows_to_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_rows(tmp_path / "rows.json", curves(), {"settings": {"samples": 500, "curve_images": 500}})
    out = tmp_path / "front.json"
    arguments = ["evaluate", "front", f"all={tmp_path / 'rows.json'}", "--out", str(out), "--child-name"]
    assert main([*arguments, "ink"]) == 0
    assert read_rows(out)[0] == front_rows(curves(), "ink")
    assert main([*arguments, "toon"]) == 2
    assert "no rows of the table alignment_curve of toon" in capsys.readouterr().err
    assert json.loads(out.read_text())["provenance"]["plain"] == "ink"


@pytest.mark.parametrize(("samples", "compares"), [(500, True), (4000, False), (None, False)])
def test_the_parents_fid_is_compared_where_it_is_of_as_many_samples(
    samples: int | None, compares: bool, tmp_path: Path
) -> None:
    curve = [own for own in curves() if own.table == "alignment_curve"]
    of_parent = [own for own in curves() if own.table == "generators"]
    of_parent.append(row("ink", "share", 0.2, "", table="generators", method="parent"))
    files = [tmp_path / "curve.json", tmp_path / "parent.json"]
    write_rows(files[0], curve, {"settings": {"samples": 4000, "curve_images": 500}})
    write_rows(files[1], of_parent, {"settings": {"samples": samples, "curve_images": 500}} if samples else {})
    read = read_comparable(files)
    assert references(read)[0] == ({"fid": 900, "share": 0.2} if compares else {"share": 0.2}), "the figure's cross"
    found = front_rows(read, "ink")
    assert any(own.method == "parent" and own.metric == "fid" for own in found) == compares
    ways = {own.child for own in found if own.metric == "agreement_above_at_fid"}
    assert ways == ({"ink-features-1"} if compares else set()), "between the plain child's 800 and the parent's 900"
    assert any(own.child == "ink" and own.metric == "fid" and own.method == "child" for own in found)


def test_another_seed_is_not_another_way(tmp_path: Path) -> None:
    domains = {"human": {"draw": "human"}, "ink": {"draw": "ink"}}
    models = "human: {domain: human, fetch: human-64-a}\nink: {domain: ink, parent: human}\n"
    models += "again: {domain: ink, parent: human, train: {seed: 1}}\n"
    assert experiment(tmp_path, models, domains=domains).fronts() == []
    models += "kept: {domain: ink, parent: human, train: {keep: {features: {weight: 1}}}}\n"
    found = experiment(tmp_path, models, domains=domains)
    assert found.fronts() == ["ink"]
    assert list(found.front_rows("ink")) == [
        "alignment_curve/ink",
        "alignment_curve/again",
        "alignment_curve/kept",
        "references/ink/same-pose",
        "references/ink/same-figure",
        "generators/ink/human",
    ]


@pytest.mark.parametrize(
    ("first", "second", "plain"),
    [
        ("", "keep: {}", "second"),
        ("keep: {}", "keep: {}, kimg: 5", "first"),
        ("keep: {}, discriminator: both", "preset: stylegan2", "second"),
        ("keep: {}, train_only: [mapping]", "keep: {}", "second"),
        ("keep: {pull: {tolerance: 1}}", "keep: {}", "second"),
        ("preset: aligned64", "preset: aligned64-both", "first"),
    ],
)
def test_the_plain_child_is_the_first_of_plain_fine_tuning(first: str, second: str, plain: str, tmp_path: Path) -> None:
    domains = {"human": {"draw": "human"}, "ink": {"draw": "ink"}}
    models = "human: {domain: human, fetch: human-64-a}\nfetched: {domain: ink, parent: human, fetch: ink-64-plain}\n"
    for name, train in (("first", first), ("second", second)):
        models += f"{name}: {{domain: ink, parent: human, train: {{{train}}}}}\n"
    found = experiment(tmp_path, models, domains=domains)
    assert found.fronts() == ["ink"]
    assert found.plain_child("ink") == plain


def test_a_second_control_is_compared_with_the_plain_child_as_well() -> None:
    second = [row("ink", "fid", 400, "8 kimg, third-parent", "unaligned")]
    found = front_rows([*curves(), *second], "ink")
    ratios = {own.setting: own.value for own in found if (own.method, own.metric) == ("unaligned", "fid_ratio")}
    assert ratios["8 kimg, third-parent"] == pytest.approx(0.5)
    assert ratios["8 kimg"] == pytest.approx(780 / 800)


def test_ways_are_compared_at_an_equal_share() -> None:
    def at(child: str, kimg: int, share: float, agreement: float) -> list[Row]:
        values = {"share": share, "segmentation_agreement": agreement}
        return [row(child, metric, value, f"{kimg} kimg") for metric, value in values.items()]

    plain = [*at("ink", 8, 0.4, 0.6), *at("ink", 24, 0.8, 0.4)]
    parent = row("ink", "share", 0.2, "", table="generators", method="parent")
    ways = [*at("a", 8, 0.6, 0.55), *at("a", 24, 0.9, 0.5), *at("b", 8, 0.3, 0.75), *at("b", 24, 0.1, 1.0)]
    found = front_rows([*plain, parent, *ways], "ink")
    above = {(row.child, row.setting): row.value for row in found if row.metric == "agreement_above"}
    assert above == {("a", "8 kimg"): pytest.approx(0.05), ("b", "8 kimg"): pytest.approx(-0.05)}, "no share beyond"


def test_ways_are_compared_at_an_equal_fid_with_the_best_that_the_plain_child_had_there() -> None:
    def at(child: str, kimg: int, fid: float, agreement: float) -> list[Row]:
        values = {"fid": fid, "segmentation_agreement": agreement, "score": agreement / 2}
        return [row(child, metric, value, f"{kimg} kimg") for metric, value in values.items()]

    plain = [*at("ink", 8, 1500, 0.6), *at("ink", 24, 1000, 0.4), *at("ink", 40, 1200, 0.3)]  # from 24 on it gets worse
    parent = row("ink", "fid", 2000, "", table="generators", method="parent")
    found = front_rows([*plain, parent, *at("a", 24, 1100, 0.5), *at("a", 8, 1750, 0.9), *at("a", 40, 900, 0.5)], "ink")
    above = {(own.metric, own.setting): own.value for own in found if own.metric.endswith("_at_fid")}
    assert above == {
        ("agreement_above_at_fid", "24 kimg"): pytest.approx(0.5 - 0.44),
        ("agreement_above_at_fid", "8 kimg"): pytest.approx(0.9 - 0.8),
        ("score_above_at_fid", "24 kimg"): pytest.approx(0.25 - 0.22),
        ("score_above_at_fid", "8 kimg"): pytest.approx(0.45 - 0.65),
    }
