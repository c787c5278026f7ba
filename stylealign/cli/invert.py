"""`stylealign invert`: the latent codes of images, by optimisation."""

import argparse
import json
import time
from pathlib import Path
from typing import Any, get_args

from stylealign import load
from stylealign.applications.domain_fit import PROTOCOL, REFERENCE_IMAGES, domain_ranks
from stylealign.applications.inversion import Inversion, invert
from stylealign.applications.inversion_fit import fits_of, write_losses
from stylealign.checkpoints import Checkpoint
from stylealign.cli.arguments import add_settings, settings_from
from stylealign.cli.models import add_weights, weights_of
from stylealign.cli.progress import Progress, warn
from stylealign.config import Faces, InvertSettings
from stylealign.datasets.images import ImageZip, is_image_zip, write_image_zip
from stylealign.datasets.photos import read_landmarks, read_photos
from stylealign.devices import compute_device
from stylealign.errors import StyleAlignError
from stylealign.files import require_outside, require_writable, write_json
from stylealign.latents.codes import Codes
from stylealign.latents.encoding import load_encoder
from stylealign.latents.spaces import encoded
from stylealign.metrics.generators import require_resolution
from stylealign.metrics.networks.registry import network_of
from stylealign.metrics.perceptual import perceptual_distance
from stylealign.provenance import provenance_of
from stylealign.report.sheets import Pixels, labelled_rows, save_png
from stylealign.versions import version

CODES, RECONSTRUCTIONS, SHEET, LOSSES = "codes.npz", "reconstructions.zip", "sheet.png", "losses.csv"
METRICS, TIMING = "metrics.json", "timing.json"
WRITTEN = (CODES, RECONSTRUCTIONS, SHEET, LOSSES, METRICS, TIMING)
SHEET_IMAGES = 16
FEWEST_REFERENCES = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("--model", type=Path, required=True, metavar="MODEL", help="model whose generator is inverted")
    parser.add_argument(
        "--data",
        type=Path,
        required=True,
        metavar="PATH",
        help="images to invert: an image zip of stylealign data, or a picture, or a folder or zip of pictures",
    )
    parser.add_argument(
        "--fit",
        choices=("crop", "letterbox", "face"),
        default="crop",
        help="how pictures become square: the middle, all of it on black, or a crop of the face as in "
        "FFHQ, which is found (extra `faces`) or given by --landmarks (default: crop)",
    )
    parser.add_argument(
        "--faces",
        choices=get_args(Faces),
        default="one",
        help="of several faces that are found: none of that picture, the largest, or all, each an image (default: one)",
    )
    parser.add_argument(
        "--landmarks",
        type=Path,
        metavar="FILE",
        help="five points of each picture (eyes, nose, corners of the mouth; the viewer's left first) "
        "as JSON {file: [[x, y], ...]} or CSV, for --fit face",
    )
    parser.add_argument(
        "--reference",
        type=Path,
        metavar="ZIP",
        help="images of the model's domain that it was not trained on, as its test.zip: tells which images lie "
        "outside of it. Of the domain's own 1 in 100 is named, too (of fewer than 100: one); among images that it was "
        "trained on 2 to 3 in 100",
    )
    parser.add_argument("--encoder", type=Path, metavar="ENCODER", help="encoder of this model, for --init encoder")
    add_weights(parser)
    outputs = "gets codes.npz, reconstructions.zip, sheet.png, losses.csv, metrics.json, timing.json"
    parser.add_argument("--out-dir", type=Path, required=True, metavar="DIR", help=outputs)
    add_settings(parser, InvertSettings)


