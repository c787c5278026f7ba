"""One file of somebody's own images: what is converted, how, and what is refused with which reason."""

import io
import struct
import sys
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageOps, features

from stylealign.datasets.conversion import NotConvertible, fit_image, open_upright, read_upright, reads_heic

RED, BLUE = (255, 0, 0), (0, 0, 255)


def convert_image(content: bytes, size_px: int) -> tuple[np.ndarray, list[str]]:
    """Return the middle square of a file's picture, and what that took."""
    image, done = open_upright(content)
    return fit_image(image, size_px, "crop", done)


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def test_rgb_is_taken_as_it_is() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    image, done = convert_image(encoded(Image.fromarray(pixels)), 8)
    np.testing.assert_array_equal(image, pixels.transpose(2, 0, 1))
    assert done == []


@pytest.mark.parametrize(
    ("mode", "colour", "kind", "expected", "done"),
    [
        ("RGBA", (255, 0, 0, 128), "PNG", (255, 127, 127), ["transparency to white"]),
        ("LA", (0, 0), "PNG", (255, 255, 255), ["transparency to white", "grey to RGB"]),
        ("L", 90, "PNG", (90, 90, 90), ["grey to RGB"]),
        ("1", 1, "PNG", (255, 255, 255), ["grey to RGB"]),
        ("CMYK", (0, 255, 255, 0), "TIFF", (255, 0, 0), ["CMYK to RGB"]),
        ("I;16", 257 * 40, "PNG", (40, 40, 40), ["16 bits to 8", "grey to RGB"]),
        ("I;16", 257 * 200, "TIFF", (200, 200, 200), ["16 bits to 8", "grey to RGB"]),
    ],
)
def test_kinds_of_pixels(mode: str, colour: Any, kind: str, expected: tuple[int, int, int], done: list[str]) -> None:
    image, conversions = convert_image(encoded(Image.new(mode, (6, 6), colour), kind), 6)
    np.testing.assert_allclose(image.reshape(3, -1).T, np.tile(expected, (36, 1)), atol=1)
    assert conversions == done


def test_palette_with_a_transparent_colour() -> None:
    image = Image.new("P", (4, 4), 0)
    image.putpalette([255, 0, 0, 0, 255, 0])
    image.putpixel((0, 0), 1)
    converted, done = convert_image(encoded(image, transparency=0), 4)
    assert converted[:, 0, 0].tolist() == [0, 255, 0]
    assert converted[:, 3, 3].tolist() == [255, 255, 255]
    assert done == ["transparency to white"]


def test_exif_orientation_turns_the_picture() -> None:
    image = Image.new("RGB", (16, 16), RED)
    image.paste(BLUE, (0, 0, 16, 8))  # blue above
    exif = Image.Exif()
    exif[0x0112] = 6  # shown after a quarter turn clockwise: blue comes to the right
    converted, done = convert_image(encoded(image, "JPEG", exif=exif, quality=95), 16)
    assert converted[2, :, 12].mean() > 200
    assert converted[2, :, 3].mean() < 60
    assert done == ["turned upright"]


@pytest.mark.parametrize("orientation", range(10))
def test_every_orientation(orientation: int) -> None:
    """As Pillow turns pictures that it can write again; 0 and 9 are no orientations."""
    pixels = np.zeros((16, 16, 3), np.uint8)
    pixels[:8, :8], pixels[:8, 8:], pixels[8:, :8] = (255, 0, 0), (0, 255, 0), (0, 0, 255)
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = encoded(Image.fromarray(pixels), exif=exif)
    expected = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(content))))
    image, done = convert_image(content, 16)
    np.testing.assert_array_equal(image.transpose(1, 2, 0), expected)
    assert done == (["turned upright"] if 2 <= orientation <= 8 else [])


@pytest.mark.parametrize(
    "exif",
    [
        b"Exif\0\0II*\0\xff\xff\xff\x7f",
        b"Exif\0\0II*\0\x08\0\0\0\xff\xff\x12\x01",
        b"Exif\0\0no header at all",
        # A turned picture whose next tag is a rational of no length.
        b"Exif\0\0II*\0\x08\0\0\0\x02\0\x12\x01\x03\0\x01\0\0\0\x01\0\0\0\x1a\x01\x05\0\x00\0\0\0\0\0\0\0\0\0\0\0",
        b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x02\0\x04\0\0\0abc\0\0\0\0\0",
    ],
)
def test_damaged_exif_data_lose_no_picture(exif: bytes) -> None:
    image, done = convert_image(encoded(Image.new("RGB", (8, 8), RED), "JPEG", exif=exif, quality=95), 8)
    np.testing.assert_allclose(image[:, 4, 4], RED, atol=6)
    assert done == []


