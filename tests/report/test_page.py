"""The report page's contents, without a browser: numbers, marks, records, errors."""

import base64
import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from stylealign.applications.labels.methods import BEST
from stylealign.cli.main import main
from stylealign.config import Config
from stylealign.errors import StyleAlignError
from stylealign.report.page import comparison, document, pictures, records, views
from stylealign.report.page.document import write_report
from stylealign.report.page.pictures import Picture, arranged, embedded_png
from stylealign.report.sheets import CLASSES_NOTE, save_picture
from tests.report.pages import CONFIG, FEATURES, ROWS, WITH_LABELS, labels, row, sources

EVERY = [found for rows in ROWS.values() for found in rows]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    directory = tmp_path_factory.mktemp("page")
    held = write_report(directory / "report.html", sources(directory))
    text = (directory / "report.html").read_text()
    assert held == {"figures": 9, "tables": 3, "videos": 1, "bytes": len(text.encode())}
    return text


def test_nothing_is_loaded_from_outside_the_page(page: str) -> None:
    without_data = re.sub(r"data:[a-z0-9/]+;base64,[A-Za-z0-9+/=]+", "data:", page)
    assert not re.findall(r"(?:https?:)?//[a-z]", without_data)
    assert set(re.findall(r'(?:src|href)="([^"#]*)', without_data)) == {"", "data:", "data:,"}
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)
    assert policy
    assert "default-src 'none'" in policy[1]
    assert "connect-src" not in policy[1], "default-src forbids it"


def test_the_page_says_whose_artwork_is_shown(page: str) -> None:
    assert "Drawn from artwork by Pablo Stanley (avataaars)" in page
    assert "Drawn from artwork by Nacht1gall" in page


@pytest.mark.parametrize(
    ("classes", "shown"),
    [({"roof": [1, 2, 3], "<attic>": [4, 5, 6]}, "roof"), ({"mouth": [1, 2, 3]}, "mouth or muzzle"), (None, "")],
)
def test_the_legend_is_of_the_classes_that_the_figures_show(tmp_path: Path, classes: Any, shown: str) -> None:
    own = sources(tmp_path)
    figure = next(path for path in own.figures if path.stem == "zero-shot-animal")
    notes = {} if classes is None else {CLASSES_NOTE: json.dumps(classes)}
    save_picture(figure, np.zeros((3, 32, 64), np.uint8), notes)
    write_report(tmp_path / "report.html", own)
    text = (tmp_path / "report.html").read_text()
    legend = re.findall(r'swatch" style="background:rgb\(([\d,]+)\)"></i>([^<]+)<', text)
    named = {} if classes is None else dict(zip(classes, ("1,2,3", "4,5,6"), strict=False))
    assert legend[-1] == ("255,255,0", "key point")
    assert [colour for colour, _ in legend[:-1]] == list(named.values())
    assert not shown or legend[0][1] == shown
    assert "<attic>" not in text


def test_texts_of_the_run_cannot_become_markup(page: str) -> None:
    assert "&amp; &lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert page.count("<script>") == 1


def test_a_page_is_the_same_for_the_same_files(tmp_path: Path) -> None:
    given = sources(tmp_path)
    write_report(tmp_path / "one.html", given)
    write_report(tmp_path / "two.html", given)
    assert (tmp_path / "one.html").read_bytes() == (tmp_path / "two.html").read_bytes()


def view_of(table: str) -> views.View:
    return views.view(table, [found for found in EVERY if found.table == table])


def marks(view: views.View, head: str) -> dict[str, str]:
    """Return the mark of each method in a column, named with its setting."""
    names = [f"{column.metric} {column.setting}".strip() for column in view.columns]
    method = view.keys.index("method")
    return {line.keys[method]: line.cells[names.index(head)].mark for line in view.lines}


def test_the_best_is_marked_and_what_its_interval_does_not_exclude() -> None:
    view = view_of("translation")
    assert marks(view, "kid to test images") == {"w+": "best", "unaligned": "", "untouched": ""}
    assert marks(view, "keypoint_error") == {"w+": "best", "unaligned": "close", "untouched": ""}
    assert marks(view_of("generators"), "fid") == {"parent": "", "child": "best", "unaligned": ""}


def test_bounds_are_not_ranked() -> None:
    assert marks(view_of("zero_shot_segmentation"), "miou") == {"oracle": "", "zero-shot": ""}


