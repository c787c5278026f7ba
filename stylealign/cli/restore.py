"""`stylealign restore`: bring a tracked run back, so that Snakemake has nothing to do."""

import argparse
import json

from stylealign.cli.track import add_run, versions
from stylealign.ledger.dvc import require_dvc
from stylealign.ledger.restore import restore
from stylealign.ledger.workflow import find_run


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    add_run(parser)
    parser.add_argument("--remote", metavar="NAME", help="DVC remote to fetch from (default: DVC's default remote)")
    parser.add_argument("--force", action="store_true", help="replace files that differ from the ledger")


def run(arguments: argparse.Namespace) -> None:
    """Restore; print how many files came back as JSON."""
    require_dvc()
    this_run = find_run(arguments.directory, arguments.configfile)
    print(json.dumps(restore(this_run, versions(this_run), arguments.remote, arguments.force)))
