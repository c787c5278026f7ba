"""Embedded colour profiles (ICC): pixels as they are meant, in sRGB."""

import io
from functools import lru_cache

import numpy as np
from PIL import Image, ImageCms

CONVERTED = "colour profile to sRGB"
IGNORED = "unfit colour profile ignored"
_SAME = 2
"""Levels by which a profile may move colours and still be sRGB itself, under whatever name."""
_MODE_OF_SPACE = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK", "Lab": "LAB"}


def to_srgb(image: Image.Image, profile: bytes) -> tuple[Image.Image, list[str]]:
    """Convert a picture of mode RGB, L, CMYK or LAB from its profile to sRGB.

    A profile that is sRGB changes nothing. Relative colorimetric with black-point compensation, as image editors do.

    Returns:
        The picture, of mode RGB where it was converted, and the names of the conversions it went through.
    """
    try:
        mode, transform = _transform(profile)
        if image.mode != mode and (image.mode, mode) != ("L", "RGB"):
            return image, [IGNORED]  # of other pixels than these
        if transform is None:
            return image, []
        converted = ImageCms.applyTransform(image.convert(mode), transform)
    except (ImageCms.PyCMSError, OSError, ValueError, KeyError, TypeError):
        return image, [IGNORED]
    assert converted is not None, "not in place"
    return converted, [CONVERTED]


@lru_cache(maxsize=16)
def _transform(profile: bytes) -> tuple[str, ImageCms.ImageCmsTransform | None]:
    """Return the mode a profile is of and the way from it to sRGB, None where the profile is sRGB."""
    opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    mode = _MODE_OF_SPACE[opened.profile.xcolor_space.strip()]
    transform = ImageCms.buildTransform(
        opened,
        ImageCms.createProfile("sRGB"),
        mode,
        "RGB",
        ImageCms.Intent.RELATIVE_COLORIMETRIC,
        ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
    probe = _probe()
    if mode in ("RGB", "L"):
        given = probe if mode == "RGB" else probe.convert("L")
        moved = np.asarray(ImageCms.applyTransform(given, transform)).astype(int) - np.asarray(given.convert("RGB"))
        if np.abs(moved).max() <= _SAME:
            return mode, None
    return mode, transform


def _probe() -> Image.Image:
    """Return a picture of colours all over the cube."""
    steps = np.linspace(0, 255, 9).round().astype(np.uint8)
    return Image.fromarray(np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(27, 27, 3))


def lab_to_srgb(image: Image.Image) -> Image.Image:
    """Return a picture of mode LAB without a profile as RGB."""
    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(image, lab, srgb, ImageCms.Intent.RELATIVE_COLORIMETRIC, "RGB")
    assert converted is not None, "not in place"
    return converted