def test_protocols_and_classes_are_columns() -> None:
    assert [(c.metric, c.setting, c.arrow) for c in view_of("translation").columns] == [
        ("kid", "to test images", "↓"),
        ("kid", "to training images", "↓"),
        ("keypoint_error", "", "↓"),
    ]
    assert len(view_of("translation").lines) == 3
    view = view_of("zero_shot_segmentation")
    assert [(c.metric, c.setting) for c in view.columns] == [("iou", "skin"), ("iou", "clothes"), ("miou", "")]
    assert view.lines[0].cells[1].text == "none"
    assert view.keys == ("method",)
    assert view.constant == (("parent", "human"), ("child", "animal"))


def test_rounding_does_not_decide_what_is_best() -> None:
    rows = [row("morphing", "codes+weights", "endpoint_error", 0.0), row("morphing", "even", "endpoint_error", 1e-11)]
    assert {cell.mark for line in views.view("morphing", rows).lines for cell in line.cells} == {"best"}


def test_a_long_table_shows_its_summary_rows() -> None:
    settings = ["mapping", *(f"mapping fc{index}" for index in range(views.FEW_ROWS))]
    rows = [row("alignment_weights", "child", "cosine", 1.0, setting=setting) for setting in settings]
    view = views.view("alignment_weights", rows)
    assert len(view.lines) == 1
    assert len(view.folded) == len(settings)


def test_a_table_of_very_many_rows_shows_the_first() -> None:
    settings = [f"part{index}" for index in range(views.MOST_ROWS + 1)]
    rows = [row("alignment_weights", "child", "cosine", 1.0, setting=setting) for setting in settings]
    view = views.view("alignment_weights", rows)
    assert len(view.lines) == views.FEW_ROWS
    assert len(view.folded) == len(settings)
    assert not views.view("alignment_weights", rows[1:]).folded


def test_a_first_look_is_at_the_headline_of_each_table_and_child() -> None:
    rows = []
    for method, kid in (("z", 3.0), ("w+", 2.0), ("unaligned z", 9.0), ("unaligned w+", 8.0)):
        rows.append(row("translation", method, "kid", kid, setting="test images"))
        rows.append(row("translation", method, "keypoint_error", kid / 10))
    found = comparison.comparisons(rows)
    assert len(found) == 4
    (lead,) = comparison.leading(found)
    assert (lead.column.metric, lead.setting, lead.aligned.exact) == ("kid", "z, test images", 3.0)
    drawn = comparison.charts(rows)
    assert comparison.leading_charts([*drawn, *drawn]) == drawn


def test_a_first_look_at_labels_is_at_the_chosen_way_and_what_it_has_to_beat() -> None:
    rows = [*labels("zero-shot", 0.44, -0.08), *labels("zero-shot unaligned", 0.33)]
    source_only = labels("source-only", 0.52)
    (plain,) = comparison.leading(comparison.comparisons([*rows, *source_only]))
    assert (plain.setting, plain.told, plain.aligned_is_better) == ("zero-shot", False, True)
    rows += [*labels(BEST, 0.54, 0.02), *labels(f"{BEST} unaligned", 0.34)]
    (lead,) = comparison.leading(comparison.comparisons([*rows, *source_only]))
    assert lead.source_only is not None
    assert (lead.aligned.exact, lead.control.exact, lead.source_only.exact) == (0.54, 0.34, 0.52)
    assert (lead.told, lead.rival) == (True, "source-only")
    assert "validation" in lead.chosen
    (lead,) = comparison.leading(comparison.comparisons(rows))
    assert (lead.told, lead.rival) == (True, "the control"), "with no source-only row"


def test_all_comparisons_have_source_only_and_the_difference_beside_the_labels(tmp_path: Path, page: str) -> None:
    found = comparison.comparisons([one for rows in WITH_LABELS.values() for one in rows])
    told = {
        one.setting: (one.aligned.exact, one.source_only.exact, one.difference.exact)
        for one in found
        if one.source_only is not None and one.difference is not None
    }
    assert told == {"zero-shot": (0.44, 0.52, -0.08), BEST: (0.54, 0.52, 0.02)}
    assert all(one.source_only is one.difference is None for one in found if one.table == "translation")
    write_report(tmp_path / "report.html", sources(tmp_path, WITH_LABELS))
    text = (tmp_path / "report.html").read_text()
    (line,) = re.findall(rf"<td>{BEST}</td>\s*(.*?)</tr>", text, re.DOTALL)
    numbers = re.findall(r'data-label="([^"]+)" data-value="([^"]+)"', line)
    assert numbers == [("aligned", "0.54"), ("source-only", "0.52"), ("difference", "0.02"), ("control", "0.34")]
    assert "[0.015, 0.025]" in line
    assert "source-only" not in page[page.index('class="sortable comparisons"') :].split("</thead>")[0]


