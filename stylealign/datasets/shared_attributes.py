"""Attributes that mean the same in every drawn domain that has them, so that they can be compared between domains."""

from collections.abc import Mapping

from stylealign.datasets.vector import hex_to_rgb

NO_YES = ("no", "yes")
TONES = ("none", "dark", "medium", "light")
"""Tone of a colour, by its luma; `none` where nothing of it is drawn."""

SHARED_ATTRIBUTES: Mapping[str, tuple[str, ...]] = {
    "has_glasses": NO_YES,
    "has_beard": NO_YES,
    "has_hat": NO_YES,
    "long_hair": NO_YES,
    "mouth_open": NO_YES,
    "hair_tone": TONES,
    "skin_tone": TONES,
}
"""Name -> names of its values. A domain declares those that its artwork has."""

_DARK, _LIGHT = 100.0, 170.0
_LUMA = (0.299, 0.587, 0.114)


def no_yes(condition: bool) -> str:
    """Return the value of a shared attribute that is there or not."""
    return NO_YES[condition]


def luma(colour: str) -> float:
    """Return the luma of `#rrggbb`, 0 to 255 (ITU-R BT.601)."""
    return sum(weight * value for weight, value in zip(_LUMA, hex_to_rgb(colour), strict=True))


def tone(colour: str | None) -> str:
    """Return the tone of a colour `#rrggbb`; None is nothing drawn."""
    if colour is None:
        return TONES[0]
    brightness = luma(colour)
    return TONES[1] if brightness < _DARK else TONES[2] if brightness < _LIGHT else TONES[3]
