"""Tables from rows of numbers: long form and wide form, as CSV, Markdown and LaTeX. Imports no torch."""

import csv
import dataclasses
import io
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from stylealign.errors import StyleAlignError
from stylealign.files import atomic_path, sha256_of_file, write_json
from stylealign.measurements import registry
from stylealign.measurements.rows import COLUMNS, KEY_COLUMNS, Row, of_the_whole, read_rows
from stylealign.measurements.translation import TO_TRAINING
from stylealign.report.notes import notes
from stylealign.report.seeds import SEED_COLUMNS, over_seeds

SOURCE_COLUMNS = ("csv", "row", "source", "sha256")
"""Columns of `sources.csv`; `source` is relative to the folder of the tables."""

ARROWS = {True: "higher is better", False: "lower is better", None: ""}


@dataclasses.dataclass(frozen=True)
class Table:
    """A wide table: one row a thing compared, one column a metric.

    Attributes:
        name: its name.
        keys: which of `KEY_COLUMNS` have something to say.
        columns: heads of the number columns, such as `fid[efficientnet-lite0]`.
        entries: texts of the keys and, by column head, the row behind each number.
    """

    name: str
    keys: tuple[str, ...]
    columns: tuple[str, ...]
    entries: tuple[tuple[tuple[str, ...], dict[str, Row]], ...]


def write_tables(
    files: Sequence[str | Path],
    out_dir: str | Path,
    figures: Sequence[str | Path] = (),
    seeded: Mapping[str, Sequence[str]] | None = None,
    only: Literal["wide", "long"] | None = None,
    lacking: Sequence[str] = (),
    figure_jobs: str | Path | None = None,
) -> dict[str, int]:
    """Write every table of some files of rows, with `all.csv`, `metrics.json` (nested), `speed.csv` and `summary.md`.

    Tables that lie in the folder and have no rows any more go.

    `sources.csv` says which file each row of `all.csv` and `speed.csv` came from, and that file's SHA-256.

    Args:
        files: files of `measurements.rows.write_rows`.
        out_dir: folder of the tables.
        figures: images that the summary links.
        seeded: name -> the models of its seeds; adds the means over them to the tables, and `seeds.csv`.
        only: "wide" for the tables apart and `seeds.csv`, "long" for what holds all rows together.
        lacking: what there are no rows of, and why; the summary says it.
        figure_jobs: folder of the workflow's records of jobs that make figures, each called like its figure: figures
            beside those given that are none of them, and were made by such a job, go with its record.

    Returns:
        Numbers in each table.

    Raises:
        StyleAlignError: a file that holds no rows, or two numbers for the same cell.
    """
    out_dir = Path(out_dir)
    every = _read_all(files)
    rows = [row for row in every if not is_speed(row)]
    speeds = [row for row in every if is_speed(row)]
    files_of = {row: [file] for row, file in every.items()}
    means, spreads = over_seeds(rows, seeded or {})
    rows += means
    files_of |= {mean: [every[row] for row in members] for mean, members in means.items()}
    tables = [
        wide(name, [row for row in rows if row.table == name]) for name in dict.fromkeys(row.table for row in rows)
    ]
    if only != "long":
        for name in {table.name for table in registry.tables()} - {table.name for table in tables}:
            for ending in ("csv", "md", "tex"):  # of another configuration
                (out_dir / f"{name}.{ending}").unlink(missing_ok=True)
        (out_dir / "seeds.csv").unlink(missing_ok=True)
        for table in tables:
            _write_text(out_dir / f"{table.name}.csv", to_csv(table))
            _write_text(out_dir / f"{table.name}.md", to_markdown(table))
            _write_text(out_dir / f"{table.name}.tex", to_latex(table))
        if seeded:
            records = ([_exact(cell) for cell in spread.record()] for spread in spreads)
            _write_text(out_dir / "seeds.csv", _csv_text([SEED_COLUMNS, *records]))
    if figure_jobs is not None:
        _drop_others(figures, Path(figure_jobs))
    if only != "wide":
        _write_text(out_dir / "speed.csv", long_csv(speeds))
        write_json(out_dir / "metrics.json", nested(rows))
        _write_text(out_dir / "sources.csv", _sources({"all.csv": rows, "speed.csv": speeds}, files_of, out_dir))
        _write_text(
            out_dir / "summary.md", summary(rows) + _note_lines(rows, lacking) + _figure_links(figures, out_dir)
        )
        _write_text(out_dir / "all.csv", long_csv(rows))  # last: where it is, everything is
    return {table.name: sum(len(cells) for _, cells in table.entries) for table in tables}