def test_every_number_leads_to_its_row_and_a_row_to_its_record(page: str) -> None:
    cells = dict(re.findall(r'<td id="(number-[^"]+)".*?class="value"[^>]*>([^<]*)<', page))
    records_of = dict(re.findall(r'<td id="(number-[^"]+)".*?<a class="value" href="#(rows-[^"]+)"', page))
    assert len(cells) == len(records_of) == len(EVERY)
    assert all(f'<tr id="{place}">' in page for place in records_of.values())
    key = page[page.index('<section id="key">') :]
    key = key[: key.index("</section>")]
    led = re.findall(r'<a class="value" href="#([^"]+)">([^<]*)<', key)
    assert len(led) == 10, "two numbers of each comparison: two at a first look, then all three"
    assert all(cells[place] == text for place, text in led)
    found = page[page.index('<section id="found">') : page.index('<section id="key">')]
    told = re.findall(r'<a href="#(number-[^"]+)">([^<]*)</a>', found)
    assert told
    assert all(cells[place] == text for place, text in told)


def test_numbers_of_a_shortened_table_lead_to_the_full_one() -> None:
    settings = ["mapping", *(f"mapping fc{index}" for index in range(views.FEW_ROWS))]
    rows = [row("alignment_weights", "child", "cosine", 1.0, setting=setting) for setting in settings]
    view = views.view("alignment_weights", rows, views.cells_of(rows), dict.fromkeys(rows, "record"))
    (shown,) = view.lines
    assert (shown.cells[0].anchor, shown.cells[0].place) == ("", view.folded[0].cells[0].anchor)
    anchors = [line.cells[0].anchor for line in view.folded]
    assert len(set(anchors)) == len(rows)
    assert {line.cells[0].place for line in view.folded} == {"record"}


def test_comparisons_of_one_number_stand_beside_each_other_by_child() -> None:
    rows = [
        dataclasses.replace(row("alignment_score", method, "score", value), child=child)
        for child, method, value in (
            ("one", "child", 0.7),
            ("one", "unaligned", 0.1),
            ("other", "child", 0.5),
            ("other", "unaligned", 0.2),
        )
    ]
    (group,) = comparison.by_child(comparison.comparisons(rows))
    assert {child: (found.aligned.exact, found.control.exact) for child, found in group.items()} == {
        "one": (0.7, 0.1),
        "other": (0.5, 0.2),
    }


def test_the_first_kind_of_picture_is_open_repeated_ones_are_in_tabs_others_folded() -> None:
    named = [("aligned", "a"), ("edits", "a"), ("channels", "b"), ("channels", "c"), ("novelty", "")]
    made = [Picture(kind, "", "", "", "", kind=kind, subject=subject) for kind, subject in named]
    aligned, edits, one, other, novelty = made
    layout = arranged(made)
    assert layout.open == (aligned, novelty)
    assert layout.tabs == (("b", (one,)), ("c", (other,)))
    assert layout.folded == (edits,)
    assert arranged([]) == pictures.Layout((), (), ())


def test_without_comparisons_the_page_says_what_limits_its_numbers(tmp_path: Path) -> None:
    given = sources(tmp_path)
    rows = [path for path in given.rows if path.stem in ("parent", "child")]
    write_report(tmp_path / "report.html", dataclasses.replace(given, rows=rows))
    text = (tmp_path / "report.html").read_text()
    assert "No control in this run: animal." in text
    assert "Key numbers" not in text


def test_an_aligned_child_is_compared_with_its_own_control() -> None:
    found = {(c.table, c.column.metric): c for c in comparison.comparisons(EVERY)}
    assert set(found) == {("generators", "fid"), ("translation", "kid"), ("translation", "keypoint_error")}
    by_metric = {metric: comparison for (_, metric), comparison in found.items()}
    assert by_metric["fid"].aligned.exact == 998.5
    assert by_metric["fid"].control.exact == 1353.0
    assert by_metric["fid"].aligned_is_better is True
    assert by_metric["fid"].intervals_apart is None, "no interval, no claim"
    assert by_metric["kid"].aligned.exact == 7.9, "one of the two protocols"
    assert by_metric["kid"].intervals_apart is True
    assert by_metric["keypoint_error"].intervals_apart is False


