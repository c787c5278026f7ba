"""The figures of `stylealign figures` that models or label networks draw."""

import argparse
import json
from pathlib import Path

import numpy as np
import torch

from stylealign import load
from stylealign.applications.labels.networks import Labeller, load_label_network
from stylealign.applications.labels.tasks import task_of
from stylealign.cli.overview_figure import overview_sheet
from stylealign.cli.ranking_figure import ranking_of
from stylealign.datasets.annotations import Annotations
from stylealign.datasets.images import ImageZip
from stylealign.errors import StyleAlignError
from stylealign.images import to_pixels
from stylealign.measurements.rows import read_rows
from stylealign.report.channels import channels_sheet
from stylealign.report.edits import edits_sheet
from stylealign.report.figures import CELL_PX, class_colours, image_rows, tiled
from stylealign.report.label_overlays import add_classes, annotated, most_labelled, require_drawn, seen
from stylealign.report.sheets import CLASSES_NOTE, Pixels, enlarge
from stylealign.sampling import seeded_z

SAMPLE_LINES = 3
SAMPLE_FONT_PX = 24  # two columns wide, it is shown smaller
SEED = 0


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


def zero_shot(arguments: argparse.Namespace) -> tuple[Pixels, dict[str, str]]:
    """Return the figure `[3, height, width]` uint8, and what its file says of its colours."""
    data = ImageZip(arguments.data)
    truth = None if arguments.annotations is None else Annotations.load(arguments.annotations)
    if truth is not None and not truth.belong_to(len(data), data.resolution_px):
        raise StyleAlignError(
            f"{arguments.annotations}: annotations of other images than {arguments.data}; give those made with it"
        )
    networks: dict[str, list[Labeller]] = {}
    for label, path in arguments.rows:
        if label == "image" or (label == "annotation" and truth is not None):
            raise StyleAlignError(f"{label}={path}: the figure has a row {label!r} of its own; give another label")
        network, _ = load_label_network(path, resolution_px=data.resolution_px)
        require_drawn(network, path)
        networks.setdefault(label, []).append(network)
    classes: list[str] = []
    for path in arguments.classes_of:
        add_classes(classes, Annotations.load(path).names.classes)
    places = np.arange(min(len(data), arguments.columns))
    if truth is not None:
        tasks = {network.spec.task for those in networks.values() for network in those}
        places = most_labelled(truth, {kind for task in tasks for kind in task_of(task).labels}, len(places))
    images = data.read(places)
    scale = max(1, CELL_PX // images.shape[-1])
    rows = {"image": enlarge(images, scale)}
    if truth is not None:
        rows["annotation"] = annotated(images, truth.rows(places), classes, scale)
    for label, those in networks.items():
        rows[label] = seen(images, those, classes, scale)
    colours = dict(zip(classes, class_colours(classes).tolist(), strict=True))
    return image_rows(rows), {CLASSES_NOTE: json.dumps(dict(list(colours.items())[1:]))}


SHEETS = {
    "samples": _samples,
    "aligned": _aligned,
    "edits": _edits,
    "channels": _channels,
    "overview": overview_sheet,
    "ranking": ranking_of,
}
"""Kind -> function from the arguments to the figure, `[3, height, width]` uint8."""