def run(arguments: argparse.Namespace) -> None:
    """Invert the images; print the means over the images as JSON."""
    settings = settings_from(arguments, InvertSettings)
    require_writable(arguments.out_dir, folder=True)
    require_outside(arguments.out_dir, arguments.data)
    written = [arguments.out_dir.resolve() / name for name in WRITTEN]
    for read in (arguments.data, arguments.reference, arguments.landmarks):
        if read is not None and read.resolve() in written:
            raise StyleAlignError(f"--out-dir: {read} would be written over; name another")
    by_encoder = settings.init == "encoder"
    if by_encoder != (arguments.encoder is not None) or (by_encoder and settings.space not in encoded()):
        raise StyleAlignError(f"--init encoder: goes with --encoder ENCODER and --space {' or '.join(encoded())}")
    inputs = {role: getattr(arguments, role) for role in ("model", "data", "encoder", "reference", "landmarks")}
    inputs["data"] = None if arguments.data.is_dir() else arguments.data
    inputs["weights"] = weights_of(arguments, settings.perceptual)
    provenance = provenance_of(
        "invert", version("invert"), settings, inputs, perceptual=network_of(settings.perceptual).distance
    )
    checkpoint = load(arguments.model)
    names, images, changes = _read(arguments, settings.images, checkpoint.architecture.resolution)
    reference = None if arguments.reference is None else ImageZip(arguments.reference)
    if reference is not None:
        require_resolution(reference, checkpoint.architecture.resolution)
    device = compute_device()
    distance = perceptual_distance(settings.perceptual, inputs["weights"]).to(device)
    encoder = None if arguments.encoder is None else load_encoder(arguments.encoder, checkpoint.sha256).to(device)
    progress = Progress("invert", len(names) * settings.steps, "image steps")
    started_s = time.perf_counter()
    found = invert(checkpoint.generator.to(device), images, settings, distance, progress.update, encoder)
    seconds = time.perf_counter() - started_s
    facts: dict[str, list[Any]] = {} if changes is None else {"changes": changes}
    if reference is not None and checkpoint.discriminator is None:
        warn("invert", f"{arguments.model}: holds no discriminator, so nothing compares the images with --reference")
    elif reference is not None and len(reference) < FEWEST_REFERENCES:
        warn("invert", f"{arguments.reference}: holds a single image, so nothing compares the images with --reference")
    elif reference is not None:
        facts["domain_rank"] = _ranks(reference, checkpoint, images)
        provenance["domain"] = PROTOCOL
    fits = fits_of(names, found, facts)
    if fits.poor:
        some = f"{len(fits.poor)} of {len(names)} images {fits.reason}, e.g. {fits.poor[0]}"
        warn("invert", f"{some}; see metrics.json")
    # All that can fail is done: what is written belongs together.
    _write_images(arguments.out_dir, names, images, found, settings, checkpoint.sha256)
    content = {"provenance": provenance, "mean": fits.means, "images": fits.images}
    write_json(arguments.out_dir / METRICS, content)
    # A file of its own: all the others are the same at every run on one machine.
    timing = {"seconds": seconds, "images_per_s": len(names) / seconds}
    write_json(arguments.out_dir / TIMING, timing)
    summary = {"images": len(names), "poor_fits": len(fits.poor), **fits.means}
    print(json.dumps({"space": settings.space, **summary, **timing}))


def _read(
    arguments: argparse.Namespace, count: int, resolution: int
) -> tuple[list[str], "Pixels", list[list[str]] | None]:
    """Return names, images and, of pictures, what was done to each: an image zip is taken as it is.

    Raises:
        StyleAlignError: no picture there, images of another size, or flags that do not go together.
    """
    if arguments.landmarks is not None and arguments.fit != "face":
        raise StyleAlignError("--landmarks: goes with --fit face")
    if arguments.faces != "one" and (arguments.fit != "face" or arguments.landmarks is not None):
        raise StyleAlignError("--faces: goes with --fit face, without --landmarks")
    if arguments.fit == "crop" and is_image_zip(arguments.data):
        data = ImageZip(arguments.data)
        if data.resolution_px != resolution:
            raise StyleAlignError(
                f"{arguments.data}: images of {data.resolution_px} px, the model draws {resolution} px; "
                f"prepare them with stylealign data --resolution-px {resolution}"
            )
        return data.names[:count], data.read(slice(0, count)), None
    landmarks = None if arguments.landmarks is None else read_landmarks(arguments.landmarks)
    photos = read_photos(arguments.data, resolution, arguments.fit, count, landmarks, arguments.faces)
    for name, reason in photos.skipped:
        warn("invert", f"skipped {name}: {reason}")
    return photos.names, photos.images, photos.changes


def _ranks(reference: ImageZip, checkpoint: "Checkpoint", images: "Pixels") -> list[float]:
    """Return how each image ranks among the reference images of a zip."""
    assert checkpoint.discriminator is not None, "the discriminator compares"
    ranks = domain_ranks(
        checkpoint.discriminator.to(compute_device()), images, reference.read(slice(0, REFERENCE_IMAGES))
    )
    return [float(rank) for rank in ranks]


def _write_images(
    out_dir: Path, names: list[str], images: "Pixels", found: "Inversion", settings: InvertSettings, model_sha256: str
) -> None:
    """Write codes.npz, reconstructions.zip, sheet.png and losses.csv."""
    Codes(found.values, settings.space, model_sha256, names, settings.truncation_psi).save(out_dir / CODES)
    write_image_zip(out_dir / RECONSTRUCTIONS, found.reconstructions, extra={"names": names})
    rows = [("source", images), (f"reconstruction {settings.space}", found.reconstructions)]
    save_png(out_dir / SHEET, labelled_rows([(label, part[:SHEET_IMAGES]) for label, part in rows]))
    write_losses(out_dir / LOSSES, names, found)
