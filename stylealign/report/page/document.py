"""The report page: one HTML file with every figure, table, video and record of a run, and nothing outside it."""

import base64
import dataclasses
import datetime
import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
import yaml
from markupsafe import Markup, escape
from PIL import Image

from stylealign.config import Config, DatasetSettings, validate
from stylealign.datasets.domains import artwork_of
from stylealign.errors import StyleAlignError
from stylealign.files import atomic_path, read_json
from stylealign.measurements import registry
from stylealign.measurements.rows import Row, read_rows
from stylealign.report.figures import CLASS_COLOURS
from stylealign.report.notes import notes
from stylealign.report.page import comparison, found, records, views, words
from stylealign.report.sheets import ROWS_NOTE

WIDEST_PX = 2400
"""Wider images are embedded at this width; the file itself stays as it is."""

LARGEST_VIDEO_BYTES = 12_000_000
"""Larger videos are named, not embedded."""

CLASSES = (
    "background",
    "skin, fur or shell",
    "eyes",
    "glasses or visor",
    "mouth or muzzle",
    "top: hair, hat, ears",
    "clothes",
)
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


@dataclasses.dataclass(frozen=True)
class Picture:
    """An embedded image or video; a video too large to embed has no `src`."""

    name: str
    src: str
    title: str
    alt: str
    caption: str
    width: int = 0
    height: int = 0
    path: str = ""
    megabytes: float = 0.0
    rows: str = ""
    """Where its rows are, as `sheets.rows_note` says it; empty where they are not known."""


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
    rows = [row for _, found, _ in files for row in found]
    written = max(path.stat().st_mtime for path in sources.rows)
    config = sources.config
    artifacts, places = records.artifacts(sources.artifacts), records.places(files)
    script, style = _asset("report.js"), _asset("report.css")
    compared, charts = comparison.comparisons(rows, places), comparison.charts(rows, places)
    return {
        "script": script,
        "script_hash": base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        "style": style,
        "written": datetime.datetime.fromtimestamp(written, datetime.UTC),
        "config": config,
        "given": "" if config is None else _yaml(config, exclude_unset=True),
        "resolved": "" if config is None else _yaml(config, exclude_unset=False),
        "family": [] if config is None else records.family(config),
        "previews": [_preview(name, path, config) for name, path in sources.previews.items()],
        "sections": _sections(rows, sources, places),
        "findings": found.findings(rows),
        "comparisons": compared,
        "leading": comparison.leading(compared),
        "without_control": _without_control(rows),
        "notes": notes(rows),
        "charts": charts,
        "leading_charts": comparison.leading_charts(charts),
        "features": sorted({row.features for row in rows if row.features}),
        "numbers": len(rows),
        "protocols": records.protocols(files),
        "artifacts": artifacts,
        "names": {artifact.sha256: artifact.name for artifact in artifacts},
        "stages": records.run_times(sources.benchmarks),
        "versions": records.versions(),
        "classes": list(zip(CLASSES, CLASS_COLOURS.tolist(), strict=True))[1:],
    }


def _sections(rows: Sequence[Row], sources: Sources, places: views.Places) -> list[dict[str, Any]]:
    """Return the sections that have something to show: texts, figures, videos and tables of each."""
    by_table: dict[str, list[Row]] = {}
    for row in rows:
        by_table.setdefault(row.table, []).append(row)
    shown = []
    for text in (*words.SECTIONS, words.OTHER):
        tables = [name for name in by_table if words.section_of_table(name) == text]
        figures = [path for path in sources.figures if _section_of_file(path) == text]
        videos = sources.videos if text.key == "morphing" else {}
        if tables or figures or videos:
            shown.append(
                {
                    "text": text,
                    "figures": [_figure(path) for path in figures],
                    "videos": [_video(child, path, sources.config) for child, path in videos.items()],
                    "tables": [
                        (registry.table(name).title, views.view(name, by_table[name], places)) for name in tables
                    ],
                }
            )
    return shown


def _section_of_file(path: Path) -> words.Section:
    return words.section_of(words.kind_and_subject(path.stem)[0])


