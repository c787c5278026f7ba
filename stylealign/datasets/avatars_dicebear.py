"""Figures of the DiceBear styles: components chosen by our own seed, drawn by `dicebear-core`, labelled by component.

A second definition of each style, with every shape in a colour that stands for its component and class, is drawn with
the same options: it gives the part map, and each component alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

import numpy as np
from dicebear import Avatar, Style
from numpy.typing import NDArray

from stylealign.datasets.dicebear_markup import Flattened, as_markup, flatten_definition
from stylealign.datasets.figures import (
    CLASS_COLOURS,
    KEYPOINTS,
    Figure,
    centroid,
    placement,
)
from stylealign.datasets.shared_attributes import NO_YES, SHARED_ATTRIBUTES, no_yes, tone
from stylealign.datasets.splits import draw_parts
from stylealign.datasets.styles import StyleEntry, read_definition, read_styles
from stylealign.datasets.vector import Affine, rasterise_classes

MOST_VALUES = 24
"""A component with more variants is no attribute: too few images of each."""

SMALLEST_GAP = 0.15
"""Width of the gap between two eyes, as a share of the distance of their centroids, below which they are one piece."""

LARGEST_SHARE = 6
"""Area of one eye over the other's, above which the smaller one is a speck (a wink is a line)."""

LARGEST_SPREAD = 1.45
"""Distance of a figure's eyes over the style's mean, or under, beyond which the style's mean places it: two eyes drawn
close together would blow the figure up."""

_MASK_PX = 256
_MARGIN = 0.25

Variants = Mapping[str, str | None]
"""Component -> its variant, None where it is not drawn."""


@dataclass(frozen=True)
class Artwork:
    """A style, ready to draw.

    Attributes:
        name: of the style.
        entry: its entry in the table.
        definition: as the package has it.
        true, flat: the style, and the style with each shape in the colour of its component and class.
        flattened: what those colours stand for.
        outer: component -> the component whose variants contain it.
        moved: components whose place depends on the variant of the one that contains them.
    """

    name: str
    entry: StyleEntry
    definition: dict[str, Any]
    true: Style
    flat: Style
    flattened: Flattened
    outer: dict[str, str] = field(default_factory=dict)
    moved: frozenset[str] = frozenset()

    @property
    def width(self) -> float:
        """Width (and height) of the artwork's canvas."""
        return float(self.definition["canvas"]["width"])

    @property
    def components(self) -> list[str]:
        """Components that can be drawn."""
        return [name for name in self.definition["components"] if name not in self.entry.left_out]


@cache
def artwork(name: str) -> Artwork:
    """Return a style, ready to draw.

    Raises:
        StyleAlignError: its definition is not the one that the table was made for.
    """
    entry, definition = read_styles()[name], read_definition(name)
    flattened = flatten_definition(definition, entry)
    outer, moved = _containers(definition)
    return Artwork(
        name, entry, definition, Style(definition), Style(flattened.definition), flattened, outer, frozenset(moved)
    )


def draw(name: str, rng: np.random.Generator, split: str) -> Figure:
    """Draw one figure of a style: components, colours, and what they are called."""
    art = artwork(name)
    variants = draw_variants(art, rng, split)
    colours = choose_colours(art, rng)
    seed = str(rng.integers(2**32))
    return compose_figure(art, variants, colours, seed)


def draw_variants(art: Artwork, rng: np.random.Generator, split: str) -> dict[str, str | None]:
    """Draw what a figure of a split is made of."""
    return draw_parts(art.name, split, rng, lambda own: choose_variants(art, own))


