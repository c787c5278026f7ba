"""`stylealign predict`: the labels of pictures by a label network, as files that other programs read."""

import argparse
import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from stylealign.applications.labels import attributes
from stylealign.applications.labels.learning import predict
from stylealign.applications.labels.networks import Labeller, load_label_network
from stylealign.cli.progress import Progress, warn
from stylealign.config.labeller_files import is_description, onnx_file_of
from stylealign.datasets.conversion import NotConvertible, Upright, read_upright
from stylealign.datasets.images import DATASET_JSON
from stylealign.datasets.photos import no_picture, picture_sources
from stylealign.datasets.squares import Square, squares_of
from stylealign.devices import compute_device
from stylealign.errors import StyleAlignError
from stylealign.files import atomic_files, require_outside, require_writable, write_json
from stylealign.provenance import provenance_of
from stylealign.report.predictions import MADE, Predicted, PredictionFiles
from stylealign.versions import version

FACTS = "predict.json"
_BATCH = 16


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of the verb."""
    parser.add_argument(
        "network",
        type=Path,
        metavar="NET",
        help="network of `stylealign supervise` or `transfer`, or the YAML of one in an ONNX file",
    )
    parser.add_argument("images", type=Path, metavar="IMAGES", help="a picture, or a folder or zip of pictures")
    parser.add_argument(
        "--fit",
        choices=("letterbox", "crop", "face"),
        default="letterbox",
        help="what of a picture the network sees: all of it, on black to a square; the middle square; or the largest "
        "face, cropped as in FFHQ (default: letterbox)",
    )
    outputs = "gets labels.csv, overlays/, overview.png, predict.json; of segmentation masks/ and classes.yaml; of "
    parser.add_argument(
        "--out-dir", type=Path, required=True, metavar="DIR", help=f"{outputs}segmentation and key points labels.json"
    )


def run(arguments: argparse.Namespace) -> None:
    """Label the pictures and write the files; print what was done as JSON."""
    _check_place(arguments.out_dir, arguments.images)
    inputs = {"network": arguments.network, "images": arguments.images}
    if is_description(arguments.network):
        inputs["onnx"] = onnx_file_of(arguments.network)
    network, origin = load_label_network(arguments.network)
    provenance = provenance_of("predict", version("predict"), {"fit": arguments.fit}, inputs, network=origin)
    network = network.to(compute_device())
    spec = network.spec
    skipped: dict[str, str] = {}
    changes: dict[str, list[str]] = {}
    names = attributes.choices_of(spec.names) if spec.task == "attributes" else spec.names
    with atomic_files(arguments.out_dir, FACTS, MADE) as folder:
        files = PredictionFiles(folder, spec.task, list(names), spec.swapped)
        pictures = _squares(arguments, spec.resolution_px, skipped)
        while batch := list(islice(pictures, _BATCH)):
            for picture in _labelled(network, batch):
                files.add(picture)
            changes |= {name: square.changes for name, _, square in batch if square.changes}
        if not files.count:
            raise StyleAlignError(no_picture(arguments.images, list(skipped.items())))
        files.finish()
        write_json(folder / FACTS, {"provenance": provenance, "changes": changes, "skipped": skipped})
    for name, reason in skipped.items():
        warn("predict", f"skipped {name}: {reason}")
    print(json.dumps({"task": spec.task, "pictures": files.count, "skipped": len(skipped)}))


def _check_place(out_dir: Path, images: Path) -> None:
    """Refuse a folder for the results that holds somebody's own files of the same names, or is that of the pictures.

    Raises:
        StyleAlignError: it is such a folder, or cannot be written.
    """
    require_writable(out_dir, folder=True)
    require_outside(out_dir, images)
    taken = [name for name in MADE if (out_dir / name).exists()]
    if taken and not (out_dir / FACTS).exists():
        raise StyleAlignError(f"--out-dir: {out_dir} holds {taken[0]} of something else; name another folder")


def _squares(
    arguments: argparse.Namespace, size_px: int, skipped: dict[str, str]
) -> Iterator[tuple[str, Upright, Square]]:
    """Yield every picture with the square that the network sees; what is none goes into `skipped` with the reason."""
    total = sum(1 for _ in picture_sources(arguments.images))
    progress = Progress("predict", total, "pictures")
    for name, read in picture_sources(arguments.images):
        progress.advance()
        if Path(name).name == DATASET_JSON:
            continue
        try:
            picture = read_upright(read())
            yield name, picture, squares_of(picture, size_px, arguments.fit, "largest")[0]
        except NotConvertible as error:
            skipped[name] = str(error)


def _labelled(network: Labeller, batch: list[tuple[str, Upright, Square]]) -> Iterator[Predicted]:
    """Yield pictures with what the network says of them."""
    found = predict(network, np.stack([square.pixels for _, _, square in batch]))
    for row, (name, picture, square) in enumerate(batch):
        labels: dict[str, Any] = {key: values[row] for key, values in found.items()}
        if network.spec.task == "attributes":
            values = attributes.choices_of(network.spec.names)
            chosen = attributes.choices(network.spec.names, labels["attributes"][None])
            labels["choices"] = {key: values[key][int(index[0])] for key, index in chosen.items()}
        yield Predicted(name, picture.image, square.placing, labels)
