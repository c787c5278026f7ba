"""Figures of the DiceBear styles: components chosen by our own seed, drawn by `dicebear-core`, labelled by component.

A second definition of each style, with every shape in a colour that stands for its component and class, is drawn with
the same options: it gives the part map, and each component alone.
"""

from collections.abc import Mapping
from fnmatch import fnmatchcase

import numpy as np
from dicebear import Avatar

from stylealign.datasets.dicebear_artwork import Artwork, Variants, artwork, options_of
from stylealign.datasets.dicebear_markup import as_markup
from stylealign.datasets.dicebear_placing import keypoints_of, place_of
from stylealign.datasets.figures import CLASS_COLOURS, Figure
from stylealign.datasets.shared_attributes import NO_YES, SHARED_ATTRIBUTES, no_yes, tone
from stylealign.datasets.splits import draw_parts

MOST_VALUES = 24
"""A component with more variants is no attribute: too few images of each."""


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
    options = options_of(art, variants, seed)
    true = as_markup(
        Avatar(art.true, options | {f"{name}Color": [value] for name, value in colours.items()}).to_string(),
        art.width,
        art.entry.floor,
    )
    class_colours = dict(zip(art.entry.classes, CLASS_COLOURS, strict=False))
    flat = art.flattened.recolour(Avatar(art.flat, options).to_string(), lambda _, name: class_colours[name])
    flat = as_markup(flat, art.width, art.entry.floor)
    place, points = place_of(art, variants), keypoints_of(art, variants)
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
