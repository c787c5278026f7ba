"""Names of the labels of an image set, and what a left-right mirroring does to them."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

SIDES = {"left": "right", "l": "r"}
"""Words of names that are each other's mirror image: `left_eye` and `right_eye`, `brow-L` and `brow-R`."""

TURNING = ("rotation_deg", "shift_x")
"""Numbers that change sign under mirroring, where a file does not say which do."""
_ANGLES, _UNITS = ("yaw", "roll", "tilt"), ("deg", "degrees", "rad", "radians")
"""Last words of names, before a unit, of numbers that a mirroring turns into their opposite in all likelihood."""


@dataclass(frozen=True)
class LabelNames:
    """Names of everything that an image set's annotations hold; empty where they hold none of it.

    Attributes:
        classes: segmentation classes; the first one is the background.
        keypoints: key points.
        values: numbers of an image (its pose, say).
        attributes: attribute -> names of its values.
        swapped: pairs of names (key points, classes, numbers, attributes) that change places when an image is
            mirrored; the distance of the first pair of key points is the unit of key-point errors.
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
            kinds = (self.keypoints, self.classes, self.values, tuple(self.attributes))
            object.__setattr__(
                self, "swapped", tuple(dict.fromkeys(pair for names in kinds for pair in sides_of(names)))
            )
        if self.negated is None:
            object.__setattr__(self, "negated", tuple(name for name in self.values if name in TURNING))

    def all(self) -> tuple[str, ...]:
        """Return every name of a class, key point, number or attribute."""
        return (*self.classes, *self.keypoints, *self.values, *self.attributes)

    def only(self, kinds: Collection[str]) -> "LabelNames":
        """Return the names of some kinds (segmentation, keypoints, pose, attributes) alone."""
        kept = LabelNames(
            classes=self.classes if "segmentation" in kinds else (),
            keypoints=self.keypoints if "keypoints" in kinds else (),
            values=self.values if "pose" in kinds else (),
            attributes=self.attributes if "attributes" in kinds else {},
            swapped=(),
            negated=self.negated if "pose" in kinds else (),
        )
        of_kinds = (kept.classes, kept.keypoints, kept.values, tuple(kept.attributes))
        pairs = (pair for pair in self.swapped if any(pairs_among([pair], names) for names in of_kinds))
        return replace(kept, swapped=tuple(pairs))


def pairs_among(pairs: Sequence[tuple[str, str]], names: Collection[str]) -> tuple[tuple[str, str], ...]:
    """Return the pairs of which both sides are among `names`."""
    return tuple(pair for pair in pairs if set(pair) <= set(names))


def sides_of(names: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Return the pairs of names that differ in `left` and `right`, or `l` and `r`, alone, in the left ones' order."""
    pairs = [(name, _other_side(name)) for name in names]
    return tuple((name, other) for name, other in pairs if other != name and other in names)


def _other_side(name: str) -> str:
    """Return a name with its word `left` replaced by `right`, in the same case; the name itself where there is none."""
    words = re.split(r"([^A-Za-z]+|(?<=[a-z])(?=[A-Z]))", name)
    return "".join(_in_case_of(word, SIDES.get(word.lower(), word)) for word in words)


def _in_case_of(word: str, other: str) -> str:
    if word.isupper():
        return other.upper()
    return other.capitalize() if word[:1].isupper() and word.lower() in SIDES else other


def mirrored_order(names: Sequence[str], swapped: Sequence[tuple[str, str]]) -> list[int]:
    """Return, for each name, the place of the name that stands there after mirroring."""
    other = {**dict(swapped), **{right: left for left, right in swapped}}
    return [names.index(other.get(name, name)) for name in names]


def perhaps_turning(values: Sequence[str], negated: Sequence[str] | None) -> str | None:
    """Return a warning about numbers that look as if they changed sign under mirroring, where nobody declared any.

    Args:
        values: names of numbers.
        negated: those that are declared, `()` for none of them; None where nothing is.
    """
    found = [name for name in values if negated is None and _is_angle(name)]
    if not found:
        return None
    named = ", ".join([*(name for name in values if name in TURNING), *found])
    return (
        f"{found[0]} keeps its sign in mirrored images, which half of the training images are; if it turns with them, "
        f"say negated: [{named}], if not, negated: [{', '.join(name for name in values if name in TURNING)}]"
    )


def _is_angle(name: str) -> bool:
    words = [word.lower() for word in re.split(r"[^A-Za-z]+|(?<=[a-z])(?=[A-Z])", name) if word]
    return [word for word in words if word not in _UNITS][-1:] in [[word] for word in _ANGLES]
