"""The `human` domain: people, from the SVG parts of the package `python-avatars` (MIT)."""

import xml.etree.ElementTree as ElementTree
from functools import cache
from importlib.resources import files
from pathlib import Path

import numpy as np

from stylealign.datasets.figures import Figure, class_colour, part_keypoints, placement
from stylealign.datasets.shared_attributes import SHARED_ATTRIBUTES, no_yes, tone
from stylealign.datasets.vector import find_by_id, flatten, read_part, to_markup

PLACEMENT = placement(eye_centre=(132.0, 112.0), eye_distance=52.0)
FACE = (132.0, 114.0)
BOTTOM = 279.0
"""Height at which the artwork cuts the body off."""

SKIN_COLOURS = {
    "pale": "#FFDBB4",
    "light": "#EDB98A",
    "tanned": "#E0A070",
    "brown": "#D08B5B",
    "dark_brown": "#AE5D29",
    "black": "#614335",
}
HAIR_COLOURS = {
    "auburn": "#A55728",
    "black": "#2C1B18",
    "blonde": "#B58143",
    "golden": "#D6B370",
    "brown": "#724133",
    "pink": "#F59797",
    "platinum": "#ECDCBF",
    "red": "#C93305",
    "grey": "#B8B0B0",
}
FABRIC_COLOURS = {
    "black": "#262E33",
    "blue": "#5199E4",
    "navy": "#25557C",
    "grey": "#929598",
    "green": "#58B368",
    "orange": "#F5A65B",
    "yellow": "#F7E07A",
    "pink": "#FF488E",
    "red": "#E5484D",
    "white": "#FFFFFF",
}

NO_HAIR = "none"
SHORT_HAIR = ("buzzcut", "short_flat", "short_round", "short_curly", "short_waved", "quiff", "mohawk", "shaggy")
LONG_HAIR = ("bob", "bun", "curly", "fro", "long_not_too_long", "straight_1", "straight_strand")
HATS = ("winter_hat_1", "winter_hat_3", "turban", "hijab")
TOPS = (NO_HAIR, *SHORT_HAIR, *LONG_HAIR, *HATS)

EYES = {"default": 6, "happy": 2, "squint": 1, "surprised": 2, "side": 1, "closed": 1, "wink": 1}
CLOSED_EYES = ("happy", "closed")
MOUTHS = {"smile": 4, "default": 2, "big_smile": 2, "serious": 2, "sad": 1, "twinkle": 2, "scream_open": 1, "tongue": 1}
OPEN_MOUTHS = ("smile", "big_smile", "scream_open", "tongue", "default")
BROWS = {"default": 2, "flat_natural": 1, "raised_excited": 1, "angry": 1}
GLASSES = {"none": 12, "prescription_02": 2, "round": 2, "wayfarers": 2, "sunglasses": 2}
GLASSES_KIND = {"none": "none", "prescription_02": "clear", "round": "clear", "wayfarers": "dark", "sunglasses": "dark"}
BEARDS = {"none": 8, "beard_light": 1, "beard_medium": 1, "moustache_magnum": 1}
CLOTHES = {
    "hoodie": 2,
    "shirt_crew_neck": 3,
    "shirt_v_neck": 2,
    "shirt_scoop_neck": 2,
    "collar_sweater": 2,
}


def draw(rng: np.random.Generator, split: str = "train") -> Figure:
    """Draw one person: parts, colours, and what they are called; people of one split may be made of the same parts as
    those of another."""
    return compose_person(*choose(rng))


def choose(rng: np.random.Generator) -> tuple[str, dict[str, str], dict[str, str]]:
    """Draw what a person is made of: hair or hat, part -> name, what is coloured -> name of the colour."""
    top = TOPS[rng.integers(len(TOPS))]
    chosen = {kind: _pick(rng, weights) for kind, weights in _CHOICES.items()}
    if top == "hijab":  # its artwork leaves no room for either
        chosen["beard"] = "none"
        chosen["glasses"] = "none"
    colours = {
        "skin": _pick_colour(rng, SKIN_COLOURS),
        "hair": _pick_colour(rng, HAIR_COLOURS),
        "clothes": _pick_colour(rng, FABRIC_COLOURS),
        "hat": _pick_colour(rng, FABRIC_COLOURS),
    }
    return top, chosen, colours


