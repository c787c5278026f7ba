"""`stylealign translate`: images of one domain as images of another, by their latent codes."""

import argparse
import json

from stylealign.cli.arguments import add_settings, settings_from
from stylealign.cli.models import add_model_pair
from stylealign.config import TranslateSettings

HELP = "draw a model's codes with an aligned model"
VERSION = 1
SHEET_IMAGES = 16


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    from pathlib import Path

    add_model_pair(parser)
    parser.add_argument("--out-dir", type=Path, required=True, metavar="DIR", help="gets images.zip and sheet.png")
    add_settings(parser, TranslateSettings)


def run(arguments: argparse.Namespace) -> None:
    """Translate every code of the file; print the number of images as JSON."""
    settings = settings_from(arguments, TranslateSettings)

    import numpy as np

    from stylealign.applications.translation import translate
    from stylealign.cli.models import compute_device, load_pair
    from stylealign.datasets.images import write_image_zip
    from stylealign.latents.codes import Codes
    from stylealign.report.sheets import labelled_rows, save_png

    source, target = load_pair(arguments)
    codes = Codes.load(arguments.codes, settings.space, source.sha256)
    codes.require_fits(source.architecture, arguments.codes)
    device = compute_device()
    shown: list[np.ndarray] = []

    def images():  # type: ignore[no-untyped-def]
        for batch in translate(codes, target.generator.to(device), settings.truncation_psi, settings.batch_size):
            for image in batch:
                if len(shown) < SHEET_IMAGES:
                    shown.append(image)
                yield image

    count = write_image_zip(arguments.out_dir / "images.zip", images(), extra={"names": list(codes.names)})
    reconstructed = np.concatenate(
        list(translate(codes.first(SHEET_IMAGES), source.generator.to(device), None, settings.batch_size))
    )
    rows = [(f"reconstruction {codes.space}", reconstructed), ("translation", np.stack(shown))]
    save_png(arguments.out_dir / "sheet.png", labelled_rows(rows))
    print(json.dumps({"space": codes.space, "images": count}))