def test_first_frame_of_an_animation() -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in (RED, BLUE)]
    converted, done = convert_image(encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]), 8)
    assert converted[:, 4, 4].tolist() == list(RED)
    assert "first frame of an animation" in done


def test_middle_square_is_kept() -> None:
    image = Image.new("RGB", (24, 8), BLUE)
    image.paste(RED, (8, 0, 16, 8))
    converted, done = convert_image(encoded(image), 8)
    np.testing.assert_array_equal(converted.reshape(3, -1).T, np.tile(RED, (64, 1)))
    assert done == ["cropped to a square"]


def test_a_small_image_is_enlarged_and_says_so() -> None:
    converted, done = convert_image(encoded(Image.new("RGB", (4, 4), RED)), 16)
    assert converted.shape == (3, 16, 16)
    assert done == ["enlarged"]


def test_shrinking_averages() -> None:
    """Fine stripes become grey rather than a random choice of stripes."""
    stripes = np.zeros((64, 64, 3), dtype=np.uint8)
    stripes[:, ::2] = 255
    converted, _ = convert_image(encoded(Image.fromarray(stripes)), 8)
    np.testing.assert_allclose(converted.astype(int), 128, atol=12)


P3 = np.array([[0.51512, 0.29198, 0.15710], [0.24120, 0.69225, 0.06657], [-0.00105, 0.04189, 0.78407]])
"""The primaries of Display P3 as columns of XYZ, adapted to D50."""
SRGB = np.array([[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.71410]])
"""Those of sRGB (IEC 61966-2-1)."""


def icc_profile(primaries: np.ndarray | None, gamma: float = 2.2) -> bytes:
    """Return a small ICC profile (version 2): of RGB with these primaries, of grey without any."""

    def fixed(values: Any) -> bytes:
        return b"".join(struct.pack(">i", round(value * 65536)) for value in values)

    white = b"XYZ \0\0\0\0" + fixed([0.9642, 1.0, 0.8249])
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"
    name = b"desc\0\0\0\0" + struct.pack(">I", 5) + b"test\0" + bytes(79)
    tags = {b"desc": name, b"wtpt": white, b"cprt": b"text\0\0\0\0none\0\0\0\0"}
    if primaries is None:
        tags |= {b"kTRC": curve}
    else:
        for column, letter in zip(primaries.T, (b"r", b"g", b"b"), strict=True):
            tags |= {letter + b"XYZ": b"XYZ \0\0\0\0" + fixed(column), letter + b"TRC": curve}
    table, body, start = struct.pack(">I", len(tags)), b"", 128 + 4 + 12 * len(tags)
    for key, content in tags.items():
        table += key + struct.pack(">II", start + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    space = b"GRAY" if primaries is None else b"RGB "
    head = struct.pack(">I4sI4s4s4s", start + len(body), bytes(4), 0x02100000, b"mntr", space, b"XYZ ")
    head += bytes(12) + b"acsp" + bytes(28) + fixed([0.9642, 1.0, 0.8249])
    return head.ljust(128, b"\0") + table + body


def in_srgb(colour: tuple[int, ...], primaries: np.ndarray, gamma: float = 2.2) -> np.ndarray:
    """Return a colour of such a profile in sRGB, by the formulas."""
    linear = np.clip(np.linalg.inv(SRGB) @ primaries @ (np.array(colour) / 255) ** gamma, 0, 1)
    return 255 * np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
def test_a_colour_profile_is_converted_to_srgb(kind: str) -> None:
    colour = (180, 120, 100)
    content = encoded(Image.new("RGB", (6, 6), colour), kind, icc_profile=icc_profile(P3), lossless=True)
    image, done = convert_image(content, 6)
    expected = in_srgb(colour, P3)
    assert np.abs(expected - colour).max() > 5
    np.testing.assert_allclose(image[:, 3, 3], expected, atol=2)
    assert done == ["colour profile to sRGB"]


def test_a_profile_of_transparent_grey_or_palette_pixels() -> None:
    half = Image.new("RGBA", (6, 6), (180, 120, 100, 128))
    image, done = convert_image(encoded(half, icc_profile=icc_profile(P3)), 6)
    expected = in_srgb((180, 120, 100), P3) * 128 / 255 + 255 * 127 / 255
    np.testing.assert_allclose(image[:, 3, 3], expected, atol=2)
    assert done == ["transparency to white", "colour profile to sRGB"]
    palette = Image.new("P", (6, 6), 0)
    palette.putpalette([180, 120, 100])
    image, done = convert_image(encoded(palette, icc_profile=icc_profile(P3)), 6)
    np.testing.assert_allclose(image[:, 3, 3], in_srgb((180, 120, 100), P3), atol=2)
    assert done == ["palette to RGB", "colour profile to sRGB"]
    image, done = convert_image(encoded(Image.new("L", (6, 6), 100), icc_profile=icc_profile(None, 1.0)), 6)
    np.testing.assert_allclose(image[:, 3, 3], 255 * (1.055 * (100 / 255) ** (1 / 2.4) - 0.055), atol=2)
    assert done == ["grey to RGB", "colour profile to sRGB"]


def test_a_profile_that_is_srgb_changes_nothing() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    image, done = convert_image(encoded(Image.fromarray(pixels), icc_profile=srgb), 8)
    np.testing.assert_array_equal(image, pixels.transpose(2, 0, 1))
    assert done == []


@pytest.mark.parametrize("profile", [b"no profile at all", icc_profile(None), icc_profile(P3)[:200]])
def test_an_unfit_profile_is_left_out_and_counted(profile: bytes) -> None:
    image, done = convert_image(encoded(Image.new("RGB", (6, 6), (180, 120, 100)), icc_profile=profile), 6)
    assert image[:, 3, 3].tolist() == [180, 120, 100]
    assert done == ["unfit colour profile ignored"]


def test_lab_pixels() -> None:
    image, done = convert_image(encoded(Image.new("LAB", (6, 6), (128, 128, 128)), "TIFF"), 6)
    np.testing.assert_allclose(image[:, 3, 3], 119, atol=3)  # L* 50
    assert done == ["LAB to RGB"]


@pytest.fixture
def heic() -> bytes:
    """A blue HEIC picture."""
    pillow_heif = pytest.importorskip("pillow_heif")
    buffer = io.BytesIO()
    pillow_heif.from_pillow(Image.new("RGB", (32, 32), BLUE)).save(buffer, quality=100)
    return buffer.getvalue()


def test_heic_is_read(heic: bytes) -> None:
    image, done = convert_image(heic, 32)
    np.testing.assert_allclose(image[:, 16, 16], BLUE, atol=6)
    assert done == []


def test_heic_without_its_package_names_the_remedy(heic: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    reads_heic.cache_clear()
    with pytest.raises(NotConvertible, match=r"HEIC \(.*pip install 'stylealign\[heic\]'\)"):
        convert_image(heic, 32)
    reads_heic.cache_clear()


NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty file"),
        (b"hello, this is a text", "not an image"),
        (encoded(NOISE, "JPEG")[:-800], "truncated"),
        (encoded(NOISE)[:-4000], "truncated"),
        (encoded(Image.new("F", (4, 4), 0.5), "TIFF"), "floating-point"),
        (encoded(Image.new("I", (4, 4), 1_000_000), "TIFF"), "32-bit integer"),
    ],
)
def test_what_cannot_be_converted_gets_a_reason(content: bytes, reason: str) -> None:
    with pytest.raises(NotConvertible, match=reason):
        convert_image(content, 8)


