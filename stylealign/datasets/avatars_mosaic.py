"""The `mosaic` domain: people in another artist's hand, drawn by the package `multiavatar`.

Avatars by Multiavatar.com. Its licence (free, also commercially) forbids re-packaging the set of designs: the artwork
stays in its package and is only drawn here, at run time.
"""

import warnings
from collections.abc import Callable
from functools import cache
from itertools import pairwise

import numpy as np

from stylealign.datasets.figures import Figure, class_colour, part_keypoints, placement
from stylealign.datasets.shared_attributes import no_yes
from stylealign.datasets.vector import flatten, parse_markup, rasterise, rgb_to_hex, to_markup

PLACEMENT = placement(eye_centre=(115.5, 106.0), eye_distance=53.0)
FACE = (115.5, 115.5)

SHOULDER_LINE = 211.0
"""Height at which the artwork's circle begins to cut the shoulders off."""

THEMES = "ABC"
PEOPLE = (
    *("robo", "girl", "blonde", "evil", "country", "geeknot", "asian", "punk"),
    *("afro", "normie", "older", "firehair", "blond", "ateam", "rasta", "meta"),
)
"""The sixteen designs, in the package's numbering; every part of an avatar comes from one of them."""

PARTS = {"head": "skin", "clo": "clothes", "top": "top", "eyes": "eyes", "mouth": "mouth"}
"""Parts from back to front, with their classes."""

_ORDER = ("env", "clo", "head", "mouth", "eyes", "top")
_NAMES = {
    "head": "head_colour",
    "clo": "clothes_style",
    "top": "top_style",
    "eyes": "eyes_style",
    "mouth": "mouth_style",
}
_EYEWEAR = ("robo", "blonde", "geeknot", "punk", "normie", "firehair", "blond")
_EYES_IN_EYEWEAR = {"robo": 1, "geeknot": 2, "normie": 0, "firehair": 0}
"""Designs whose eyewear shows eyes, with the number of the shape that is the eyes."""

_HIDING_THEIR_EYES = (("05", "A"),)
_WITHOUT_THEIR_EYEWEAR = (("09", "A"),)
"""Colour themes in which a design's lenses are opaque, or its eyewear is not painted."""

_OPEN_MOUTHS = ("robo", "evil", "asian", "afro", "meta")

Choice = tuple[str, str]
"""A design's number, `00` to `15`, and its colour theme."""


def draw(rng: np.random.Generator, split: str = "train") -> Figure:
    """Draw one person: each part from one of 16 designs in one of 3 colour themes."""
    numbers = [rng.integers(len(PEOPLE) - (part == "eyes")) for part in PARTS]  # the last design's has one eye only
    themes = rng.integers(len(THEMES), size=len(PARTS))
    chosen = {
        part: (f"{number:02d}", THEMES[theme]) for part, number, theme in zip(PARTS, numbers, themes, strict=True)
    }
    return Figure(
        markup=_shoulders(chosen, part_markup) + "".join(part_markup(*item) for item in chosen.items()),
        part_markup=_shoulders(chosen, _flat) + "".join(_flat(*item) for item in chosen.items()),
        keypoints=_keypoints(chosen["eyes"], chosen["mouth"], chosen["top"]),
        placement=PLACEMENT,
        attributes=_attributes(chosen),
    )


def _attributes(chosen: dict[str, Choice]) -> dict[str, str]:
    people = {part: PEOPLE[int(number)] for part, (number, _) in chosen.items()}
    attributes = {_NAMES[part]: people[part] for part in PARTS if part != "head"}
    attributes |= {f"{part}_theme": theme for part, (_, theme) in chosen.items() if part != "head"}
    return attributes | {
        "head_colour": f"{people['head']}_{chosen['head'][1]}",
        "eyewear": "yes" if people["eyes"] in _EYEWEAR else "no",
        "has_glasses": no_yes(_is_eyewear(chosen["eyes"])),
        "mouth_open": "yes" if people["mouth"] in _OPEN_MOUTHS else "no",
    }


def attribute_values() -> dict[str, list[str]]:
    """Return every attribute of the domain with the names of its values."""
    values = {_NAMES[part]: list(PEOPLE) for part in PARTS if part != "head"}
    values |= {f"{part}_theme": list(THEMES) for part in PARTS if part != "head"}
    values["head_colour"] = [f"{name}_{theme}" for name in PEOPLE for theme in THEMES]
    return values | {"eyewear": ["no", "yes"], "has_glasses": ["no", "yes"], "mouth_open": ["no", "yes"]}


