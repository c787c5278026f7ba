"""`stylealign data`: draw a domain or pairs of two, import one's own images, or fetch a published data set."""

import argparse
import json
from pathlib import Path
from typing import Any

from stylealign.checkpoints.zoo import default_zoo, load_zoo
from stylealign.cli.arguments import add_settings, settings_from
from stylealign.cli.downloads import add_download, opened_cache
from stylealign.cli.progress import warn
from stylealign.config import OF_PICTURES, AnnotationSettings, DatasetSettings, PairSettings, as_asked
from stylealign.datasets.domains import domain as drawn_domain
from stylealign.datasets.drawing import draw_dataset, draw_pairs
from stylealign.datasets.importing import Archive, import_dataset
from stylealign.datasets.label_names import perhaps_turning
from stylealign.datasets.labelling import label_dataset
from stylealign.datasets.own_labels.tables import read_table
from stylealign.datasets.splits import SPLITS
from stylealign.errors import StyleAlignError
from stylealign.files import own_path, require_writable
from stylealign.provenance import provenance_of
from stylealign.versions import version

SOURCES = frozenset({"draw", "path", "fetch"})
"""Settings that say where the images come from: import and fetch have an argument for it."""
LABEL_FILES = ("masks", "keypoints", "values", "attributes", "classes")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the actions `draw`, `pairs`, `import` and `fetch`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    draw = actions.add_parser("draw", help="draw a domain with its annotations")
    draw.add_argument("--jobs", type=int, default=1, metavar="N", help="processes that draw (default: 1)")
    draw.add_argument("--split", choices=SPLITS, action="append", help="a split to draw, others stay (default: all)")
    pairs = actions.add_parser("pairs", help="draw pairs of two domains: the same pose, another figure")
    importer = actions.add_parser("import", help="make a data set of a folder or zip of images")
    importer.add_argument("source", metavar="SRC", help="folder or zip of images")
    fetcher = actions.add_parser("fetch", help="download a data set of data/zoo.yaml and import it")
    fetcher.add_argument("name", metavar="NAME", help="name among the data sets of the zoo")
    add_download(fetcher)
    for action in (importer, fetcher):
        _add_labels(action)
    for action in (draw, importer, fetcher):
        action.add_argument("--out-dir", required=True, metavar="DIR", type=Path, help="folder of the data set")
        others = (SOURCES - {"draw"}) | set(OF_PICTURES) if action is draw else SOURCES
        add_settings(action, DatasetSettings, without=others)
    pairs.add_argument("--out-dir", required=True, metavar="DIR", type=Path, help="folder of the pairs")
    add_settings(pairs, PairSettings)


def _add_labels(parser: argparse.ArgumentParser) -> None:
    """Add a flag for each file of labels."""
    group = parser.add_argument_group("labels of the pictures (docs/own-labels.md)")
    for name in LABEL_FILES:
        text = AnnotationSettings.model_fields[name].description or ""
        group.add_argument(f"--{name}", metavar="PATH", help=text.partition(". Default")[0].rstrip("."))
    group.add_argument(
        "--upright-labels", action="store_true", help="the labels are of the pictures as shown, not as stored"
    )
    group.add_argument(
        "--labels-only", action="store_true", help="the images are in DIR already: write the labels beside them"
    )


def _given_labels(arguments: argparse.Namespace) -> dict[str, object] | None:
    """Return the settings that the flags of labels give, None where there is none."""
    given = {name: getattr(arguments, name) for name in LABEL_FILES if getattr(arguments, name) is not None}
    if arguments.upright_labels:
        given["upright"] = True
    return given or None


def run(arguments: argparse.Namespace) -> None:
    """Make the data set; print the number of images as JSON on stdout."""
    require_writable(arguments.out_dir, folder=True)
    {"draw": _draw, "pairs": _pairs, "import": _import, "fetch": _fetch}[arguments.action](arguments)