def test_a_control_that_is_better_is_said_to_be() -> None:
    rows = [row("generators", "child", "fid", 20.0), row("generators", "unaligned", "fid", 10.0)]
    assert [c.aligned_is_better for c in comparison.comparisons(rows)] == [False]


def test_of_many_directions_the_whole_is_compared_and_drawn() -> None:
    rows = []
    for method, share in (("child", 0.8), ("unaligned parent", 0.1), ("child of a child", 0.5)):
        rows.append(row("alignment_recovery", method, "recovered", share))
        rows += [row("alignment_recovery", method, "recovered", 1.0, setting=f"pca {index}") for index in range(3)]
    (found,) = comparison.comparisons(rows)
    assert (found.aligned.exact, found.control.exact) == (0.8, 0.1)
    (chart,) = comparison.charts(rows)
    ((_, points),) = chart.groups
    assert [point.label for point in points] == ["child", "unaligned parent", "child of a child"]


def test_a_chart_starts_at_zero_and_ends_at_its_largest_interval() -> None:
    chart = next(c for c in comparison.charts(EVERY) if c.column.metric == "keypoint_error")
    ((child, points),) = chart.groups
    assert child == "animal"
    assert (chart.start, chart.end) == ("0", "0.3")
    by_label = {point.label: point for point in points}
    assert set(by_label) == {"w+", "unaligned w+", "untouched"}
    assert by_label["w+"].at == pytest.approx(100 * 0.25 / 0.3, abs=0.01)
    assert by_label["unaligned w+"].high == 100
    assert [by_label[name].role for name in by_label] == ["aligned", "control", "reference"]


def test_models_stand_below_their_parents(tmp_path: Path) -> None:
    config = sources(tmp_path).config
    assert config is not None
    assert [(model.name, model.depth, model.role) for model in records.family(config)] == [
        ("human", 0, "parent"),
        ("animal", 1, "child"),
        ("human-control", 0, "parent of the control"),
        ("animal-unaligned", 1, "unaligned control of animal"),
    ]


def test_run_times_add_up_by_stage(tmp_path: Path) -> None:
    train, tables = records.run_times(sources(tmp_path).benchmarks)
    assert (train.name, train.jobs, train.total_s, train.longest, train.peak_mb) == (
        *("train_child", 2, 630.0, "animal", 990.5),
    )
    assert (tables.name, tables.peak_mb) == ("tables", None)


def test_measurements_of_one_protocol_share_a_record(tmp_path: Path) -> None:
    given = sources(tmp_path)
    files = [(str(path), *document.read_rows(path)) for path in given.rows]
    files[0][2]["settings"] = {"samples": 99}
    protocols = records.protocols(files)
    assert [(record.table, len(record.measurements), record.is_first) for record in protocols] == [
        ("generators", 1, True),
        ("generators", 2, False),
        ("translation", 3, True),
        ("zero_shot_segmentation", 2, True),
    ]
    measured = protocols[1].measurements[0]
    assert measured.counts == "n = 32, real images = 4,000"
    assert measured.inputs == (("model", "0" * 64),)


def test_a_known_hash_is_shown_by_name(tmp_path: Path) -> None:
    given = sources(tmp_path)
    digest = records.artifacts(given.artifacts)[0].sha256
    text = given.rows[0].read_text().replace("0" * 64, digest)
    given.rows[0].write_text(text)
    write_report(tmp_path / "report.html", given)
    page = (tmp_path / "report.html").read_text()
    assert f'<code title="{digest}">animal/model.safetensors</code>' in page
    assert f'<code title="{"0" * 64}">{"0" * 12}</code>' in page


def test_a_wide_image_is_made_smaller_and_others_are_kept_byte_for_byte(tmp_path: Path) -> None:
    for width in (pictures.WIDEST_PX, 2 * pictures.WIDEST_PX):
        Image.new("RGB", (width, 100)).save(tmp_path / f"{width}.png")
    kept, width, height = embedded_png(tmp_path / f"{pictures.WIDEST_PX}.png")
    assert base64.b64decode(kept.split(",")[1]) == (tmp_path / f"{pictures.WIDEST_PX}.png").read_bytes()
    assert (width, height) == (pictures.WIDEST_PX, 100)
    assert embedded_png(tmp_path / f"{2 * pictures.WIDEST_PX}.png")[1:] == (pictures.WIDEST_PX, 50)


def test_a_large_video_is_named_instead_of_embedded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "LARGEST_VIDEO_BYTES", 10)
    write_report(tmp_path / "report.html", sources(tmp_path))
    text = (tmp_path / "report.html").read_text()
    assert "morph.mp4: 0 MB, too large to embed" in text
    assert "<video" not in text