def test_any_cut_of_a_png_gets_a_reason_or_an_image() -> None:
    whole = encoded(NOISE)
    for length in range(1, len(whole), 997):
        with pytest.raises(NotConvertible):
            convert_image(whole[:length], 8)


def test_too_many_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(NotConvertible, match="too many pixels"):
        convert_image(encoded(NOISE), 8)


@pytest.mark.parametrize("size", [(600, 4), (4, 600)])
def test_of_a_strip_there_is_a_line_on_black(size: tuple[int, int]) -> None:
    image, done = fit_image(Image.new("RGB", size, RED), 64, "letterbox", [])
    lines = image[0].any(axis=1 if size[0] > size[1] else 0)
    assert lines.sum() == 1, "600 to 4 are less than half a pixel at 64 px"
    assert lines[31:33].any()
    assert done == ["letterboxed"]


@pytest.mark.parametrize("orientation", range(2, 9))
def test_how_a_tiff_was_turned_is_told_as_of_a_png(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    pixels = np.random.default_rng(0).integers(0, 256, (6, 9, 3), dtype=np.uint8)
    tiff, png = (read_upright(encoded(Image.fromarray(pixels), kind, exif=exif)) for kind in ("TIFF", "PNG"))
    np.testing.assert_array_equal(np.asarray(tiff.image), np.asarray(png.image))
    assert tiff[1:] == png[1:]
    assert tiff.stored_px == (9, 6)


def test_a_photo_with_another_picture_beside_it_is_no_animation() -> None:
    photo, gain_map = Image.new("RGB", (8, 8), RED), Image.new("RGB", (4, 4), BLUE)
    image, done = convert_image(encoded(photo, "MPO", save_all=True, append_images=[gain_map]), 8)
    assert image[0].min() > 250
    assert done == []


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow reads no AVIF")
def test_a_damaged_avif_is_named() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (24, 24, 3), dtype=np.uint8)
    content = bytearray(encoded(Image.fromarray(pixels), "AVIF"))
    start = content.index(b"mdat") + 4
    content[start : start + 40] = bytes(40)
    with pytest.raises(NotConvertible, match="damaged"):
        open_upright(bytes(content))
