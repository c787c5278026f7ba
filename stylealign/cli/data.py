"""`stylealign data`: draw an avatar domain, or import a folder or zip of one's own images."""

import argparse
import json
from pathlib import Path

from stylealign.cli.arguments import add_settings, settings_from
from stylealign.config import DatasetSettings
from stylealign.errors import StyleAlignError

HELP = "Make a data set: draw an avatar domain, or import a folder or zip of images."
VERSION = 2
ARTWORK = {"human": "python-avatars", "mosaic": "multiavatar", "animal": "animal-avatar"}
"""Package that carries the artwork of each drawn domain."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the actions `draw` and `import`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    draw = actions.add_parser("draw", help="draw an avatar domain with its annotations")
    draw.add_argument("--jobs", type=int, default=1, metavar="N", help="processes that draw (default: 1)")
    importer = actions.add_parser("import", help="make a data set of a folder or zip of images")
    importer.add_argument("source", metavar="SRC", help="folder or zip of images")
    for action in (draw, importer):
        action.add_argument("--out-dir", required=True, metavar="DIR", type=Path, help="folder of the data set")
        add_settings(action, DatasetSettings)


def run(arguments: argparse.Namespace) -> None:
    """Make the data set; print the number of images as JSON on stdout."""
    if arguments.action == "draw":
        _draw(arguments)
    else:
        _import(arguments)


def _draw(arguments: argparse.Namespace) -> None:
    settings = settings_from(arguments, DatasetSettings)
    if settings.draw is None:
        raise StyleAlignError("settings: draw is missing; name a domain, or use `stylealign data import SRC`")
    if arguments.jobs < 1:
        raise StyleAlignError(f"--jobs: must be at least 1, not {arguments.jobs}")
    from importlib.metadata import version

    from stylealign.datasets.drawing import draw_dataset
    from stylealign.metrics.rows import provenance_of

    packages = {name: version(name) for name in (ARTWORK[settings.draw], "resvg-py")}
    provenance = provenance_of("data draw", VERSION, settings, {}, packages=packages)
    print(json.dumps(draw_dataset(settings, arguments.out_dir, arguments.jobs, provenance)))


def _import(arguments: argparse.Namespace) -> None:
    arguments.setting_path = arguments.source
    settings = settings_from(arguments, DatasetSettings)
    from stylealign.datasets.importing import import_dataset
    from stylealign.metrics.rows import provenance_of

    source = arguments.source if Path(arguments.source).exists() else None  # the import says what is wrong with it
    provenance = provenance_of("data import", VERSION, settings, {"source": source})
    print(json.dumps(import_dataset(settings, arguments.out_dir, provenance)))
