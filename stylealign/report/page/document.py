"""The report page: one HTML file with every figure, table, video and record of a run, and nothing outside it."""

import base64
import dataclasses
import datetime
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
import yaml
from markupsafe import Markup, escape

from stylealign.config import Config
from stylealign.errors import StyleAlignError
from stylealign.files import atomic_path
from stylealign.measurements import registry
from stylealign.measurements.rows import Row, read_rows
from stylealign.report.notes import notes
from stylealign.report.page import comparison, found, pictures, records, views, words
from stylealign.report.seeds import over_seeds

CLASSES = {
    "background": "background",
    "skin": "skin, fur or shell",
    "eyes": "eyes",
    "eyewear": "glasses or visor",
    "mouth": "mouth or muzzle",
    "top": "top: hair, hat, ears",
    "clothes": "clothes",
}
"""What the drawn domains' `SEGMENTATION_CLASSES` are, for people."""


@dataclasses.dataclass(frozen=True)
class Sources:
    """The files of a page.

    Attributes:
        rows: files of `measurements.rows.write_rows`, in the order of the tables.
        figures: PNG files of `stylealign figures`.
        videos: morphs by the name of their child.
        previews: PNG files by the name of their domain.
        artifacts: files that the page names with their hashes.
        benchmarks: folder of Snakemake's benchmark files.
        config: the run's configuration.
    """

    rows: Sequence[Path]
    figures: Sequence[Path] = ()
    videos: Mapping[str, Path] = dataclasses.field(default_factory=dict)
    previews: Mapping[str, Path] = dataclasses.field(default_factory=dict)
    artifacts: Sequence[Path] = ()
    benchmarks: Path | None = None
    config: Config | None = None


def write_report(path: str | Path, sources: Sources) -> dict[str, int]:
    """Write the page; return what it holds, by kind, and its size in bytes.

    Raises:
        StyleAlignError: a file that is missing or not what it should be.
    """
    page = _page(sources)
    text = _template().render(page)
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")
    return {
        "figures": sum(len(section["figures"]) for section in page["sections"]) + len(page["previews"]),
        "tables": sum(len(section["tables"]) for section in page["sections"]),
        "videos": sum(len(section["videos"]) for section in page["sections"]),
        "bytes": len(text.encode()),
    }


def _page(sources: Sources) -> dict[str, Any]:
    """Return everything that the template shows, by name."""
    if not sources.rows:
        raise StyleAlignError("report: no files of rows given")
    files = [(str(path), *read_rows(path)) for path in sources.rows]
    measured = [row for _, found, _ in files for row in found]
    written = max(path.stat().st_mtime for path in sources.rows)
    config = sources.config
    means, _ = over_seeds(measured, {} if config is None else config.seeded)
    rows = [*measured, *means]
    told = _without_seeds(rows, means.values())
    artifacts = records.artifacts(sources.artifacts)
    by_table: dict[str, list[Row]] = {}
    for row in rows:
        by_table.setdefault(row.table, []).append(row)
    places = {row: place for own in by_table.values() for row, place in views.cells_of(own).items()}
    script, style = _asset("report.js"), _asset("report.css")
    findings = found.findings(told)
    compared, charts = comparison.comparisons(told, places), comparison.charts(told, places)
    return {
        "script": script,
        "script_hash": base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        "style": style,
        "written": datetime.datetime.fromtimestamp(written, datetime.UTC),
        "config": config,
        "given": "" if config is None else _yaml(config, exclude_unset=True),
        "resolved": "" if config is None else _yaml(config, exclude_unset=False),
        "family": [] if config is None else records.family(config),
        "previews": [pictures.preview(name, path, config) for name, path in sources.previews.items()],
        "sections": _sections(by_table, sources, places, records.places(files), charts),
        "findings": findings,
        "explained": found.explained(findings),
        "places": places,
        "comparisons": compared,
        "leading": comparison.by_child(comparison.leading(compared)),
        "children": list(dict.fromkeys(one.child for one in compared)),
        "without_control": _without_control(told),
        "notes": notes(rows),
        "features": sorted({row.features for row in rows if row.features}),
        "numbers": len(measured),
        "protocols": records.protocols(files),
        "artifacts": artifacts,
        "names": {artifact.sha256: artifact.name for artifact in artifacts},
        "stages": records.run_times(sources.benchmarks),
        "versions": records.versions(),
        "classes": _legend(pictures.classes_of(sources.figures)),
    }


