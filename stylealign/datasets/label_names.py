"""Names of the labels of an image set, and what a left-right mirroring does to them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

SIDES = (("left_", "right_"),)
"""Beginnings of names that are each other's mirror image: `left_eye` and `right_eye`."""

TURNING = ("rotation_deg", "shift_x")
"""Numbers that change sign under mirroring, where a file does not say which do."""


@dataclass(frozen=True)
class LabelNames:
    """Names of everything that an image set's annotations hold; empty where they hold none of it.

    Attributes:
        classes: segmentation classes; the first one is the background.
        keypoints: key points.
        values: numbers of an image (its pose, say).
        attributes: attribute -> names of its values.
        swapped: pairs of key points that change places when an image is mirrored; the distance of the first pair is
            the unit of key-point errors.
        negated: numbers that change sign when an image is mirrored.

    Where the last two are not given, the names say it: `left_eye` and `right_eye`, and `TURNING`.
    """

    classes: tuple[str, ...] = ()
    keypoints: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    attributes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    swapped: tuple[tuple[str, str], ...] = None  # type: ignore[assignment]
    negated: tuple[str, ...] = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        """Fill in what mirroring does from the names, where it is not given."""
        if self.swapped is None:
            object.__setattr__(self, "swapped", sides_of(self.keypoints))
        if self.negated is None:
            object.__setattr__(self, "negated", tuple(name for name in self.values if name in TURNING))


def sides_of(names: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Return the pairs of names that differ in `left_` and `right_` alone, in the order of the left ones."""
    pairs = [
        (name, right + name.removeprefix(left)) for left, right in SIDES for name in names if name.startswith(left)
    ]
    return tuple(pair for pair in pairs if pair[1] in names)


def mirrored_order(names: Sequence[str], swapped: Sequence[tuple[str, str]]) -> list[int]:
    """Return, for each name, the place of the name that stands there after mirroring."""
    other = {**dict(swapped), **{right: left for left, right in swapped}}
    return [names.index(other.get(name, name)) for name in names]
