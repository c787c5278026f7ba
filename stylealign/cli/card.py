"""`stylealign card`: a model's card from its header and its measurements."""

import argparse
import json
from pathlib import Path

from stylealign.checkpoints.native import read_header
from stylealign.datasets.domains import artwork_of
from stylealign.files import sha256_of_file, write_json
from stylealign.report.cards import model_card, write_table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("model", type=Path, metavar="MODEL", help="native checkpoint")
    parser.add_argument("--rows", nargs="+", required=True, type=Path, metavar="JSON", help="measurements of it")
    parser.add_argument(
        "--domain", metavar="NAME", help="drawn domain whose artwork its images show, where the model does not say it"
    )
    parser.add_argument("--out", required=True, type=Path, metavar="JSON", help="the card; its name is the model's")
    parser.add_argument(
        "--readme", type=Path, metavar="MD", help="file whose table of the cards beside --out is renewed"
    )


def run(arguments: argparse.Namespace) -> None:
    """Write the card, renew the table, and print the metrics as JSON."""
    info = read_header(arguments.model)["info"]
    owed = None if arguments.domain is None else artwork_of(arguments.domain).attribution
    card = model_card(arguments.out.stem, sha256_of_file(arguments.model), info, arguments.rows, owed)
    write_json(arguments.out, card)
    if arguments.readme is not None:
        write_table(arguments.readme, sorted(arguments.out.parent.glob("*.json")))
    print(json.dumps({name: entry["value"] for name, entry in card["metrics"].items()}))