_CHOICES = {"eyes": EYES, "mouth": MOUTHS, "brows": BROWS, "glasses": GLASSES, "beard": BEARDS, "clothes": CLOTHES}


def _pick(rng: np.random.Generator, weights: dict[str, int]) -> str:
    shares = np.array(list(weights.values()), dtype=np.float64)
    return list(weights)[rng.choice(len(shares), p=shares / shares.sum())]


def _pick_colour(rng: np.random.Generator, palette: dict[str, str]) -> str:
    return list(palette)[rng.integers(len(palette))]


def compose_person(top: str, chosen: dict[str, str], colours: dict[str, str]) -> Figure:
    """Return the figure of a person made of these parts and colours."""
    keys = tuple(chosen[kind] for kind in ("clothes", "mouth", "eyes", "brows", "beard", "glasses"))
    true, flat = _template(top, keys, flat=False), _template(top, keys, flat=True)
    paints = {
        "@skin@": SKIN_COLOURS[colours["skin"]],
        "@hair@": HAIR_COLOURS[colours["hair"]],
        "@clothes@": FABRIC_COLOURS[colours["clothes"]],
        "@hat@": FABRIC_COLOURS[colours["hat"]],
    }
    for name, paint in paints.items():
        true = true.replace(name, paint)
    points = _keypoints(top, chosen["mouth"], chosen["eyes"])
    return Figure(true, flat, points, PLACEMENT, _attributes(top, chosen, colours))


def _attributes(top: str, chosen: dict[str, str], colours: dict[str, str]) -> dict[str, str]:
    kind = "hat" if top in HATS else "long" if top in LONG_HAIR else "short" if top in SHORT_HAIR else "none"
    top_colours = {"none": "none", "hat": f"fabric_{colours['hat']}"}
    return {
        "skin_colour": colours["skin"],
        "top_colour": top_colours.get(kind, f"hair_{colours['hair']}"),
        "top_kind": kind,
        "top_style": top,
        "glasses": GLASSES_KIND[chosen["glasses"]],
        "eyes_open": "no" if chosen["eyes"] in CLOSED_EYES else "yes",
        "mouth_open": "yes" if chosen["mouth"] in OPEN_MOUTHS else "no",
        "mouth_style": chosen["mouth"],
        "beard": chosen["beard"],
        "clothes_style": chosen["clothes"],
        "clothes_colour": colours["clothes"],
        "has_glasses": no_yes(chosen["glasses"] != "none"),
        "has_beard": no_yes(chosen["beard"] != "none"),
        "has_hat": no_yes(kind == "hat"),
        "long_hair": no_yes(kind == "long"),
        "hair_tone": tone(HAIR_COLOURS[colours["hair"]] if kind in ("short", "long") else None),
        "skin_tone": tone(SKIN_COLOURS[colours["skin"]]),
    }


def attribute_values() -> dict[str, list[str]]:
    """Return every attribute of the domain with the names of its values."""
    fabrics = [f"fabric_{name}" for name in FABRIC_COLOURS]
    return {
        "skin_colour": list(SKIN_COLOURS),
        "top_colour": ["none", *(f"hair_{name}" for name in HAIR_COLOURS), *fabrics],
        "top_kind": ["none", "short", "long", "hat"],
        "top_style": list(TOPS),
        "glasses": ["none", "clear", "dark"],
        "eyes_open": ["no", "yes"],
        "mouth_open": ["no", "yes"],
        "mouth_style": list(MOUTHS),
        "beard": list(BEARDS),
        "clothes_style": list(CLOTHES),
        "clothes_colour": list(FABRIC_COLOURS),
    } | {name: list(values) for name, values in SHARED_ATTRIBUTES.items() if name != "mouth_open"}


@cache
def _keypoints(top: str, mouth: str, eyes: str) -> np.ndarray:
    flat_top = _top(top, "none", "none", flat=True)
    return part_keypoints(_part("eyes", eyes, True), _part("mouth", mouth, True), flat_top, FACE, PLACEMENT)