def _draw(arguments: argparse.Namespace) -> None:
    settings = settings_from(arguments, DatasetSettings)
    if settings.draw is None:
        raise StyleAlignError("settings: draw is missing; name a domain, or use `stylealign data import SRC`")
    if arguments.jobs < 1:
        raise StyleAlignError(f"--jobs: must be at least 1, not {arguments.jobs}")

    artwork = drawn_domain(settings.draw).artwork
    packages = artwork.installed()

    def made(split: str) -> dict[str, Any]:
        told = settings.model_dump(mode="json", exclude=settings.others_than(split))
        of = artwork.attribution
        return provenance_of("data draw", version("data"), told, {}, packages=packages, attribution=of)

    splits = arguments.split or SPLITS
    provenance = {split: made(split) for split in splits}
    print(json.dumps(draw_dataset(settings, arguments.out_dir, arguments.jobs, provenance, splits)))


def _pairs(arguments: argparse.Namespace) -> None:
    settings = settings_from(arguments, PairSettings)
    artworks = [drawn_domain(name).artwork for name in (settings.source, settings.target)]
    packages = {name: release for artwork in artworks for name, release in artwork.installed().items()}
    owed = " ".join(dict.fromkeys(artwork.attribution for artwork in artworks))
    provenance = provenance_of("data pairs", version("data"), settings, {}, packages=packages, attribution=owed)
    print(json.dumps(draw_pairs(settings, arguments.out_dir, provenance)))


def _import(arguments: argparse.Namespace) -> None:
    arguments.setting_path = arguments.source
    arguments.setting_annotations = _given_labels(arguments)
    source = arguments.source if Path(arguments.source).exists() else None  # the import says what is wrong with it
    if source is not None and not arguments.labels_only:
        _check_place(arguments.out_dir, Path(source))
    _make("data import", settings_from(arguments, DatasetSettings, as_asked), arguments, source)


def _check_place(out_dir: Path, source: Path) -> None:
    """Check that a data set takes the place of none of the pictures that it is made of.

    Raises:
        StyleAlignError: it would.
    """
    made = out_dir.resolve()
    if source.resolve() in (made, *(made / f"{split}.zip" for split in SPLITS)):
        raise StyleAlignError(f"--out-dir: {out_dir} would take the place of pictures of {source}; name another")


def _make(
    verb: str,
    settings: DatasetSettings,
    arguments: argparse.Namespace,
    source: str | Path | None,
    archive: Archive | None = None,
) -> None:
    """Make the data set of one's own or published pictures, or its labels alone; print what became of the files."""
    if arguments.labels_only:
        made = label_dataset(settings, arguments.out_dir, archive)
    else:
        provenance = provenance_of(verb, version("data"), _of_images(settings), {"source": source})
        made = import_dataset(settings, arguments.out_dir, archive, provenance)
    print(json.dumps(made))
    _warn_of_mirroring(settings)


def _of_images(settings: DatasetSettings) -> dict[str, Any]:
    """Return the settings that the images follow from: their zips, and trainings on them, are the same with labels."""
    return settings.model_dump(mode="json", exclude={"annotations"})


def _warn_of_mirroring(settings: DatasetSettings) -> None:
    """Warn of numbers that look as if they changed sign in a mirrored picture, where nothing is said of it."""
    labels = settings.annotations
    if labels is None or labels.values is None:
        return
    told = perhaps_turning(read_table(Path(own_path(labels.values))).names, labels.negated)
    if told is not None:
        warn("data", told)


def _fetch(arguments: argparse.Namespace) -> None:
    arguments.setting_fetch = arguments.name
    arguments.setting_annotations = _given_labels(arguments)
    settings = settings_from(arguments, DatasetSettings, as_asked)
    from stylealign.checkpoints.fetch import fetch_file  # brings torch, which the other actions do without

    zoo = arguments.zoo or default_zoo()
    with opened_cache(arguments, arguments.name) as cache:
        path = fetch_file("datasets", arguments.name, zoo, cache)
    entry = load_zoo(zoo).datasets[arguments.name]
    archive = Archive(path, entry.train, entry.test, entry.format == "lmdb")
    _make("data fetch", settings, arguments, path, archive)
