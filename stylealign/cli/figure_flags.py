"""Flags of single kinds of `stylealign figures`."""

import argparse
from pathlib import Path

from stylealign.cli.arguments import at_least, named_file

OVERVIEW_STEPS, TAUGHT_IMAGES = 150, 600
RANKING_TASKS = ("pose", "attributes")
RANKING_SAMPLES = 1000


def add_overview(parser: argparse.ArgumentParser) -> None:
    """Add the flags of the figure."""
    parser.add_argument(
        "--data",
        type=Path,
        metavar="PATH",
        help="a picture, a folder or a zip of pictures (default, with the bundled models: drawn people)",
    )
    parser.add_argument("--images", type=at_least(1), default=3, metavar="N", help="pictures (default: 3)")
    parser.add_argument(
        "--labels",
        nargs="+",
        type=named_file,
        metavar="LABEL=NET",
        help="a label network of each child's domain (default: none; with the bundled models, networks that are taught "
        "on the way without a label of the child's domain)",
    )
    parser.add_argument(
        "--taught",
        type=at_least(0),
        default=TAUGHT_IMAGES,
        metavar="N",
        help=f"images that these are taught with; 0: no labels (default: {TAUGHT_IMAGES})",
    )
    parser.add_argument(
        "--steps",
        type=at_least(1),
        default=OVERVIEW_STEPS,
        metavar="N",
        help=f"steps of the inversion (default: {OVERVIEW_STEPS})",
    )


def add_ranking(parser: argparse.ArgumentParser) -> None:
    """Add the flags of the figure but those of all figures."""
    parser.add_argument("--model", required=True, type=Path, metavar="MODEL", help="the parent")
    for task in RANKING_TASKS:
        parser.add_argument(f"--{task}", type=Path, metavar="NET", help=f"{task} network of the parent's domain")
    parser.add_argument(
        "--samples",
        type=at_least(20),
        default=RANKING_SAMPLES,
        metavar="N",
        help=f"samples of the parent that its hyperplanes lie between (default: {RANKING_SAMPLES})",
    )
