"""Cards: every number comes from a measurement of that very file, and the README shows what the cards hold."""

from pathlib import Path

import pytest
import yaml

from stylealign.errors import StyleAlignError
from stylealign.files import read_json, sha256_of_file, write_json
from stylealign.measurements.rows import RowKey, write_rows
from stylealign.metrics.bootstrap import Estimate
from stylealign.report.cards import BEGIN, END, _held, cards_table, model_card, write_table

ZOO = Path(__file__).parents[2] / "data" / "zoo"
INFO = {"kimg": 210.0, "data": "d" * 64, "settings": {"seed": 1, "r1_gamma": 0.3}}


def measurement(path: Path, sha256: str) -> Path:
    key = RowKey("generators", "", "human", "parent")
    rows = [
        key.row("fid", Estimate(12.5), "efficientnet-lite0"),
        key.row("recall", Estimate(0.5, 0.4, 0.6, 9)),
        key.row("kid", Estimate(0.1), setting="glasses"),
    ]
    provenance = {"verb": "evaluate generators", "version": "1", "settings": {}, "inputs_sha256": {"model": sha256}}
    write_rows(path, rows, provenance)
    return path


def test_a_card_holds_what_was_measured(tmp_path: Path) -> None:
    card = model_card("a", "f" * 64, INFO, [measurement(tmp_path / "rows.json", "f" * 64)])
    assert set(card["metrics"]) == {"fid[efficientnet-lite0]", "recall"}
    table = cards_table([card])
    assert table.startswith("|  | kimg | fid[efficientnet-lite0] | recall | SHA-256 of the file | of its data |\n")
    assert "| `a` | 210 | 12.5 | 0.5 [0.4, 0.6] | `ffffffffffff` |" in table
    assert "discriminator stylegan2" in table  # trainings from before there was a choice


def test_a_card_says_what_its_model_was_trained_against() -> None:
    keep = {"features": {"weight": 24.0}, "layout": {"weight": 0.5}, "rgb": {"weight": 0}, "pull": None}
    both = {**INFO, "settings": {**INFO["settings"], "discriminator": "both", "keep": keep}}
    table = cards_table([model_card("a", "f" * 64, INFO, []), model_card("b", "0" * 64, both, [])])
    assert table.startswith("|  | kimg | held | discriminator |")
    assert "| `a` | 210 |  | stylegan2 |" in table
    assert "| `b` | 210 | features 24, layout 0.5 | both |" in table
    assert "The same for all: seed 1, r1_gamma 0.3." in table


def test_what_some_models_alone_have_is_a_table_of_its_own(tmp_path: Path) -> None:
    cards = [
        model_card("a", "f" * 64, INFO, []),
        model_card("b", "0" * 64, INFO, [measurement(tmp_path / "r", "0" * 64)]),
    ]
    first, _, second = cards_table(cards).partition("The same for all")
    assert "recall" not in first
    assert "| fid[efficientnet-lite0] | recall |" in second
    assert "| `b` | 12.5 | 0.5 [0.4, 0.6] |" in second
    assert "`a`" not in second


def test_a_measurement_of_another_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StyleAlignError, match="another model"):
        model_card("a", "f" * 64, INFO, [measurement(tmp_path / "rows.json", "0" * 64)])


def test_the_table_is_renewed_between_its_marks(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", model_card("a", "f" * 64, INFO, []))
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    for _ in range(2):
        write_table(readme, [tmp_path / "a.json"])
    text = readme.read_text()
    assert (text.count("`a`"), "old" in text) == (1, False)
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    (tmp_path / "bare.md").write_text("no marks")
    with pytest.raises(StyleAlignError, match="has no lines"):
        write_table(tmp_path / "bare.md", [])


def test_the_bundled_cards_are_of_the_bundled_files_and_the_readme_shows_them() -> None:
    cards = sorted(ZOO.glob("*.json"))
    models = yaml.safe_load((ZOO.parent / "zoo.yaml").read_text())["models"]
    assert {path.stem for path in cards} == {path.stem for path in ZOO.glob("*.safetensors")}
    for path in cards:
        digest = sha256_of_file(path.with_suffix(".safetensors"))
        assert read_json(path)["sha256"] == digest == models[path.stem]["sha256"]
    assert cards_table([read_json(path) for path in cards]) in (ZOO / "README.md").read_text()


def test_a_card_says_whose_artwork_the_model_learnt(tmp_path: Path) -> None:
    told = INFO | {"provenance": {"attribution": "Drawn from artwork by Ann."}}
    cards = [
        model_card("a", "f" * 64, told, []),
        model_card("b", "f" * 64, INFO, [], "Drawn from artwork by Bob."),
        model_card("c", "f" * 64, INFO, []),
    ]
    said = ["* `a`: Drawn from artwork by Ann.", "* `b`: Drawn from artwork by Bob."]
    assert cards_table(cards).splitlines()[-2:] == said
    assert "artwork" not in cards_table(cards[2:])


@pytest.mark.parametrize(
    ("keep", "told"),
    [
        ({"features": {"weight": 8}, "layout": {"weight": 0.5}}, "features 8, layout 0.5"),
        ({"weights": {"weight": 0, "discriminator_weight": 5}}, "weights of D 5"),
        ({"pull": {"tolerance": 0.05}}, "pull 0.05"),
        ({"rates": [{"network": "G", "rate": 0}]}, "rates"),
        ({}, ""),
    ],
)
def test_all_that_was_held_is_named(keep: dict[str, object], told: str) -> None:
    assert _held({"keep": keep}) == told


def test_a_number_that_is_measured_twice_is_refused(tmp_path: Path) -> None:
    files = [measurement(tmp_path / name, "f" * 64) for name in ("human.json", "toon.json")]
    with pytest.raises(StyleAlignError, match=r"toon.json: fid\[efficientnet-lite0\] of a stands there twice"):
        model_card("a", "f" * 64, INFO, files)


def test_a_model_that_was_not_trained_here_has_a_row(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", model_card("a", "f" * 64, INFO, []))
    write_json(tmp_path / "b.json", model_card("b", "0" * 64, {"source_format": "rosinality"}, []))
    (tmp_path / "README.md").write_text(f"{BEGIN}\n{END}")
    write_table(tmp_path / "README.md", sorted(tmp_path.glob("*.json")))
    assert "| `b` |  |" in (tmp_path / "README.md").read_text()
    write_json(tmp_path / "rows.json", {"rows": []})
    with pytest.raises(StyleAlignError, match=r"rows.json: no card; keep cards in a folder of their own"):
        write_table(tmp_path / "README.md", sorted(tmp_path.glob("*.json")))
