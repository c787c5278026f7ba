"""`stylealign figures KIND`: images that show what the tables measure."""

import argparse
import json
from pathlib import Path

import numpy as np
import torch

from stylealign import load
from stylealign.applications.labels.networks import Labeller, load_label_network
from stylealign.cli.arguments import at_least, named_file
from stylealign.cli.overview_figure import add_overview, overview_sheet
from stylealign.cli.ranking_figure import add_ranking, ranking_of
from stylealign.datasets.annotations import Annotations
from stylealign.datasets.images import ImageZip
from stylealign.errors import StyleAlignError
from stylealign.files import require_suffix, require_writable
from stylealign.images import to_pixels
from stylealign.measurements.rows import read_rows
from stylealign.report.channels import channels_sheet
from stylealign.report.curves import draw_curve
from stylealign.report.edits import edits_sheet
from stylealign.report.figures import CELL_PX, image_rows, read_sheet, stacked, tiled
from stylealign.report.front import draw_front
from stylealign.report.label_overlays import annotated, require_drawn, seen
from stylealign.report.ladder import draw_ladder
from stylealign.report.sheets import PICTURES, ROWS_NOTE, Pixels, enlarge, rows_note, save_picture
from stylealign.sampling import seeded_z

SAMPLE_LINES = 3
SAMPLE_FONT_PX = 24  # two columns wide, it is shown smaller
LEAST_WIDTH_PX = 1200
MULTI_MODAL_SOURCES = 3
SEED = 0

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
        if kind == "zero-shot":
            sub.add_argument(
                "--annotations", type=Path, metavar="NPZ", help="annotations of the real images, where there are any"
            )


def run(arguments: argparse.Namespace) -> None:
    """Write the figure; print its size in pixels as JSON."""
    require_suffix(arguments.out, PICTURES, "a picture")
    require_writable(arguments.out)
    if arguments.kind in _PLOTS:
        rows = [row for _, path in arguments.rows for row in read_rows(path)[0]]
        _PLOTS[arguments.kind](arguments.out, rows)
        print(json.dumps({"figure": str(arguments.out)}))
        return
    labels = [label for label, _ in arguments.rows]
    twice = next((label for label in labels if labels.count(label) > 1), None)
    if twice is not None and arguments.kind != "zero-shot":  # whose networks of one label share a row
        raise StyleAlignError(f"two rows are called {twice!r}; give each a label of its own")
    sheet = _SHEETS[arguments.kind](arguments)
    save_picture(arguments.out, sheet, _notes(arguments, sheet))
    print(json.dumps({"figure": str(arguments.out), "height_px": sheet.shape[1], "width_px": sheet.shape[2]}))


def _notes(arguments: argparse.Namespace, sheet: Pixels) -> dict[str, str]:
    """Return what the file says of its rows, so that two of them can be laid over each other."""
    if arguments.kind != "aligned":
        return {}
    return {ROWS_NOTE: rows_note([label for label, _ in arguments.rows], arguments.columns, *sheet.shape[1:])}


def _samples(arguments: argparse.Namespace) -> Pixels:
    rows = {label: _images_of_model(path, SAMPLE_LINES * arguments.columns) for label, path in arguments.rows}
    return tiled(image_rows(rows, SAMPLE_LINES, SAMPLE_FONT_PX), len(rows))


def _aligned(arguments: argparse.Namespace) -> Pixels:
    return image_rows({label: _images_of_model(path, arguments.columns) for label, path in arguments.rows})


def _images_of_model(path: Path, count: int) -> Pixels:
    """Return `[count, 3, r, r]` uint8 images of the same latents for every model, drawn on the CPU."""
    generator = load(path).generator
    z = seeded_z(count, generator.architecture.z_dim, SEED)
    with torch.inference_mode():
        return to_pixels(torch.cat([generator(part) for part in z.split(16)]))


def _edits(arguments: argparse.Namespace) -> Pixels:
    generators = {label: load(path).generator for label, path in arguments.rows}
    return edits_sheet(generators, read_rows(arguments.directions)[1].get("shown", []), arguments.directions)


def _channels(arguments: argparse.Namespace) -> Pixels:
    generators = {label: load(path).generator for label, path in arguments.rows}
    provenance = read_rows(arguments.channels)[1]
    if "shared_channels" not in provenance:
        raise StyleAlignError(f"{arguments.channels}: names no channels; give rows of evaluate alignment-channels")
    return channels_sheet(generators, provenance["shared_channels"])


def _translation(arguments: argparse.Namespace) -> Pixels:
    zips = {label: ImageZip(path) for label, path in arguments.rows}
    sources = _sources(arguments.data, next(iter(zips.values())), arguments.columns)
    for data in zips.values():
        if len(data) < len(sources):
            raise StyleAlignError(f"{data.path}: {len(data)} images for {len(sources)} sources; translate again")
    return image_rows({"source": sources} | {label: data.read(slice(0, len(sources))) for label, data in zips.items()})


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


def _zero_shot(arguments: argparse.Namespace) -> Pixels:
    images = ImageZip(arguments.data).read(slice(0, arguments.columns))
    scale = max(1, CELL_PX // images.shape[-1])
    rows, classes = {"image": enlarge(images, scale)}, list[str]()
    if arguments.annotations is not None:
        truth = Annotations.load(arguments.annotations)
        rows["annotation"] = annotated(images, truth, scale)
        classes += truth.names.classes
    networks: dict[str, list[Labeller]] = {}
    for label, path in arguments.rows:
        network, _ = load_label_network(path, resolution_px=images.shape[-1])
        require_drawn(network, path)
        networks.setdefault(label, []).append(network)
    for label, those in networks.items():
        rows[label] = seen(images, those, classes, scale)
    return image_rows(rows)


_PLOTS = {"curve": draw_curve, "ladder": draw_ladder, "front": draw_front}
_SHEETS = {
    "samples": _samples,
    "aligned": _aligned,
    "edits": _edits,
    "channels": _channels,
    "overview": overview_sheet,
    "translation": _translation,
    "multi-modal": _multi_modal,
    "morphing": _morphing,
    "ranking": ranking_of,
    "zero-shot": _zero_shot,
}