def _legend(colours: Mapping[str, Sequence[int]]) -> list[tuple[str, Sequence[int]]]:
    """Return the classes of the run's figures with their colours; what drawn domains call so is said at length."""
    words = CLASSES if set(colours) <= set(CLASSES) else {}
    return [(words.get(name, name), colour) for name, colour in colours.items()]


def _sections(
    by_table: Mapping[str, Sequence[Row]],
    sources: Sources,
    places: views.Places,
    files: views.Places,
    charts: Sequence[comparison.Chart],
) -> list[dict[str, Any]]:
    """Return the sections that have something to show: texts, figures, videos and tables with their charts of each."""
    shown = []
    for text in (*words.SECTIONS, words.OTHER):
        tables = [name for name in by_table if words.section_of_table(name) == text]
        figures = [pictures.figure(path) for path in sources.figures if _section_of_file(path) == text]
        figures.sort(key=lambda one: text.figures.index(one.kind) if one.kind in text.figures else len(text.figures))
        filmed = sources.videos if text.key == "morphing" else {}
        videos = [pictures.video(child, path, sources.config) for child, path in filmed.items()]
        if tables or figures or videos:
            shown.append(
                {
                    "text": text,
                    "figures": figures,
                    "videos": videos,
                    "layout": pictures.arranged([*videos, *figures]),
                    "tables": [
                        _table(
                            views.view(name, by_table[name], places, files),
                            [chart for chart in charts if chart.table == name],
                        )
                        for name in tables
                    ],
                }
            )
    return shown


def _table(view: views.View, charts: Sequence[comparison.Chart]) -> dict[str, Any]:
    leading = comparison.leading_charts(charts)
    return {
        "title": registry.table(view.name).title,
        "view": view,
        "charts": leading,
        "further": [chart for chart in charts if chart not in leading],
    }


def _section_of_file(path: Path) -> words.Section:
    return words.section_of(words.kind_and_subject(path.stem)[0])


def _without_seeds(rows: Sequence[Row], of_means: Iterable[Sequence[Row]]) -> list[Row]:
    """Return the rows without those of single seeds whose mean is told: sentences and key numbers are of the mean."""
    seeds = {row.child for members in of_means for row in members}
    return [row for row in rows if row.child not in seeds]


def _without_control(rows: Sequence[Row]) -> list[str]:
    """Return the children that have no control among the generators."""
    methods: dict[str, set[str]] = {}
    for row in rows:
        if row.table == "generators":
            methods.setdefault(row.child, set()).add(row.method)
    return [child for child, found in methods.items() if "child" in found and "unaligned" not in found]


def _yaml(config: Config, exclude_unset: bool) -> str:
    values = config.model_dump(mode="json", exclude_unset=exclude_unset)
    return yaml.safe_dump(values, sort_keys=False, default_flow_style=None, width=100)


def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("stylealign.report.page"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"short": views.short, "duration": records.job_time, "spoken": _spoken}
    return environment.get_template("report.html.jinja")


def _spoken(text: str) -> Markup:
    """Return the name of a table or a method with spaces, and places where it may break."""
    text = text.replace("zero_shot", "zero-shot").replace("_", " ")
    return Markup("+<wbr>").join(text.split("+")) if not text.endswith("+") else Markup(escape(text))


def _asset(name: str) -> str:
    return (Path(__file__).parent / "templates" / name).read_text(encoding="utf-8")
