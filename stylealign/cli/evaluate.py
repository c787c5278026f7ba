"""`stylealign evaluate KIND`: measure one group of rows of a table and write them with their provenance."""

import argparse
import functools
import json
import textwrap
import warnings
from pathlib import Path

from stylealign.cli.arguments import add_settings, named_file, settings_from
from stylealign.cli.progress import Progress, warn
from stylealign.config import MetricSettings
from stylealign.errors import StyleAlignError
from stylealign.files import require_writable
from stylealign.measurements import registry
from stylealign.measurements.declare import Kind, Option, Table
from stylealign.measurements.rows import Row, write_rows
from stylealign.provenance import provenance_of

ARROWS = {True: "higher is better", False: "lower is better", None: "neither way is better"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add one sub-command for each kind of measurement."""
    kinds = parser.add_subparsers(dest="kind", metavar="KIND", required=True)
    for kind in registry.KINDS:
        sub = kinds.add_parser(
            kind.command,
            aliases=kind.aliases,
            help=kind.text,
            description=kind.text,
            epilog="\n".join(map(_metrics_text, kind.filled)),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        sub.set_defaults(measurement=kind)
        _add_names(sub, one_method=kind.named_files is None)
        if kind.named_files is not None:
            metavar = f"METHOD[/SETTING]={kind.named_files.form}"
            sub.add_argument("rows", nargs="+", type=named_file, metavar=metavar, help=kind.named_files.text)
        for file in kind.files:
            sub.add_argument(f"--{file.role}", type=Path, required=file.is_required, metavar=file.form, help=file.text)
        for option in kind.options:
            _add_option(sub, option)
        add_settings(sub, MetricSettings, without=set(MetricSettings.model_fields) - set(kind.settings))


def _add_names(parser: argparse.ArgumentParser, one_method: bool) -> None:
    """Add what every kind takes: the names of the rows, and where they go."""
    parser.add_argument("--out", required=True, metavar="JSON", help="file the rows are written to")
    parser.add_argument("--parent-name", default="", help="text of the rows' `parent` column")
    parser.add_argument("--child-name", required=True, help="text of the rows' `child` column: the domain measured")
    if one_method:
        parser.add_argument("--method", default="", help="text of the rows' `method` column")
    parser.add_argument(
        "--setting", default="", help="text of the rows' `setting` column, after what the kind puts there"
    )


def _add_option(parser: argparse.ArgumentParser, option: Option) -> None:
    if option.choices:
        parser.add_argument(f"--{option.name}", required=True, choices=option.choices, help=option.text)
    else:
        parser.add_argument(f"--{option.name}", action="store_true", help=option.text)


def _metrics_text(table: Table) -> str:
    """Return what the metrics of a table mean, for the end of the help."""
    lines = [f"metrics of the table {table.name}:"]
    for metric in table.metrics:
        text = f"{metric.name}: {metric.described} ({ARROWS[metric.higher_is_better]})"
        lines.append(textwrap.fill(text, 100, initial_indent="  ", subsequent_indent="    "))
    return "\n".join(lines)


def run(arguments: argparse.Namespace) -> None:
    """Measure, write the rows, and print them as JSON: what names each -> value."""
    kind: Kind = arguments.measurement
    settings = settings_from(arguments, MetricSettings)
    require_writable(arguments.out)
    files = {file.role: getattr(arguments, file.role.replace("-", "_")) for file in kind.files}
    named_files = _by_name(getattr(arguments, "rows", []))
    for name in files.keys() & named_files.keys():
        raise StyleAlignError(f"{name}: the name of --{name} as well; give the rows another")
    inputs = files | named_files | kind.weights(settings)
    provenance = provenance_of(f"evaluate {kind.command}", kind.version, settings, inputs)

    from stylealign.measurements.inputs import Inputs  # torch, which `--help` and a mistake in the flags do without
    from stylealign.measurements.measuring import measured

    given = Inputs(
        files=files,
        named_files=named_files,
        options={option.name: getattr(arguments, option.name.replace("-", "_")) for option in kind.options},
        parent=arguments.parent_name,
        child=arguments.child_name,
        method=getattr(arguments, "method", ""),
        setting=arguments.setting,
    )
    with warnings.catch_warnings(record=True) as caught:  # of too few images: each becomes a line, once
        warnings.simplefilter("always")
        rows, facts = measured(kind, given, settings, functools.partial(Progress, "evaluate"))
    for text in dict.fromkeys(str(warning.message) for warning in caught):
        warn("evaluate", text)
    write_rows(arguments.out, rows, provenance | facts)
    print(json.dumps({_label(row, arguments.child_name, rows[0].table): row.value for row in rows}))


def _label(row: Row, child: str, table: str) -> str:
    """Return what names a row among those of one file, whose child and table are said only where they are others."""
    others = ("" if row.table == table else row.table, "" if row.child == child else row.child)
    return " ".join(filter(None, (*others, row.method, row.metric, row.setting)))


def _by_name(rows: list[tuple[str, Path]]) -> dict[str, Path]:
    """Return METHOD=FILE arguments by their name.

    Raises:
        StyleAlignError: a name that is given twice.
    """
    names = [name for name, _ in rows]
    for name in names:
        if names.count(name) > 1:
            raise StyleAlignError(f"{name}: given {names.count(name)} times; tell them apart, as {name}/NAME=FILE")
    return dict(rows)
