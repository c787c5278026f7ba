"""`stylealign translate`: images of one domain as images of another, by their latent codes."""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from stylealign.applications.translation import draw, guiding, translate
from stylealign.checkpoints.differences import load_matching
from stylealign.cli.arguments import add_settings, settings_from
from stylealign.cli.models import add_model_pair
from stylealign.cli.progress import warn
from stylealign.config import TranslateSettings
from stylealign.datasets.images import write_image_zip
from stylealign.devices import compute_device
from stylealign.errors import StyleAlignError
from stylealign.files import require_writable
from stylealign.latents.codes import Codes, codes_to_ws
from stylealign.latents.spaces import space_of
from stylealign.provenance import provenance_of
from stylealign.report.sheets import Pixels, labelled_rows, save_png
from stylealign.versions import version

SHEET_IMAGES = 16


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    add_model_pair(parser)
    parser.add_argument(
        "--reference-codes", type=Path, metavar="NPZ", help="codes found in the target model, for --guide reference"
    )
    parser.add_argument("--out-dir", type=Path, required=True, metavar="DIR", help="gets images.zip and sheet.png")
    add_settings(parser, TranslateSettings)


def run(arguments: argparse.Namespace) -> None:
    """Translate every code of the file; print the number of images as JSON."""
    settings = settings_from(arguments, TranslateSettings)
    require_writable(arguments.out_dir, folder=True)
    if (settings.guide == "reference") != (arguments.reference_codes is not None):
        raise StyleAlignError("--reference-codes: goes with --guide reference, which needs it; give both or neither")

    source, target = load_matching(arguments.source_model, arguments.target_model)
    codes = Codes.load(arguments.codes, settings.space, source.sha256, source.architecture)
    references = None
    if arguments.reference_codes is not None:
        references = Codes.load(arguments.reference_codes, None, target.sha256, target.architecture)
    if space_of(codes.space).is_mapped and codes.truncation_psi != settings.truncation_psi:
        warn(
            "translate",
            f"{arguments.codes}: found under truncation_psi {codes.truncation_psi:g}, and drawn under "
            f"{settings.truncation_psi:g}; --truncation-psi {codes.truncation_psi:g} draws what was found",
        )
    device = compute_device()
    shown: list[Pixels] = []

    def images() -> "Iterator[Pixels]":
        for batch in translate(codes, target.generator.to(device), settings, references):
            shown.extend(batch[: SHEET_IMAGES * settings.outputs - len(shown)])
            yield from batch

    inputs = {
        "codes": arguments.codes,
        "source-model": arguments.source_model,
        "target-model": arguments.target_model,
        "reference-codes": arguments.reference_codes,
    }
    known = {"source-model": source.sha256, "target-model": target.sha256}
    provenance = provenance_of("translate", version("translate"), settings, inputs, known)
    extra = {"names": list(codes.names), "outputs": settings.outputs, "provenance": provenance}
    if references is not None:
        extra["references"] = [references.names[number] for number in guiding(references, len(codes), settings)]
    count = write_image_zip(arguments.out_dir / "images.zip", images(), extra=extra)
    first = codes.first(SHEET_IMAGES)
    rows = [(f"reconstruction {codes.space}", draw(source.generator.to(device), codes_to_ws(first, source.generator)))]
    for output in range(settings.outputs):
        label = "translation" if settings.outputs == 1 else f"translation {output + 1}"
        rows.append((label, np.stack(shown[output :: settings.outputs])))
    save_png(arguments.out_dir / "sheet.png", labelled_rows(rows))
    print(json.dumps({"space": codes.space, "images": count}))
