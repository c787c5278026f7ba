"""The `animal` domain: animal heads, from the SVG shapes of the package `animal-avatar` (MIT)."""

import colorsys
from functools import cache

import numpy as np
from animal_avatar.shapes import BROWS, EARS, EYES, FACES, HAIRS, MUZZLES, PATTERNS

from stylealign.datasets.figures import Figure, class_colour, part_keypoints, placement
from stylealign.datasets.shared_attributes import TONES, tone
from stylealign.datasets.vector import flatten, hex_to_rgb, parse_markup, rgb_to_hex, to_markup

PLACEMENT = placement(eye_centre=(250.0, 254.0), eye_distance=162.0)
FACE = (250.0, 251.0)

FUR_COLOURS = {
    "sand": "#d7b89c",
    "brown": "#b18272",
    "pink": "#ec8a90",
    "sage": "#a1ac88",
    "mint": "#99c9bd",
    "turquoise": "#50c8c6",
    "cream": "#f3e1c2",
    "ginger": "#e0964f",
    "grey": "#9aa0a8",
    "chocolate": "#7d5a4a",
}
FUR_JITTER = 0.03
"""Largest change of hue, lightness and saturation (shares of their ranges) of a fur colour."""

NONE = "none"
_SHAPES = {
    "face": FACES,
    "pattern": PATTERNS,
    "ears": EARS,
    "hair": HAIRS,
    "muzzle": MUZZLES,
    "eyes": EYES,
    "brows": BROWS,
}
_CLASSES = {
    "face": "skin",
    "pattern": "skin",
    "ears": "top",
    "hair": "top",
    "muzzle": "mouth",
    "eyes": "eyes",
    "brows": "skin",
}
_OPTIONAL = ("pattern", "hair")
"""Parts that half of the animals lack."""


def draw(rng: np.random.Generator, split: str = "train") -> Figure:
    """Draw one animal: shapes, fur colour, and what they are called."""
    chosen = {name: int(rng.integers(len(shapes))) for name, shapes in _SHAPES.items()}
    for name in _OPTIONAL:
        if rng.integers(2):
            chosen[name] = -1
    fur_name = list(FUR_COLOURS)[rng.integers(len(FUR_COLOURS))]
    fur = _jitter(FUR_COLOURS[fur_name], rng.uniform(-FUR_JITTER, FUR_JITTER, size=3))
    drawn = [(name, index) for name, index in chosen.items() if index >= 0]
    attributes = {name: NONE if index < 0 else f"{name}_{index}" for name, index in chosen.items() if name != "face"}
    return Figure(
        markup="".join(_SHAPES[name][index](fur) for name, index in drawn),
        part_markup="".join(_flat(name, index) for name, index in drawn),
        keypoints=_keypoints(chosen["eyes"], chosen["muzzle"], chosen["ears"], chosen["hair"]),
        placement=PLACEMENT,
        attributes={"fur_colour": fur_name, "skin_tone": tone(FUR_COLOURS[fur_name]), **attributes},
    )


def attribute_values() -> dict[str, list[str]]:
    """Return every attribute of the domain with the names of its values."""
    values = {"fur_colour": list(FUR_COLOURS), "skin_tone": list(TONES)}
    for name, shapes in _SHAPES.items():
        if name != "face":
            absent = [NONE] if name in _OPTIONAL else []
            values[name] = absent + [f"{name}_{index}" for index in range(len(shapes))]
    return values


@cache
def _flat(name: str, index: int) -> str:
    """Return a shape in its class colour; the inside of an ear or the white of a muzzle belongs to it."""
    shape = parse_markup(_SHAPES[name][index]("#808080"))
    return to_markup(flatten(shape, class_colour(_CLASSES[name])))


@cache
def _keypoints(eyes: int, muzzle: int, ears: int, hair: int) -> np.ndarray:
    top = _flat("ears", ears) + (_flat("hair", hair) if hair >= 0 else "")
    return part_keypoints(_flat("eyes", eyes), _flat("muzzle", muzzle), top, FACE, PLACEMENT)


def _jitter(colour: str, change: np.ndarray) -> str:
    hue, lightness, saturation = colorsys.rgb_to_hls(*(value / 255 for value in hex_to_rgb(colour)))
    varied = (hue + change[0]) % 1, *np.clip((lightness + change[1], saturation + change[2]), 0, 1)
    return rgb_to_hex(round(value * 255) for value in colorsys.hls_to_rgb(*varied))