@cache
def _template(top: str, keys: tuple[str, ...], flat: bool) -> str:
    clothes, mouth, eyes, brows, beard, glasses = keys
    # The artwork ends below the shoulders: a plain block draws the body on, so that no pose shows an edge.
    fabric = class_colour("clothes") if flat else "@clothes@"
    body = f'<rect x="32" y="{BOTTOM - 1}" width="200" height="90" fill="{fabric}"/>'
    body += _part("body", "", flat) + _part("clothes", clothes, flat)
    face = "".join(
        _part(kind, name, flat)
        for kind, name in (("mouth", mouth), ("nose", "default"), ("eyes", eyes), ("eyebrows", brows))
    )
    return body + face + _top(top, beard, glasses, flat)


_OFFSETS = {
    "body": "",
    "clothes": "translate(0 170)",
    "mouth": "translate(78 134)",
    "nose": "translate(104 122)",
    "eyes": "translate(76 90)",
    "eyebrows": "translate(76 82)",
}
_CLASSES = {"body": "skin", "clothes": "clothes", "mouth": "mouth", "nose": "skin", "eyes": "eyes", "eyebrows": "skin"}


@cache
def _part(kind: str, name: str, flat: bool) -> str:
    if kind == "body":
        element = _body()
    else:
        element = read_part(_artwork() / kind / f"{name}.svg", f"{kind}-{name}")
        _place_colour(element, "Fabric-Color", "@clothes@")
    element.set("transform", _OFFSETS[kind])
    if kind == "nose":
        element.set("fill-opacity", "0.16")
    return to_markup(flatten(element, class_colour(_CLASSES[kind])) if flat else element)


@cache
def _top(top: str, beard: str, glasses: str, flat: bool) -> str:
    """Return hair or hat with the beard and the glasses that its artwork carries inside."""
    if top == NO_HAIR:
        folder, name = "hair", "no_hair"
    else:
        folder, name = ("hat" if top in HATS else "hair"), top
    element = read_part(_artwork() / "top" / folder / f"{name}.svg", f"top-{top}")
    _place_colour(element, "Hair-Color", "@hair@")
    _place_colour(element, "Fabric-Color", "@hat@")
    insides = (
        ("Facial-Hair", "facial_hair", beard, "mouth"),
        ("Accessory", "accessories", glasses, "eyewear"),
    )
    if flat:
        element = flatten(element, class_colour("top"))
    for slot_name, kind, part_name, class_name in insides:
        slot = find_by_id(element, slot_name)
        if part_name == "none" or slot is None:
            continue
        part = read_part(_artwork() / kind / f"{part_name}.svg", f"{kind}-{part_name}")
        _place_colour(part, "Facial-Hair-Color", "@hair@")
        slot.append(flatten(part, class_colour(class_name)) if flat else part)
    return to_markup(element)


def _body() -> ElementTree.Element:
    template = read_part(_artwork() / "styles" / "transparent.svg", "body")
    _place_colour(template, "Skin-Color", "@skin@")
    body = ElementTree.Element("g")
    body.extend([template.find("defs"), find_by_id(template, "Body")])  # type: ignore[list-item]
    return body


def _place_colour(element: ElementTree.Element, name: str, placeholder: str) -> None:
    """Put a colour placeholder where the artwork keeps a colour to be set.

    Most artwork fills a shape with a default colour and then lays a coloured rectangle over it, masked by the same
    shape, which leaves a fringe of the default colour: there the shape itself takes the colour.
    """
    group = find_by_id(element, name)
    if group is None:
        return
    parent = next(node for node in element.iter() if group in list(node))
    before = list(parent)[: list(parent).index(group)]
    if before and before[-1].tag == "use" and group.get("mask"):
        before[-1].set("fill", placeholder)
        parent.remove(group)
        return
    for node in group.iter():
        node.attrib.pop("fill", None)
    group.set("fill", placeholder)


def _artwork() -> Path:
    return Path(str(files("python_avatars"))) / "avatar_parts"
