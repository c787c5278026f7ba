"""`stylealign invert`: the latent codes of images, by optimisation."""

import argparse
import csv
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stylealign.cli.arguments import add_settings, settings_from
from stylealign.cli.progress import Progress, warn
from stylealign.config import InvertSettings
from stylealign.errors import StyleAlignError
from stylealign.files import atomic_path, write_json

if TYPE_CHECKING:
    from stylealign.applications.inversion import Inversion
    from stylealign.report.sheets import Pixels

HELP = "find the latent codes of images (Z, Z+, W or W+)"
VERSION = 2
SHEET_IMAGES = 16


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("--model", type=Path, required=True, metavar="MODEL", help="model whose generator is inverted")
    parser.add_argument("--data", type=Path, required=True, metavar="ZIP", help="images to invert (an image zip)")
    parser.add_argument("--encoder", type=Path, metavar="ENCODER", help="encoder of this model, for --init encoder")
    outputs = "gets codes.npz, reconstructions.zip, sheet.png, losses.csv, metrics.json, timing.json"
    parser.add_argument("--out-dir", type=Path, required=True, metavar="DIR", help=outputs)
    add_settings(parser, InvertSettings)


def run(arguments: argparse.Namespace) -> None:
    """Invert the images; print the means over the images as JSON."""
    settings = settings_from(arguments, InvertSettings)

    from stylealign import load
    from stylealign.applications.inversion import invert
    from stylealign.cli.models import compute_device
    from stylealign.datasets.images import ImageZip
    from stylealign.latents.encoding import load_encoder
    from stylealign.metrics.perceptual import PROTOCOLS, perceptual_distance
    from stylealign.metrics.rows import provenance_of

    by_encoder = settings.init == "encoder"
    if by_encoder != (arguments.encoder is not None) or (by_encoder and settings.space not in ("w", "w+")):
        raise StyleAlignError("--init encoder: goes with --encoder ENCODER and --space w or w+")
    inputs = {"model": arguments.model, "data": arguments.data, "encoder": arguments.encoder}
    provenance = provenance_of("invert", VERSION, settings, inputs, perceptual=PROTOCOLS[settings.perceptual])
    checkpoint = load(arguments.model)
    data = ImageZip(arguments.data)
    resolution = checkpoint.architecture.resolution
    if data.resolution_px != resolution:
        raise StyleAlignError(
            f"{arguments.data}: images of {data.resolution_px} px, the model draws {resolution} px; "
            f"prepare them with stylealign data --resolution-px {resolution}"
        )
    names, images = data.names[: settings.images], data.read(slice(0, settings.images))
    device = compute_device()
    distance = perceptual_distance(settings.perceptual).to(device)
    encoder = None if arguments.encoder is None else load_encoder(arguments.encoder, checkpoint.sha256).to(device)
    progress = Progress("invert", len(names) * settings.steps, "image steps")
    started_s = time.perf_counter()
    found = invert(checkpoint.generator.to(device), images, settings, distance, progress.update, encoder)
    seconds = time.perf_counter() - started_s
    _write_images(arguments.out_dir, names, images, found, settings, checkpoint.sha256)
    summary = _write_metrics(arguments.out_dir, names, found, provenance)
    # A file of its own: all the others are the same at every run on one machine.
    timing = {"seconds": seconds, "images_per_s": len(names) / seconds}
    write_json(arguments.out_dir / "timing.json", timing)
    print(json.dumps({"space": settings.space, **summary, **timing}))


def _write_images(
    out_dir: Path, names: list[str], images: "Pixels", found: "Inversion", settings: InvertSettings, model_sha256: str
) -> None:
    """Write codes.npz, reconstructions.zip, sheet.png and losses.csv."""
    from stylealign.datasets.images import write_image_zip
    from stylealign.latents.codes import Codes
    from stylealign.report.sheets import labelled_rows, save_png

    Codes(found.values, settings.space, model_sha256, names, settings.truncation_psi).save(out_dir / "codes.npz")
    write_image_zip(out_dir / "reconstructions.zip", found.reconstructions, extra={"names": names})
    rows = [("source", images), (f"reconstruction {settings.space}", found.reconstructions)]
    save_png(out_dir / "sheet.png", labelled_rows([(label, part[:SHEET_IMAGES]) for label, part in rows]))
    _write_losses(out_dir / "losses.csv", names, found)


def _write_metrics(out_dir: Path, names: list[str], found: "Inversion", provenance: dict[str, Any]) -> dict[str, Any]:
    """Write metrics.json, warn of poor fits, and return the means."""
    from stylealign.applications.inversion import POOR_FIT_SCORE

    per_image = [
        {"image": name, **measures, "poor_fit": measures["score"] < POOR_FIT_SCORE}
        for name, measures in zip(names, found.measures, strict=True)
    ]
    poor = [entry["image"] for entry in per_image if entry["poor_fit"]]
    if poor:
        warn("invert", f"{len(poor)} of {len(names)} images fit the model poorly (score under {POOR_FIT_SCORE}), "
             f"e.g. {poor[0]}; see metrics.json")  # fmt: skip
    means = {key: sum(measures[key] for measures in found.measures) / len(names) for key in found.measures[0]}
    write_json(out_dir / "metrics.json", {"provenance": provenance, "mean": means, "images": per_image})
    return {"images": len(names), "poor_fits": len(poor), **means}


def _write_losses(path: Path, names: list[str], found: "Inversion") -> None:
    """Write the loss curves in long form: image, step, loss."""
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["image", "step", "loss"])
        for name, curve in zip(names, found.losses.T, strict=True):
            writer.writerows([name, step, f"{loss:.6g}"] for step, loss in enumerate(curve))