@cache
def part_markup(part: str, choice: Choice) -> str:
    """Return the SVG elements of one part.

    The package returns whole avatars only: the part is what stays the same when every other part changes.
    """
    bounds = _bounds(part, choice)
    return _avatar({part: choice})[slice(*bounds)]


@cache
def _flat(part: str, choice: Choice) -> str:
    if part != "eyes" or not _is_eyewear(choice):
        return _in_one_class(part, choice)
    eyes = _EYES_IN_EYEWEAR.get(PEOPLE[int(choice[0])]) if choice not in _HIDING_THEIR_EYES else None
    shapes = parse_markup(part_markup(part, choice))
    classes = ["eyes" if k == eyes else "eyewear" for k in range(len(shapes))]
    return "".join(to_markup(flatten(shape, class_colour(name))) for shape, name in zip(shapes, classes, strict=True))


@cache
def _in_one_class(part: str, choice: Choice) -> str:
    return to_markup(flatten(parse_markup(part_markup(part, choice)), class_colour(PARTS[part])))


def _is_eyewear(eyes: Choice) -> bool:
    return PEOPLE[int(eyes[0])] in _EYEWEAR and eyes not in _WITHOUT_THEIR_EYEWEAR


@cache
def _keypoints(eyes: Choice, mouth: Choice, top: Choice) -> np.ndarray:
    return part_keypoints(_in_one_class("eyes", eyes), _flat("mouth", mouth), _flat("top", top), FACE, PLACEMENT)


_PLAIN: Choice = ("08", "A")
_OTHER: Choice = ("12", "A")


class _Chooser:
    """Answers the package's two questions a part ("part", "theme"), part after part in its own order."""

    def __init__(self, chosen: dict[str, Choice]) -> None:
        self._answers = [answer for part in _ORDER for answer in chosen.get(part, _PLAIN)]

    def __getitem__(self, _question: str) -> str:
        return self._answers.pop(0)


def _avatar(chosen: dict[str, Choice]) -> str:
    """Return a whole avatar's elements; parts not in `chosen` are those of `_PLAIN`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)  # the package's source has two invalid escapes
        from multiavatar.multiavatar import multiavatar
    svg = multiavatar("any", True, _Chooser(chosen))
    return svg[svg.index(">") + 1 : svg.rindex("</svg>")]


def _bounds(part: str, choice: Choice) -> tuple[int, int]:
    """Return where a part begins and ends in `_avatar({part: choice})`."""
    names = list(PARTS)
    before, after = names[: names.index(part)], names[names.index(part) + 1 :]
    whole = _avatar({part: choice})
    start, end = 0, len(whole)
    if before:  # what follows the parts before it stays the same when they change
        changed = _avatar({part: choice, before[-1]: _OTHER})
        tail = _common_start(whole[::-1], changed[::-1])
        start = whole.index("<", len(whole) - tail)
    if after:  # what precedes the parts after it stays the same when they change
        changed = _avatar({part: choice, after[0]: _OTHER})
        end = whole.rindex(">", 0, _common_start(whole, changed)) + 1
    return start, end


def _common_start(first: str, second: str) -> int:
    """Return how many characters two texts of different parts share at their beginning."""
    return next(k for k, (a, b) in enumerate(zip(first, second, strict=False)) if a != b)


def _shoulders(chosen: dict[str, Choice], look: Callable[[str, Choice], str]) -> str:
    """Return stripes that draw the body on below the artwork's circle, so that no pose shows its edge."""
    return _stripes(look("head", chosen["head"])) + _stripes(look("clo", chosen["clo"]))


@cache
def _stripes(part: str) -> str:
    """Return a part's colours along the shoulder line, each as a block downwards from it."""
    backdrop, pixels, left = "#010203", 152, 40
    row_map = np.array([[1.0, 0.0, -left], [0.0, 1.0, pixels / 2 - SHOULDER_LINE]]) / pixels
    row = [rgb_to_hex(pixel) for pixel in rasterise(part, row_map, pixels, backdrop)[pixels // 2]]
    edges = [0, *(x for x in range(1, pixels) if row[x] != row[x - 1]), pixels]
    return "".join(
        f'<rect x="{left + start}" y="{SHOULDER_LINE}" width="{end - start}" height="90" fill="{row[start]}"/>'
        for start, end in pairwise(edges)
        if row[start] != backdrop
    )
