"""One file of somebody's own images: what is converted, how, and what is refused with which reason."""

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from stylealign.datasets.conversion import NotConvertible, convert_image

RED, BLUE = (255, 0, 0), (0, 0, 255)


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