def compose_figure(art: Artwork, variants: Variants, colours: Mapping[str, str], seed: str = "") -> Figure:
    """Return the figure of chosen components and colours; `seed` moves what the style itself moves."""
    options = _options(art, variants, seed)
    true = as_markup(
        Avatar(art.true, options | {f"{name}Color": [value] for name, value in colours.items()}).to_string(),
        art.width,
        art.entry.floor,
    )
    class_colours = dict(zip(art.entry.classes, CLASS_COLOURS, strict=False))
    flat = art.flattened.recolour(Avatar(art.flat, options).to_string(), lambda _, name: class_colours[name])
    flat = as_markup(flat, art.width, art.entry.floor)
    place, points = _place(art, variants), _keypoints(art, variants)
    return Figure(true, flat, points, place, attributes_of(art, variants, colours))


def choose_variants(art: Artwork, rng: np.random.Generator) -> dict[str, str | None]:
    """Draw a variant for each component, None for one that is not there."""
    return {name: _choose_variant(art, name, rng) for name in art.components}


def _choose_variant(art: Artwork, name: str, rng: np.random.Generator) -> str | None:
    component = art.definition["components"][name]
    shares = np.array([variant.get("weight", 1) for variant in component["variants"].values()], dtype=np.float64)
    chosen = list(component["variants"])[rng.choice(len(shares), p=shares / shares.sum())]
    there = rng.uniform(0, 100) < _probability(art, name)
    return chosen if there else None


def _probability(art: Artwork, name: str) -> float:
    return float(art.entry.probability.get(name, art.definition["components"][name].get("probability", 100)))


def choose_colours(art: Artwork, rng: np.random.Generator) -> dict[str, str]:
    """Draw a colour `#rrggbb` of each palette of the style, as different from others as the style asks."""
    chosen: dict[str, str] = {}
    for name, palette in art.definition.get("colors", {}).items():
        taken = {chosen[other] for other in palette.get("notEqualTo", []) if other in chosen}
        values = [value for value in palette["values"] if value not in taken]
        chosen[name] = values[rng.integers(len(values))]
    return chosen | {name: chosen[other] for name, other in art.entry.same_colour.items()}


def attributes_of(art: Artwork, variants: Variants, colours: Mapping[str, str]) -> dict[str, str]:
    """Return every attribute of a figure with the name of its value."""
    shared = {
        name: no_yes(any(_matches(variants.get(part), patterns) for part, patterns in where.items()))
        for name, where in art.entry.shared.items()
    }
    shared |= {name: tone(colours[colour]) for name, colour in art.entry.tones.items()}
    parts = {f"{name}_style": variants[name] or "none" for name in _attribute_components(art)}
    return shared | parts | {f"{name}_colour": colours[name] for name in _attribute_colours(art)}


def attribute_values(name: str) -> dict[str, list[str]]:
    """Return every attribute of a style with the names of its values."""
    art = artwork(name)
    values = {shared: list(NO_YES) for shared in art.entry.shared}
    values |= {shared: list(SHARED_ATTRIBUTES[shared]) for shared in art.entry.tones}
    for part in _attribute_components(art):
        absent = ["none"] if _probability(art, part) < 100 else []
        values[f"{part}_style"] = absent + list(art.definition["components"][part]["variants"])
    return values | {f"{name}_colour": art.definition["colors"][name]["values"] for name in _attribute_colours(art)}


def _attribute_components(art: Artwork) -> list[str]:
    """Return the components that vary, in so few variants that each can be learnt."""
    counts = {name: len(art.definition["components"][name]["variants"]) for name in art.components}
    return [name for name, count in counts.items() if 1 < count + (_probability(art, name) < 100) <= MOST_VALUES]


def _attribute_colours(art: Artwork) -> list[str]:
    palettes = {name: palette["values"] for name, palette in art.definition.get("colors", {}).items()}
    varied = [name for name, values in palettes.items() if len(values) > 1 and name not in art.entry.same_colour]
    return [name for name in varied if name != "background"]


def _matches(variant: str | None, patterns: list[str]) -> bool:
    return variant is not None and any(fnmatchcase(variant, pattern) for pattern in patterns)