def _drop_others(figures: Sequence[str | Path], jobs: Path) -> None:
    """Remove what a workflow of another configuration has drawn beside these figures; somebody's own pictures stay."""
    own = {Path(os.path.abspath(figure)) for figure in figures}  # of a link the place, not what it leads to
    for record in sorted(jobs.glob("*.tsv")):
        for folder in {figure.parent for figure in own}:
            other = folder / f"{record.stem}.png"
            if other in own or other.is_symlink() or not other.is_file():
                continue
            if other.stat().st_mtime <= record.stat().st_mtime:  # a record comes after its figure
                other.unlink()
                record.unlink(missing_ok=True)
                break


def _read_all(files: Sequence[str | Path]) -> dict[Row, str | Path]:
    """Return every row, in order, with the file it stands in."""
    if not files:
        raise StyleAlignError(
            "tables: no files of rows given; a workflow measures models of a domain with images (draw, path or fetch), "
            "and children by what their `measured` names"
        )
    origin: dict[tuple[Any, ...], str | Path] = {}
    rows: dict[Row, str | Path] = {}
    for file in files:
        for row in read_rows(file)[0]:
            key = (row.table, *(getattr(row, key) for key in KEY_COLUMNS), row.metric, row.features)
            if key in origin:
                number = " ".join(filter(None, key))
                raise StyleAlignError(f"{file}: {number} stands in {origin[key]} too; give only one of them")
            origin[key] = rows[row] = file
    return rows


def _sources(tables: dict[str, list[Row]], files_of: dict[Row, list[str | Path]], out_dir: Path) -> str:
    """Return a CSV that leads from each row (1 is the first) of the long tables to the files it was made from."""
    digests = {file: sha256_of_file(file) for file in {file for files in files_of.values() for file in files}}
    lines: list[Sequence[str]] = [SOURCE_COLUMNS]
    for name, rows in tables.items():
        for number, row in enumerate(rows, start=1):
            for file in dict.fromkeys(files_of[row]):
                path = Path(os.path.relpath(file, out_dir)).as_posix()
                lines.append([name, str(number), path, digests[file]])
    return _csv_text(lines)


def long_csv(rows: Iterable[Row]) -> str:
    """Return every number, in full, with the columns `measurements.rows.COLUMNS`; nothing where there is none."""
    records = ([_exact(getattr(row, column)) for column in COLUMNS] for row in rows)
    return _csv_text([COLUMNS, *records])


def wide(name: str, rows: Sequence[Row]) -> Table:
    """Return a table's rows, in their order, as a wide table."""
    columns = dict.fromkeys(_head(row) for row in rows)
    entries: dict[tuple[str, ...], dict[str, Row]] = {}
    for row in rows:
        texts = tuple("" if key == "setting" and is_by_setting(row) else getattr(row, key) for key in KEY_COLUMNS)
        entries.setdefault(texts, {})[_head(row)] = row
    used = [index for index in range(len(KEY_COLUMNS)) if any(texts[index] for texts in entries)]
    picked = tuple((tuple(texts[index] for index in used), cells) for texts, cells in entries.items())
    return Table(name, tuple(KEY_COLUMNS[index] for index in used), tuple(columns), picked)


def is_speed(row: Row) -> bool:
    """Return whether a number differs from run to run."""
    return registry.metric(row.table, row.metric).is_speed


def is_by_setting(row: Row) -> bool:
    """Return whether a row's setting belongs to the head of its column."""
    return registry.metric(row.table, row.metric).is_by_setting


def _is_headline(row: Row) -> bool:
    return registry.table(row.table).headline == row.metric


def _head(row: Row) -> str:
    setting = f" {row.setting}" if is_by_setting(row) and row.setting else ""
    return f"{row.metric}{setting}[{row.features}]" if row.features else f"{row.metric}{setting}"


def to_csv(table: Table) -> str:
    """Return a wide table as CSV; a column with intervals is followed by `NAME_ci_low` and `NAME_ci_high`."""
    bounded = {head for _, cells in table.entries for head, row in cells.items() if row.ci_low is not None}
    fields = [(head, field) for head in table.columns for field in _fields(head in bounded)]
    lines: list[Sequence[str]] = [
        [*table.keys, *(head if field == "value" else f"{head}_{field}" for head, field in fields)]
    ]
    for texts, cells in table.entries:
        lines.append(
            [*texts, *(_exact(getattr(cells[head], field)) if head in cells else "" for head, field in fields)]
        )
    return _csv_text(lines)


def _fields(has_interval: bool) -> tuple[str, ...]:
    return ("value", "ci_low", "ci_high") if has_interval else ("value",)


def to_markdown(table: Table) -> str:
    """Return a wide table as Markdown, with 95 % intervals in brackets."""
    lines = [[*table.keys, *table.columns]]
    lines += [[*texts, *(_rounded(cells.get(head)) for head in table.columns)] for texts, cells in table.entries]
    return f"# {table.name}\n\n{_markdown(lines, len(table.keys))}"