def test_figures_and_tables_of_unknown_kinds_are_shown_last(tmp_path: Path) -> None:
    given = sources(tmp_path)
    new = given.figures[0].rename(given.figures[0].with_name("novelty.png"))
    write_report(tmp_path / "report.html", dataclasses.replace(given, figures=[new, *given.figures[1:]]))
    text = (tmp_path / "report.html").read_text()
    assert text.index('id="zero-shot"') < text.index('id="more"') < text.index('id="novelty"')


def test_a_page_needs_rows_alone(tmp_path: Path) -> None:
    given = document.Sources(rows=sources(tmp_path).rows)
    assert write_report(tmp_path / "report.html", given)["figures"] == 0


def test_the_command_makes_the_page(tmp_path: Path, capsys: Any) -> None:
    given = sources(tmp_path)
    (tmp_path / "config.yaml").write_text(CONFIG)
    arguments = ["report", *map(str, given.rows), "--figures", *map(str, given.figures)]
    arguments += ["--videos", f"animal={given.videos['animal']}", "--config", str(tmp_path / "config.yaml")]
    assert main([*arguments, "--out", str(tmp_path / "r.html")]) == 0
    held = json.loads(capsys.readouterr().out)
    assert held["figures"] == 7
    assert held["bytes"] == (tmp_path / "r.html").stat().st_size


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--figures", "no.png"], "no.png: No such file or directory; make it or leave it out"),
        (["--figures", "{rows}"], "cannot be read as an image"),
        (["--artifacts", "no.zip"], "no.zip: no such file (--artifacts)"),
        (["--config", "no.yaml"], "--config: no.yaml: No such file or directory"),
        (["--config", "{{]"], "--config: not YAML"),
        (["--config", '{"domains": {}, "models": {}, "trian": 3}'], "unknown key 'trian'; did you mean 'train'?"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_no_page(
    tmp_path: Path, capsys: Any, arguments: list[str], message: str
) -> None:
    rows = str(sources(tmp_path).rows[0])
    given = [argument.replace("{rows}", rows) for argument in arguments]
    assert main(["report", rows, *given, "--out", str(tmp_path / "r.html")]) == 2
    told = capsys.readouterr().err
    assert told.startswith("stylealign report: ")
    assert message in told
    assert told.count("\n") == 1
    assert not (tmp_path / "r.html").exists()


def test_no_rows_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StyleAlignError, match="no files of rows"):
        write_report(tmp_path / "r.html", document.Sources(rows=[]))


def test_a_preview_tells_the_numbers_that_an_import_found(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "preview.png")
    models = {"a": {"domain": "mine", "fetch": "a.safetensors"}}
    config = Config.model_validate({"domains": {"mine": {"path": "photos", "resolution_px": 32}}, "models": models})
    assert pictures.preview("mine", tmp_path / "preview.png", config).caption == ""
    made = {"path": "photos", "resolution_px": 32, "train_images": 1080, "test_images": 120}
    (tmp_path / "config.json").write_text(json.dumps(made))
    caption = pictures.preview("mine", tmp_path / "preview.png", config).caption
    assert caption == "1,080 training and 120 test images at 32 px."


def test_sentences_and_key_numbers_are_of_the_mean_over_seeds(tmp_path: Path) -> None:
    """Three trainings, one control: the tables show each, the sentences the mean beside the control."""
    of_seeds = {
        f"generators/{seed}": [row("generators", "child", "fid", 900.0 + seed, child=f"animal-s{seed}", **FEATURES)]
        for seed in range(3)
    }
    of_control = {"generators/control": [row("generators", "unaligned", "fid", 1353.0, child="animal-s0", **FEATURES)]}
    given = sources(tmp_path, {**of_seeds, **of_control})
    config = yaml.safe_load(CONFIG)
    config["models"]["animal"] |= {"seeds": [0, 1, 2]}
    config["models"]["animal-unaligned"]["control_of"] = "animal-s0"
    write_report(tmp_path / "page.html", dataclasses.replace(given, config=Config.model_validate(config)))
    text = (tmp_path / "page.html").read_text()
    (told,) = re.findall(r"<h3>([^<]*)</h3>\s*<ul", text)
    assert told == "animal (mean of 3 seeds)"
    assert "Its control is farther from the domain: FID" in text
    assert "No control in this run" not in text
    for child in ("animal-s0", "animal-s1", "animal-s2"):
        assert re.search(rf"<t[dh][^>]*>\s*{child}\s*<", text), "the tables have every training"
