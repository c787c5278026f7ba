"""`stylealign figures KIND`: images that show what the tables measure."""

import argparse
import json
from pathlib import Path

import numpy as np

from stylealign.cli.arguments import at_least, named_file
from stylealign.cli.figure_flags import add_overview, add_ranking
from stylealign.datasets.images import ImageZip
from stylealign.errors import StyleAlignError
from stylealign.files import require_suffix, require_writable
from stylealign.measurements.alignment_front import read_comparable
from stylealign.measurements.rows import read_rows
from stylealign.report.curves import draw_curve
from stylealign.report.figures import image_rows, read_sheet, stacked
from stylealign.report.front import draw_front
from stylealign.report.ladder import draw_ladder
from stylealign.report.sheets import PICTURES, ROWS_NOTE, Pixels, enlarge, rows_note, save_picture

LEAST_WIDTH_PX = 1200
MULTI_MODAL_SOURCES = 3

KINDS = {
    "samples": ("random samples of every model", "MODEL"),
    "aligned": ("what each model makes of the same latent codes", "MODEL"),
    "overview": ("pictures, their reconstructions, the same code in every child, labels, a morph", "MODEL"),
    "translation": ("source images, and what became of them", "ZIP"),
    "multi-modal": ("source images, each with all its translations under a guide", "ZIP"),
    "morphing": ("morph strips", "PNG"),
    "edits": ("the parent's directions in every model: its --directions, from one end to the other", "MODEL"),
    "channels": ("style channels that parent and child share: the same channel moved in each model", "MODEL"),
    "curve": ("quality against alignment over a child's training", "ROWS.json"),
    "ladder": ("every measure of alignment against the distance of the child's domain", "ROWS.json"),
    "front": ("quality against alignment of a domain's children, each of another training", "ROWS.json"),
    "ranking": ("real images, from most to least of what the parent's networks see, by their W+ codes", "NPZ"),
    "zero-shot": ("real images with their annotation and the labels of networks, one LABEL's over each other", "NET"),
}

_ANNOTATED = {
    "zero-shot": "annotations of the real images, where there are any",
    "ranking": "annotations of the real images, where there are any: attributes that they name too come first",
}
"""Kind -> what the annotations of the real images are for."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add one sub-command for each kind of figure."""
    kinds = parser.add_subparsers(dest="kind", metavar="KIND", required=True)
    for kind, (text, what) in KINDS.items():
        sub = kinds.add_parser(kind, help=text, description=text)
        sub.add_argument(
            "rows",
            nargs="*" if kind == "overview" else "+",
            type=named_file,
            metavar=f"LABEL={what}",
            help="the parent, then its children (default: the bundled ones)"
            if kind == "overview"
            else "rows of the figure, from the top",
        )
        sub.add_argument("--out", required=True, type=Path, metavar="PNG", help="the figure (.png, .jpg or .webp)")
        if kind not in ("multi-modal", "morphing", "edits", "channels", "overview", *_PLOTS):
            sub.add_argument("--columns", type=at_least(1), default=8, metavar="N", help="images of a row (default: 8)")
        if kind == "edits":
            sub.add_argument(
                "--directions",
                required=True,
                type=Path,
                metavar="ROWS.json",
                help="rows of alignment-semantic or alignment-recovery, which keep the directions they show",
            )
        if kind == "channels":
            sub.add_argument(
                "--channels", required=True, type=Path, metavar="ROWS.json", help="rows of alignment-channels"
            )
        if kind == "overview":
            add_overview(sub)
        if kind == "ranking":
            add_ranking(sub)
        if kind in ("translation", "multi-modal", "ranking", "zero-shot"):
            sub.add_argument("--data", required=True, type=Path, metavar="ZIP", help="the real images")
        if kind in _ANNOTATED:
            sub.add_argument("--annotations", type=Path, metavar="NPZ", help=_ANNOTATED[kind])