def _options(art: Artwork, variants: Variants, seed: str = "") -> dict[str, Any]:
    options: dict[str, Any] = {"seed": seed}
    for name in art.definition["components"]:
        variant = variants.get(name)
        options[f"{name}Probability"] = 0 if variant is None else 100
        if variant is not None:
            options[f"{name}Variant"] = variant
    return options


def _containers(definition: dict[str, Any]) -> tuple[dict[str, str], set[str]]:
    """Return which component contains which, and those whose place in it depends on its variant."""
    on_canvas = {name for name, _ in _references(definition["canvas"]["elements"])}
    outer: dict[str, str] = {}
    places: dict[str, set[str]] = {}
    for name, component in definition["components"].items():
        for variant in component["variants"].values():
            for inner, place in _references(variant["elements"]):
                if inner not in on_canvas and outer.setdefault(inner, name) == name:
                    places.setdefault(inner, set()).add(place)
    return outer, {inner for inner, seen in places.items() if len(seen) > 1}


def _references(elements: list[dict[str, Any]], place: str = "") -> list[tuple[str, str]]:
    """Return the components among elements, each with the transforms that put it there."""
    found = []
    for element in elements:
        here = place + str((element.get("attributes") or {}).get("transform", ""))
        if element["type"] == "component":
            found.append((element["name"], here))
        found += _references([child for child in element.get("children") or [] if isinstance(child, dict)], here)
    return found


def _with_outer(art: Artwork, variants: Variants, name: str) -> tuple[tuple[str, str], ...]:
    """Return a component and those that contain it with their variants; of the latter, any where it does not matter."""
    chain = [(name, variants[name])]
    while name in art.outer:
        name, moves = art.outer[name], name in art.moved
        any_variant = next(iter(art.definition["components"][name]["variants"]))
        chain.append((name, (variants.get(name) if moves else None) or any_variant))
    return tuple((part, variant) for part, variant in chain if variant is not None)


@cache
def component_mask(style: str, chain: tuple[tuple[str, str], ...], class_name: str | None = None) -> NDArray[np.bool_]:
    """Return where the first component of a chain alone is drawn, `[256, 256]`, over the canvas and a quarter around.

    Args:
        style: name of the style.
        chain: a component and what contains it, each with its variant.
        class_name: its shapes of this class; None for all.
    """
    art = artwork(style)
    flat = as_markup(Avatar(art.flat, _options(art, dict(chain))).to_string(), art.width, ())
    wanted = chain[0][0]
    alone = art.flattened.recolour(
        flat, lambda part, name: "#ffffff" if part == wanted and class_name in (None, name) else "none"
    )
    scale = 1 / (art.width * (1 + 2 * _MARGIN))
    corner = _MARGIN / (1 + 2 * _MARGIN)
    affine = np.array([[scale, 0.0, corner], [0.0, scale, corner]])
    return rasterise_classes(alone, affine, _MASK_PX, ("#000000", "#ffffff")) == 1


