"""`stylealign provenance`: where a number of the tables comes from, down to the hashes of all files behind it."""

import argparse
import json
import sys
from pathlib import Path

from stylealign.checkpoints.zoo import default_zoo
from stylealign.errors import StyleAlignError
from stylealign.ledger import manifest as manifests
from stylealign.ledger.provenance import as_tree, trace_row
from stylealign.ledger.workflow import find_run


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("table", type=Path, metavar="CSV", help="results/tables/all.csv or speed.csv")
    parser.add_argument("--row", type=int, required=True, metavar="N", help="row of the table; 1 follows the head")
    parser.add_argument("--tree", action="store_true", help="print text for people instead of JSON")
    parser.add_argument(
        "--zoo", type=Path, metavar="FILE", help="list of known models, to name the parents. Default: as `fetch`"
    )


def run(arguments: argparse.Namespace) -> None:
    """Print the trace; fail, after that, where a file is not the recorded one."""
    table = arguments.table
    base = run_folder(table)
    traced = trace_row(table, arguments.row, base, _manifest(base), arguments.zoo or default_zoo())
    print(as_tree(traced) if arguments.tree else json.dumps(traced, indent=2), end="" if arguments.tree else "\n")
    sys.stdout.flush()
    if traced["problems"]:
        raise StyleAlignError("; ".join(traced["problems"]))


def run_folder(table: Path) -> Path:
    """Return the folder of the run: the one that `results/tables/` is in, else this one."""
    folder = table.resolve().parent
    return folder.parents[1] if (folder.parent.name, folder.name) == ("results", "tables") else Path.cwd()


def _manifest(base: Path):  # type: ignore[no-untyped-def]

    try:
        path = find_run(base, None).ledger / manifests.NAME
    except StyleAlignError:  # tables outside a repository
        return None
    return manifests.Manifest.read(path) if path.is_file() else None
