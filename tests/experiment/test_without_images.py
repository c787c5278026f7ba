"""Families without images: what is measured of them, and what is left out."""

from pathlib import Path

from tests.experiment.common import experiment


def test_a_family_without_images_is_in_the_tables_that_need_none(tmp_path: Path) -> None:
    domains = {"faces": {"resolution_px": 256}, "drawn": {"resolution_px": 256}, "mine": {"path": "mine"}}
    models = "parent: {domain: faces, fetch: a.pt}\nchild: {domain: drawn, fetch: b.pt, parent: parent}"
    asked = experiment(tmp_path, models, domains=domains)
    kinds = [kind for kind, rows in asked.rows_by_kind().items() if rows]
    assert kinds == ["alignment_weights", "alignment_pointwise", "alignment_score", "alignment_semantic"]
    assert [Path(figure).stem for figure in asked.all_figures()] == ["samples", "aligned-parent", "edits-parent"]
    half = experiment(tmp_path, models, domains=domains | {"faces": {"path": "faces", "resolution_px": 256}})
    assert half.rows_by_kind()["generators"] == ["results/metrics/generators/parent/parent.json"]
    whole = {name: {"path": name, "resolution_px": 256} for name in ("faces", "drawn")}
    assert "translation-child" in [
        Path(figure).stem for figure in experiment(tmp_path, models, domains=whole).all_figures()
    ]
