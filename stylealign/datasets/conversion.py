"""One file of somebody's own images -> a square RGB picture, with what had to be done to it."""

import io
import struct
import zlib
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from stylealign.config import SquareFit
from stylealign.datasets.colour import lab_to_srgb, to_srgb

BACKDROP = (255, 255, 255)
SIXTEEN_BIT_MODES = ("I;16", "I;16B", "I;16L", "I;16N", "I")
SIXTEEN_TO_EIGHT = 257  # 65535 / 255
EXIF_ORIENTATION = 0x0112
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""Orientation of the EXIF data -> what turns the picture upright; cameras that do not know write 0."""
ACROSS = (
    Image.Transpose.TRANSPOSE,
    Image.Transpose.ROTATE_270,
    Image.Transpose.TRANSVERSE,
    Image.Transpose.ROTATE_90,
)
"""Turns that exchange width and height."""
HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
PICTURES_WITH_MORE = ("HEIF", "MPO")
"""Formats of cameras that keep a depth or brightness map, or another picture, beside the picture itself, which is no
animation; in a HEIF file the picture itself need not be the first."""
COLOUR_MODES = ("RGB", "L", "CMYK", "LAB")
"""Modes whose pixels an embedded profile may explain; the others become RGB first."""
NAMES_OF_MODES = {
    "L": "grey to RGB",
    "1": "grey to RGB",
    "CMYK": "CMYK to RGB",
    "LAB": "LAB to RGB",
    "P": "palette to RGB",
}
PREVIEW_KEY, PREVIEW_TEXT = "Comment", "preview of a data set"
"""Text in the contact sheet of a data set, which is no picture of one."""

LEAST_SIDE_PX = 4
"""A picture with a shorter side shows nothing."""


DAMAGED = (
    *(OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, RuntimeError),
    *(struct.error, zlib.error),
)
"""What Pillow raises of damaged files, one decoder this and another one that."""


class NotConvertible(Exception):
    """The reason why a file cannot become an image of the set."""


class Upright(NamedTuple):
    """A picture as it is shown.

    Attributes:
        image: RGB.
        changes: the conversions it went through.
        stored_px: width and height of its pixels in the file.
        turn: what turned them upright.
    """

    image: Image.Image
    changes: list[str]
    stored_px: tuple[int, int]
    turn: Image.Transpose | None


def open_upright(content: bytes) -> tuple[Image.Image, list[str]]:
    """Decode a file's bytes as an upright RGB picture of its own size; return it with the conversions it went through.

    Raises:
        NotConvertible: not an image, truncated, damaged, of too many pixels or of an unknown kind.
    """
    found = _read(content)
    return found.image, found.changes


def read_upright(content: bytes) -> Upright:
    """Do the same of somebody's picture, and return how it was turned as well.

    Raises:
        NotConvertible: as `open_upright`, or a picture of next to no pixels: a tracking pixel, a spacer.
    """
    found = _read(content)
    if min(found.image.size) < LEAST_SIDE_PX:
        raise NotConvertible(f"{found.image.width}x{found.image.height} px show nothing")
    return found


def _read(content: bytes) -> Upright:
    if not content:
        raise NotConvertible("empty file")
    is_heic = content[4:8] == b"ftyp" and content[8:12] in HEIC_BRANDS and b"avif" not in content[8:64]
    if is_heic and not reads_heic():
        raise NotConvertible("HEIC (reading it needs the package pillow-heif: pip install 'stylealign[heic]')")
    try:
        with Image.open(io.BytesIO(content)) as image:
            return _upright(image)
    except UnidentifiedImageError as error:
        raise NotConvertible("not an image") from error
    except Image.DecompressionBombError as error:
        raise NotConvertible("too many pixels") from error
    except DAMAGED as error:
        raise NotConvertible(_reason(error)) from error


@cache
def reads_heic() -> bool:
    """Return whether HEIC pictures can be read, which Pillow does by way of an optional package."""
    try:
        import pillow_heif
    except ImportError:
        return False
    pillow_heif.register_heif_opener()
    return True


def _reason(error: Exception) -> str:
    text = str(error) or type(error).__name__
    return "truncated" if "truncated" in text.lower() else f"damaged ({text})"


def _upright(image: Image.Image) -> Upright:
    done = []
    if getattr(image, "n_frames", 1) > 1 and image.format not in PICTURES_WITH_MORE:
        done.append("first frame of an animation")
        image.seek(0)
    if image.info.get(PREVIEW_KEY) == PREVIEW_TEXT:
        raise NotConvertible("preview of a data set")
    read = image
    image, turn, stored_px = turned_upright(read)
    profile = read.info.get("icc_profile")
    if turn is not None:
        done.append("turned upright")
    image, changes = _to_rgb(image, profile)
    return Upright(image, done + changes, stored_px, turn)


def turned_upright(image: Image.Image) -> tuple[Image.Image, Image.Transpose | None, tuple[int, int]]:
    """Load a picture; return it upright, with what turned it, None for nothing, and width and height of its stored
    pixels."""
    by_itself = stored_turn(image) if image.format == "TIFF" else None
    image.load()  # Pillow turns a TIFF as it loads it, and takes the note of it away
    turn = stored_turn(image)
    if by_itself is not None and turn is None:
        return image, by_itself, image.size[::-1] if by_itself in ACROSS else image.size
    return image if turn is None else image.transpose(turn), turn, image.size


def stored_turn(image: Image.Image) -> Image.Transpose | None:
    """Return what turns a picture upright, None where nothing has to or its EXIF data cannot be read."""
    try:
        return TURNS.get(image.getexif().get(EXIF_ORIENTATION, 1))
    except (OSError, SyntaxError, ValueError, KeyError, IndexError, TypeError, struct.error):
        return None  # the pixels are fine


def fit_image(image: Image.Image, size_px: int, fit: SquareFit, done: list[str]) -> tuple[NDArray[np.uint8], list[str]]:
    """Return an RGB picture as uint8 [3, size_px, size_px], and `done` with what that took.

    Args:
        image: RGB picture.
        size_px: height and width of the result.
        fit: crop keeps the middle square, letterbox the whole picture, on black.
        done: conversions so far.
    """
    done = list(done)
    if image.width != image.height:
        done.append("cropped to a square" if fit == "crop" else "letterboxed")
    if (max if fit == "letterbox" else min)(image.size) < size_px:
        done.append("enlarged")
    size, method = (size_px, size_px), Image.Resampling.LANCZOS
    square = _on_black(image, size_px) if fit == "letterbox" else ImageOps.fit(image, size, method)
    return np.asarray(square).transpose(2, 0, 1), done


def _on_black(image: Image.Image, size_px: int) -> Image.Image:
    """Return the whole picture in the middle of a black square; of a strip there is a line of one pixel at least."""
    covered = [max(1, round(length / max(image.size) * size_px)) for length in image.size]
    if min(covered) > 1:
        return ImageOps.pad(image, (size_px, size_px), Image.Resampling.LANCZOS)
    square = Image.new("RGB", (size_px, size_px))
    line = image.resize((covered[0], covered[1]), Image.Resampling.LANCZOS)
    square.paste(line, (round((size_px - covered[0]) * 0.5), round((size_px - covered[1]) * 0.5)))
    return square


def _to_rgb(image: Image.Image, profile: bytes | None) -> tuple[Image.Image, list[str]]:
    """Return a picture as RGB in sRGB, transparent places white, with what that took."""
    changes: list[str] = []
    if image.mode in SIXTEEN_BIT_MODES:
        image, changes = _from_16_bits(image), ["16 bits to 8"]
    if image.mode == "F":
        raise NotConvertible("floating-point pixels, whose range is unknown")
    alpha = None
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        changes.append("transparency to white")
        grey = image.mode.startswith("L")
        image = image.convert("RGBA")
        alpha = image.getchannel("A")
        image = image.convert("RGB").convert("L") if grey else image.convert("RGB")
    if image.mode not in COLOUR_MODES:
        changes += [NAMES_OF_MODES.get(image.mode, f"{image.mode} to RGB")]
        image = image.convert("RGB")
    else:
        changes += [NAMES_OF_MODES[image.mode]] if image.mode in NAMES_OF_MODES else []
    if profile:
        image, by_profile = to_srgb(image, profile)
        changes += by_profile
    image = lab_to_srgb(image) if image.mode == "LAB" else image.convert("RGB")
    if alpha is not None:
        image = Image.composite(image, Image.new("RGB", image.size, BACKDROP), alpha)
    return image, changes


def _from_16_bits(image: Image.Image) -> Image.Image:
    values = np.asarray(image).astype(np.int64)
    if values.min() < 0 or values.max() > 65535:
        raise NotConvertible("32-bit integer pixels, whose range is unknown")
    return Image.fromarray(np.round(values / SIXTEEN_TO_EIGHT).astype(np.uint8))
