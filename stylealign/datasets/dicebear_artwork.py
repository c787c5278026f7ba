"""A DiceBear style ready to draw: its definition twice, which component contains which, and the options of a figure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from dicebear import Style

from stylealign.datasets.dicebear_markup import Flattened, flatten_definition
from stylealign.datasets.styles import StyleEntry, read_definition, read_styles

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


def options_of(art: Artwork, variants: Variants, seed: str = "") -> dict[str, Any]:
    """Return the options with which the package draws components of these variants and no others."""
    options: dict[str, Any] = {"seed": seed}
    for name in art.definition["components"]:
        variant = variants.get(name)
        options[f"{name}Probability"] = 0 if variant is None else 100
        if variant is not None:
            options[f"{name}Variant"] = variant
    return options


def with_outer(art: Artwork, variants: Variants, name: str) -> tuple[tuple[str, str], ...]:
    """Return a component and those that contain it with their variants; of the latter, any where it does not matter."""
    chain = [(name, variants[name])]
    while name in art.outer:
        name, moves = art.outer[name], name in art.moved
        any_variant = next(iter(art.definition["components"][name]["variants"]))
        chain.append((name, (variants.get(name) if moves else None) or any_variant))
    return tuple((part, variant) for part, variant in chain if variant is not None)


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