def to_latex(table: Table) -> str:
    """Return a wide table as a LaTeX `tabular` of the `booktabs` package."""
    heads = [_latex(text) for text in (*table.keys, *table.columns)]
    body = [
        [*map(_latex, texts), *(_latex(_rounded(cells.get(head))) for head in table.columns)]
        for texts, cells in table.entries
    ]
    lines = [
        f"% {table.name}; needs \\usepackage{{booktabs}}",
        f"\\begin{{tabular}}{{{'l' * len(table.keys)}{'r' * len(table.columns)}}}",
        "\\toprule",
        " & ".join(heads) + r" \\",
        "\\midrule",
        *(" & ".join(line) + r" \\" for line in body),
        "\\bottomrule",
        "\\end{tabular}",
    ]
    return "\n".join(lines) + "\n"


def nested(rows: Iterable[Row]) -> dict[str, Any]:
    """Return every value as `{table: {parent: {child: {method: {setting: {metric: value}}}}}}` without empty keys."""
    tree: dict[str, Any] = {}
    for row in rows:
        branch = tree
        for key in filter(None, (row.table, row.parent, row.child, row.method, row.setting)):
            branch = branch.setdefault(key, {})
        branch[f"{row.metric}[{row.features}]" if row.features else row.metric] = row.value
    return tree


def summary(rows: Sequence[Row]) -> str:
    """Return one line a method with the headline metric of every table, one column a child, as Markdown.

    Of the two translation protocols it shows one: their numbers do not compare. Of many directions, it shows all
    together.
    """
    shown: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        if _is_headline(row) and not row.setting.startswith(TO_TRAINING):
            shown.setdefault((row.table, row.features), []).append(row)
    chosen = [row for same in shown.values() for row in of_the_whole(same)]
    children = list(dict.fromkeys(row.child for row in chosen))
    lines: dict[tuple[str, str, str], dict[str, str]] = {}
    for row in chosen:
        metric = f"{row.metric}[{row.features}]" if row.features else row.metric
        what = f"{metric} ({ARROWS[row.higher_is_better]})" if row.higher_is_better is not None else metric
        method = " ".join(filter(None, (row.method, row.setting)))
        lines.setdefault((row.table, what, method), {})[row.child] = _rounded(row, interval=False)
    cells = [["table", "metric", "method", *children]]
    cells += [[*key, *(values.get(child, "") for child in children)] for key, values in lines.items()]
    return _markdown(cells, 3)


def _note_lines(rows: Sequence[Row], lacking: Sequence[str]) -> str:
    lines = [f"- {note}" for note in (*notes(rows), *(f"{told[:1].upper()}{told[1:]}." for told in lacking))]
    return "\n".join(["\nTo know of these numbers:\n", *lines]) + "\n" if lines else ""


def _figure_links(figures: Sequence[str | Path], out_dir: Path) -> str:
    links = [f"- [{Path(figure).stem}]({Path(os.path.relpath(figure, out_dir)).as_posix()})" for figure in figures]
    return "\n".join(["\nFigures:\n", *links]) + "\n" if links else ""


def _markdown(lines: Sequence[Sequence[str]], left: int) -> str:
    """Return lines of cells, the head first, as an aligned Markdown table; the first `left` columns are text."""
    texts = [[cell.replace("|", "\\|") for cell in line] for line in lines]
    widths = [max(len(line[index]) for line in texts) for index in range(len(texts[0]))]
    align: list[Callable[[str, int], str]] = [str.ljust if index < left else str.rjust for index in range(len(widths))]
    drawn = [
        "| " + " | ".join(fit(cell, width) for fit, cell, width in zip(align, line, widths, strict=True)) + " |"
        for line in texts
    ]
    rule = [
        "-" * width if index < left else "-" * (width - 1) + ":"
        for index, width in enumerate(max(3, w) for w in widths)
    ]
    return "\n".join([drawn[0], "| " + " | ".join(rule) + " |", *drawn[1:]]) + "\n"


def _rounded(row: Row | None, interval: bool = True) -> str:
    """Return a number for people: four significant digits, and its interval."""
    if row is None:
        return ""
    if row.value is None:
        return "none"
    text = _digits(row.value)
    if interval and row.ci_low is not None and row.ci_high is not None:
        text += f" [{_digits(row.ci_low)}, {_digits(row.ci_high)}]"
    return text


def _digits(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _exact(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value) if isinstance(value, float) else str(value)


def _csv_text(lines: Iterable[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(lines)
    return text.getvalue()


_LATEX = str.maketrans(
    {sign: f"\\{sign}" for sign in "&%$#_{}"}
    | {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
)


def _latex(text: str) -> str:
    """Return a text as LaTeX prints it: signs that mean something there are names of classes and models here."""
    return text.translate(_LATEX)


def _write_text(path: Path, text: str) -> None:
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")
