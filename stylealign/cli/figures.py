"""`stylealign figures KIND`: images that show what the tables measure."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from stylealign.errors import StyleAlignError

if TYPE_CHECKING:
    from stylealign.report.sheets import Pixels

HELP = "make the figures: samples, aligned samples, translations, morphs, zero-shot labels"
VERSION = 2
SAMPLE_LINES = 3
SAMPLE_FONT_PX = 24  # two columns wide, it is shown smaller
LEAST_WIDTH_PX = 1200
SEED = 0

KINDS = {
    "samples": ("random samples of every model", "MODEL"),
    "aligned": ("what each model makes of the same latent codes", "MODEL"),
    "translation": ("source images, and what became of them", "ZIP"),
    "morphing": ("morph strips", "PNG"),
    "zero-shot": ("real images with their annotation and the labels of each segmentation network", "NET"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add one sub-command for each kind of figure."""
    kinds = parser.add_subparsers(dest="kind", metavar="KIND", required=True)
    for kind, (text, what) in KINDS.items():
        sub = kinds.add_parser(kind, help=text, description=text)
        sub.add_argument(
            "rows", nargs="+", type=_labelled, metavar=f"LABEL={what}", help="rows of the figure, from the top"
        )
        sub.add_argument("--out", required=True, type=Path, metavar="PNG", help="the figure")
        if kind != "morphing":
            sub.add_argument("--columns", type=int, default=8, metavar="N", help="images of a row (default: 8)")
        if kind in ("translation", "zero-shot"):
            sub.add_argument("--data", required=True, type=Path, metavar="ZIP", help="the real images")
        if kind == "translation":
            sub.add_argument(
                "--codes", required=True, type=Path, metavar="NPZ", help="codes of the sources, which name them"
            )
        if kind == "zero-shot":
            sub.add_argument(
                "--annotations", required=True, type=Path, metavar="NPZ", help="annotations of the real images"
            )
            sub.add_argument(
                "--keypoints", nargs="*", default=[], type=Path, metavar="NET", help="keypoint network of each row"
            )


def _labelled(text: str) -> tuple[str, Path]:
    label, separator, path = text.partition("=")
    if not separator or not label or not path:
        raise argparse.ArgumentTypeError(f"{text!r} is not LABEL=FILE")
    return label, Path(path)


def run(arguments: argparse.Namespace) -> None:
    """Write the figure; print its size in pixels as JSON."""
    from stylealign.report.sheets import save_png

    if getattr(arguments, "columns", 1) < 1:
        raise StyleAlignError(f"--columns: must be at least 1, not {arguments.columns}")
    sheet = _SHEETS[arguments.kind](arguments)
    save_png(arguments.out, sheet)
    print(json.dumps({"figure": str(arguments.out), "height_px": sheet.shape[1], "width_px": sheet.shape[2]}))


def _samples(arguments: argparse.Namespace) -> "Pixels":
    from stylealign.report.figures import image_rows, tiled

    rows = {label: _images_of_model(path, SAMPLE_LINES * arguments.columns) for label, path in arguments.rows}
    return tiled(image_rows(rows, SAMPLE_LINES, SAMPLE_FONT_PX), len(rows))


def _aligned(arguments: argparse.Namespace) -> "Pixels":
    from stylealign.report.figures import image_rows

    return image_rows({label: _images_of_model(path, arguments.columns) for label, path in arguments.rows})


def _images_of_model(path: Path, count: int) -> "Pixels":
    """Return `[count, 3, r, r]` uint8 images of the same latents for every model, drawn on the CPU."""
    import torch

    from stylealign import load
    from stylealign.report.sheets import to_uint8

    generator = load(path).generator
    z = torch.randn(count, generator.architecture.z_dim, generator=torch.Generator().manual_seed(SEED))
    with torch.inference_mode():
        return to_uint8(torch.cat([generator(part) for part in z.split(16)]))


def _translation(arguments: argparse.Namespace) -> "Pixels":
    from stylealign.datasets.images import ImageZip
    from stylealign.latents.codes import Codes
    from stylealign.report.figures import image_rows

    data, names = ImageZip(arguments.data), Codes.load(arguments.codes).names[: arguments.columns]
    missing = [name for name in names if name not in data.names]
    if missing:
        raise StyleAlignError(f"{arguments.data}: holds no {missing[0]}; give the images that {arguments.codes} is of")
    rows = {"source": data.read([data.names.index(name) for name in names])}
    rows |= {label: ImageZip(path).read(slice(0, len(names))) for label, path in arguments.rows}
    return image_rows(rows)


def _morphing(arguments: argparse.Namespace) -> "Pixels":
    from stylealign.report.figures import read_sheet, stacked
    from stylealign.report.sheets import enlarge

    sheet = stacked({label: read_sheet(path) for label, path in arguments.rows})
    return enlarge(sheet, max(1, LEAST_WIDTH_PX // sheet.shape[2]))


def _zero_shot(arguments: argparse.Namespace) -> "Pixels":
    from stylealign.datasets.annotations import Annotations
    from stylealign.datasets.images import ImageZip
    from stylealign.report.figures import CELL_PX, image_rows, mark_points, segmentation_overlay
    from stylealign.report.sheets import enlarge

    networks = arguments.keypoints or [None] * len(arguments.rows)
    if len(networks) != len(arguments.rows):
        raise StyleAlignError(f"--keypoints: {len(networks)} networks for {len(arguments.rows)} rows; give one a row")
    images = ImageZip(arguments.data).read(slice(0, arguments.columns))
    truth = Annotations.load(arguments.annotations)
    scale = max(1, CELL_PX // images.shape[-1])
    marked = segmentation_overlay(images, truth.segmentation[: len(images)])
    rows = {
        "image": enlarge(images, scale),
        "annotation": mark_points(marked, truth.keypoints, truth.visible[: len(images)], scale),
    }
    for (label, path), keypoints in zip(arguments.rows, networks, strict=True):
        marked = segmentation_overlay(images, _predict("segmentation", path, images)["classes"])
        if keypoints is None:
            rows[label] = enlarge(marked, scale)
        else:
            found = _predict("keypoints", keypoints, images)
            rows[label] = mark_points(marked, found["keypoints"], found["visible"] > 0.5, scale)
    return image_rows(rows)


def _predict(task: str, path: Path, images: "Pixels"):  # type: ignore[no-untyped-def]
    from stylealign.applications.zero_shot.learning import predict
    from stylealign.applications.zero_shot.networks import load_label_network

    network, _ = load_label_network(path, task, images.shape[-1])
    return predict(network, images)


_SHEETS = {
    "samples": _samples,
    "aligned": _aligned,
    "translation": _translation,
    "morphing": _morphing,
    "zero-shot": _zero_shot,
}