def _without_control(rows: Sequence[Row]) -> list[str]:
    """Return the children that have no control among the generators."""
    methods: dict[str, set[str]] = {}
    for row in rows:
        if row.table == "generators":
            methods.setdefault(row.child, set()).add(row.method)
    return [child for child, found in methods.items() if "child" in found and "unaligned" not in found]


def _figure(path: Path) -> Picture:
    text = words.figure_text(path.stem)
    src, width, height = embedded_png(path)
    return Picture(path.stem, src, text.title, text.alt, text.caption, width, height, str(path), rows=_rows_of(path))


def _rows_of(path: Path) -> str:
    """Return what a PNG says of its rows, where there are two or more to compare."""
    with Image.open(path) as image:
        note = str(image.info.get(ROWS_NOTE, ""))
        width, height = image.size
    try:
        rows = json.loads(note) if note else {"labels": []}
        whole = {"width_px": width, "height_px": height, **rows}
        return json.dumps(whole) if len(rows["labels"]) > 1 else ""
    except (ValueError, KeyError, TypeError):  # the note of another program
        return ""


def _preview(domain: str, path: Path, config: Config | None) -> Picture:
    src, width, height = embedded_png(path)
    settings = config.domains.get(domain) if config else None
    caption = ""
    made = path.with_name("config.json")
    if settings and settings.path and made.is_file():  # the numbers of one's own pictures may be found only there
        settings = validate(DatasetSettings, read_json(made), str(made))
    if settings and settings.train_images and settings.test_images:
        train, test = settings.splits
        caption = words.PREVIEW_CAPTION.format(train=train, test=test, size=settings.resolution_px)
    if settings and settings.draw:
        owed = artwork_of(settings.draw).attribution
        caption += f" {owed.replace('https://', '')}"  # the page holds no address that a browser could follow
    return Picture(
        f"preview-{domain}", src, domain, f"A grid of images of the domain {domain}.", caption, width, height
    )


def _video(child: str, path: Path, config: Config | None) -> Picture:
    content = _bytes(path)
    model = config.models.get(child) if config else None
    even = config is not None and config.morphing.even
    caption = words.VIDEO_CAPTION.format(
        parent=model.parent if model else "the parent",
        child=child,
        timing="re-timed to even perceptual steps" if even else "spaced evenly in the parameter that moves them",
    )
    src = "" if len(content) > LARGEST_VIDEO_BYTES else data_uri(content, "video/mp4")
    alt = f"Video: test images of the parent's domain turn into images of {child}."
    return Picture(
        f"morph-{child}", src, f"Morphs to {child}", alt, caption, path=str(path), megabytes=len(content) / 1e6
    )


def embedded_png(path: Path) -> tuple[str, int, int]:
    """Return an image file as a data URI with its width and height, no wider than `WIDEST_PX`.

    Raises:
        StyleAlignError: missing or not an image.
    """
    content = _bytes(path)
    try:
        with Image.open(io.BytesIO(content)) as image:
            if image.width <= WIDEST_PX and image.format == "PNG":
                return data_uri(content, "image/png"), image.width, image.height
            height = round(image.height * min(1.0, WIDEST_PX / image.width))
            smaller = image.convert("RGB").resize((min(image.width, WIDEST_PX), height), Image.Resampling.LANCZOS)
    except (OSError, SyntaxError, ValueError) as error:
        raise StyleAlignError(f"{path}: cannot be read as an image ({error}); make it again") from error
    text = io.BytesIO()
    smaller.save(text, "PNG", optimize=True)
    return data_uri(text.getvalue(), "image/png"), smaller.width, smaller.height


def data_uri(content: bytes, media_type: str) -> str:
    """Return bytes as a data URI."""
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise StyleAlignError(f"{path}: {error.strerror}; make it or leave it out") from error


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
    environment.filters |= {"short": views.short, "duration": records.duration, "spoken": _spoken}
    return environment.get_template("report.html.jinja")


def _spoken(text: str) -> Markup:
    """Return the name of a table or a method with spaces, and places where it may break."""
    text = text.replace("zero_shot", "zero-shot").replace("_", " ")
    return Markup("+<wbr>").join(text.split("+")) if not text.endswith("+") else Markup(escape(text))


def _asset(name: str) -> str:
    return (Path(__file__).parent / "templates" / name).read_text(encoding="utf-8")