def _points(art: Artwork, mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the artwork coordinates `[n, 2]` of a component's mask."""
    rows, columns = np.nonzero(mask)
    size = art.width * (1 + 2 * _MARGIN)
    return (np.column_stack([columns, rows]).astype(np.float64) + 0.5) * (size / _MASK_PX) - _MARGIN * art.width


@cache
def _eyes(style: str, chain: tuple[tuple[str, str], ...]) -> NDArray[np.float64] | None:
    """Return the centroids `[2, 2]` of a figure's eyes, left one first; None where they are not two."""
    art = artwork(style)
    mask = component_mask(style, chain, "eyes")
    return two_eyes(_points(art, mask))


def two_eyes(points: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Return the centroids `[2, 2]` of two eyes, left one first, from what they cover, `[n, 2]`; None for one piece.

    They are two where one gap between the covered columns is wide, no other is nearly as wide (three eyes in a row),
    and neither side is a speck beside the other.
    """
    columns = np.unique(points[:, 0])
    if len(columns) < 2:
        return None
    gaps = np.diff(columns)
    widest = int(np.argmax(gaps))
    left = points[:, 0] <= columns[widest]
    eyes = np.stack([points[left].mean(axis=0), points[~left].mean(axis=0)])
    small, large = sorted([left.sum(), (~left).sum()])
    other_gaps = np.delete(gaps, widest).max(initial=0.0)
    alone = gaps[widest] >= 2 * other_gaps and gaps[widest] >= SMALLEST_GAP * (eyes[1, 0] - eyes[0, 0])
    return eyes if alone and small * LARGEST_SHARE >= large else None


@cache
def _mean_eyes(style: str, outer: tuple[tuple[str, str], ...]) -> NDArray[np.float64]:
    """Return the mean place `[2, 2]` of the style's eyes that are two."""
    art = artwork(style)
    names = art.definition["components"][art.entry.eyes]["variants"]
    found: list[NDArray[np.float64] | None] = [_eyes(style, ((art.entry.eyes, name), *outer)) for name in names]
    return np.stack([eyes for eyes in found if eyes is not None]).mean(axis=0)


def _placing_eyes(art: Artwork, variants: Variants) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the eyes `[2, 2]` that place a figure, its own where they are two, and the style's mean eyes `[2, 2]`."""
    chain = _with_outer(art, variants, art.entry.eyes)
    eyes, mean = _eyes(art.name, chain), _mean_eyes(art.name, chain[1:])
    if eyes is None or not 1 / LARGEST_SPREAD < _distance(eyes) / _distance(mean) < LARGEST_SPREAD:
        return mean, mean
    return eyes, mean


def _distance(eyes: NDArray[np.float64]) -> float:
    return float(np.hypot(*(eyes[1] - eyes[0])))


def _place(art: Artwork, variants: Variants) -> Affine:
    """Return the map that brings the figure's eyes to the canonical place; what is level is the style's mean eyes."""
    if art.entry.frame is not None:
        x, y, width = art.entry.frame
        return np.array([[1 / width, 0.0, 0.5 - x / width], [0.0, 1 / width, 0.5 - y / width]])
    eyes, mean = _placing_eyes(art, variants)
    x, y = eyes.mean(axis=0)
    tilt = np.arctan2(*(mean[1] - mean[0])[::-1])
    return placement((float(x), float(y)), _distance(eyes), float(tilt))


def _keypoints(art: Artwork, variants: Variants) -> NDArray[np.float64]:
    """Return the key points `[K, 2]` in the artwork's coordinates; `[0, 2]` of a style without eyes."""
    if art.entry.frame is not None:
        return np.empty((0, 2))
    eyes, _ = _placing_eyes(art, variants)
    mouth, top = (_class_points(art, variants, name) for name in ("mouth", "top"))
    assert art.entry.face is not None
    face = _points(art, component_mask(art.name, _with_outer(art, variants, art.entry.face)))
    points = {
        "left_eye": eyes[0],
        "right_eye": eyes[1],
        "mouth": centroid(mouth),
        "top": centroid(top[top[:, 1] < eyes[:, 1].mean()]),
        "face": centroid(face),
    }
    return np.stack([points[name] for name in KEYPOINTS])


def _class_points(art: Artwork, variants: Variants, class_name: str) -> NDArray[np.float64]:
    """Return what the components of a class cover, `[n, 2]`, each seen alone."""
    there = [name for name in art.components if variants[name] is not None and _is_visible(art, variants, name)]
    masks = [
        component_mask(art.name, _with_outer(art, variants, name), class_name)
        for name in there
        if class_name in art.entry.classes_of(name, str(variants[name]))
    ]
    return _points(art, np.logical_or.reduce(masks)) if masks else np.empty((0, 2))


def _is_visible(art: Artwork, variants: Variants, name: str) -> bool:
    """Tell whether everything that contains a component is drawn."""
    return name not in art.outer or (
        variants.get(art.outer[name]) is not None and _is_visible(art, variants, art.outer[name])
    )
