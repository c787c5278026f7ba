"""Codes for a verb: from a file of codes, or from pictures, which are inverted first."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from stylealign.applications.inversion import invert
from stylealign.checkpoints import Checkpoint
from stylealign.cli.progress import Progress, warn
from stylealign.config import InvertSettings, validate
from stylealign.datasets.images import ImageZip, is_image_zip
from stylealign.datasets.photos import read_photos
from stylealign.devices import compute_device
from stylealign.latents.codes import Codes
from stylealign.latents.encoding import load_encoder
from stylealign.metrics.generators import require_resolution
from stylealign.metrics.perceptual import perceptual_distance

CODES = (".npz", ".npy", ".pt", ".pth")
"""Suffixes of files that hold codes and no pictures."""


def codes_of(
    path: Path,
    checkpoint: Checkpoint,
    encoder: Path | None,
    inversion: Mapping[str, Any] | None = None,
    verb: str = "invert",
) -> Codes:
    """Return the codes in a file, or those of pictures.

    Args:
        path: codes of any space, or an image zip, a picture, a folder or zip of pictures.
        checkpoint: the model they belong to.
        encoder: of that model: its codes are where the inversion of pictures starts.
        inversion: settings of the inversion of pictures that are not the defaults.
        verb: for progress and warnings.
    """
    if path.suffix.lower() in CODES:
        return Codes.load(path, None, checkpoint.sha256, checkpoint.architecture)
    names, images = _images(path, checkpoint.architecture.resolution, verb)
    start = {"init": "default" if encoder is None else "encoder"}
    settings = validate(InvertSettings, {**start, **(inversion or {})}, "settings")
    device = compute_device()
    network = None if encoder is None else load_encoder(encoder, checkpoint.sha256).to(device)
    distance = perceptual_distance(settings.perceptual, None).to(device)
    progress = Progress(f"{verb}: inverting {path.name}", len(names) * settings.steps, "image steps")
    found = invert(checkpoint.generator.to(device), images, settings, distance, progress.update, network)
    return Codes(found.values, settings.space, checkpoint.sha256, names)


def first_pictures(path: Path, resolution_px: int, count: int) -> np.ndarray:
    """Return the first pictures `[N, 3, r, r]` uint8 of an image zip, a picture, or a folder or zip of pictures."""
    if is_image_zip(path):
        data = ImageZip(path)
        require_resolution(data, resolution_px)
        return data.read(slice(0, count))
    return read_photos(path, resolution_px, "crop", limit=count).images


def _images(path: Path, resolution_px: int, verb: str) -> tuple[list[str], np.ndarray]:
    if is_image_zip(path):
        data = ImageZip(path)
        require_resolution(data, resolution_px)
        return data.names, data.read(slice(None))
    photos = read_photos(path, resolution_px, "crop")
    for name, reason in photos.skipped:
        warn(verb, f"skipped {name}: {reason}")
    return photos.names, photos.images
