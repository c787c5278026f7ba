"""`stylealign tables`: every table, as CSV, Markdown and LaTeX, from files of rows."""

import argparse
import json
from pathlib import Path

from stylealign.cli.arguments import add_rows
from stylealign.errors import StyleAlignError
from stylealign.report.tables import write_tables


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    add_rows(parser, nargs="*")  # a configuration may ask for none, which `run` explains
    parser.add_argument(
        "--figures", nargs="*", default=[], type=Path, metavar="PNG", help="figures that summary.md links"
    )
    parser.add_argument(
        "--figure-jobs",
        type=Path,
        metavar="DIR",
        help="the workflow's benchmarks of figures: what it drew beside the figures given, and is none of them, goes",
    )
    parser.add_argument(
        "--seeds",
        nargs="*",
        default=[],
        metavar="NAME=MODEL,...",
        help="models that differ in the seed alone: adds their mean and spread to the tables, and seeds.csv",
    )
    parser.add_argument(
        "--lacking", nargs="*", default=[], metavar="TEXT", help="what there are no rows of, and why, for summary.md"
    )
    parser.add_argument(
        "--only",
        choices=("wide", "long"),
        help="wide: TABLE.csv, .md, .tex and seeds.csv; long: the others. Default: all of them",
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
    if not arguments.rows:
        raise StyleAlignError(
            "no rows are given, so there is no table to make; results/front needs a domain with children that the run "
            "trains in two ways or more"
        )
    seeded = dict(_group(text) for text in arguments.seeds)
    written = write_tables(
        arguments.rows,
        arguments.out_dir,
        arguments.figures,
        seeded,
        arguments.only,
        arguments.lacking,
        arguments.figure_jobs,
    )
    print(json.dumps(written))


def _group(text: str) -> tuple[str, list[str]]:
    name, _, models = text.partition("=")
    if len(models.split(",")) < 2:
        raise StyleAlignError(f"--seeds {text}: give NAME=MODEL,MODEL: two models or more")
    return name, models.split(",")