def run(arguments: argparse.Namespace) -> None:
    """Write the figure; print its size in pixels as JSON."""
    require_suffix(arguments.out, PICTURES, "a picture")
    require_writable(arguments.out)
    if arguments.kind in _PLOTS:
        paths = [path for _, path in arguments.rows]
        is_front = arguments.kind == "front"
        rows = read_comparable(paths) if is_front else [row for path in paths for row in read_rows(path)[0]]
        _PLOTS[arguments.kind](arguments.out, rows)
        print(json.dumps({"figure": str(arguments.out)}))
        return
    labels = [label for label, _ in arguments.rows]
    twice = next((label for label in labels if labels.count(label) > 1), None)
    if twice is not None and arguments.kind != "zero-shot":  # whose networks of one label share a row
        raise StyleAlignError(f"two rows are called {twice!r}; give each a label of its own")
    sheet = _SHEETS.get(arguments.kind, _with_models)(arguments)
    save_picture(arguments.out, sheet, _notes(arguments, sheet))
    print(json.dumps({"figure": str(arguments.out), "height_px": sheet.shape[1], "width_px": sheet.shape[2]}))


def _notes(arguments: argparse.Namespace, sheet: Pixels) -> dict[str, str]:
    """Return what the file says of its rows, so that two of them can be laid over each other."""
    if arguments.kind != "aligned":
        return {}
    return {ROWS_NOTE: rows_note([label for label, _ in arguments.rows], arguments.columns, *sheet.shape[1:])}


def _translation(arguments: argparse.Namespace) -> Pixels:
    zips = {label: ImageZip(path) for label, path in arguments.rows}
    first = next(iter(zips.values()))
    sources, rows = _sources(arguments.data, first, arguments.columns), {}
    for label, data in zips.items():
        each, count = data.info.get("outputs", 1), len(sources)
        if len(data) < count * each:
            raise StyleAlignError(f"{data.path}: {len(data)} images for {count} sources; translate again")
        if data.info.get("names", first.info["names"])[:count] != first.info["names"][:count]:
            raise StyleAlignError(f"{data.path}: images of other sources than {first.path}; translate the same codes")
        rows[label] = data.read(range(0, count * each, each))  # of several outputs of a source the first
    return image_rows({"source": sources} | rows)


def _multi_modal(arguments: argparse.Namespace) -> Pixels:
    blocks = {}
    for label, path in arguments.rows:
        data = ImageZip(path)
        sources, each = _sources(arguments.data, data, MULTI_MODAL_SOURCES), data.info.get("outputs", 1)
        if len(data) < len(sources) * each:
            raise StyleAlignError(f"{path}: {len(data)} images, too few for {each} of each source; translate again")
        outputs = data.read(slice(0, len(sources) * each)).reshape(len(sources), each, *sources.shape[1:])
        blocks[label] = np.concatenate([sources[:, None], outputs], axis=1).reshape(-1, *sources.shape[1:])
    return image_rows(blocks, min(MULTI_MODAL_SOURCES, len(sources)))


def _sources(path: Path, translated: "ImageZip", count: int) -> Pixels:
    """Return the first sources of a zip of translations or reconstructions, which names them."""
    data, names = ImageZip(path), translated.info.get("names", [])[:count]
    if not names:
        raise StyleAlignError(f"{translated.path}: names no sources; give images of stylealign invert or translate")
    missing = [name for name in names if name not in data.names]
    if missing:
        raise StyleAlignError(f"{path}: holds no {missing[0]}; give the images that {translated.path} is of")
    return data.read([data.names.index(name) for name in names])


def _morphing(arguments: argparse.Namespace) -> Pixels:
    sheet = stacked({label: read_sheet(path) for label, path in arguments.rows})
    return enlarge(sheet, max(1, LEAST_WIDTH_PX // sheet.shape[2]))


def _with_models(arguments: argparse.Namespace) -> Pixels:
    from stylealign.cli.model_figures import SHEETS  # brings torch, which the other figures do without

    return SHEETS[arguments.kind](arguments)


_PLOTS = {"curve": draw_curve, "ladder": draw_ladder, "front": draw_front}
_SHEETS = {"translation": _translation, "multi-modal": _multi_modal, "morphing": _morphing}
