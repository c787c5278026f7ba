"""`stylealign tables`: every table, as CSV, Markdown and LaTeX, from files of rows."""

import argparse
import json
from pathlib import Path

HELP = "make the tables (CSV, Markdown, LaTeX) and all.csv from the rows that `stylealign evaluate` wrote"
VERSION = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument(
        "rows",
        nargs="+",
        type=Path,
        metavar="ROWS.json",
        help="files of `stylealign evaluate`, in the order of the tables",
    )
    parser.add_argument(
        "--figures", nargs="*", default=[], type=Path, metavar="PNG", help="figures that summary.md links"
    )
    parser.add_argument(
        "--out-dir",
        required=True,
        type=Path,
        metavar="DIR",
        help="gets TABLE.csv, .md, .tex, all.csv, sources.csv, metrics.json, summary.md",
    )


def run(arguments: argparse.Namespace) -> None:
    """Write the tables; print how many numbers each holds as JSON."""
    from stylealign.report.tables import write_tables

    print(json.dumps(write_tables(arguments.rows, arguments.out_dir, arguments.figures)))
