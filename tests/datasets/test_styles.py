"""The styles of the table and `ink`: labels, canonical place, disjoint splits, licences, and images that stay."""

import hashlib
from importlib.resources import files

import numpy as np
import pytest

from stylealign.config import DatasetSettings, drawn_domains, validate
from stylealign.datasets import avatars_dicebear, avatars_ink, dicebear_placing
from stylealign.datasets.annotations import Annotations
from stylealign.datasets.avatars import Avatar, attribute_values, draw_avatar, draw_pose, render
from stylealign.datasets.avatars_dicebear import compose_figure
from stylealign.datasets.dicebear_artwork import artwork, options_of, with_outer
from stylealign.datasets.dicebear_markup import as_markup
from stylealign.datasets.dicebear_placing import two_eyes
from stylealign.datasets.domains import domain, seed_number_of
from stylealign.datasets.figures import EYE_CENTRE, EYE_DISTANCE, KEYPOINTS, Figure
from stylealign.datasets.images import ImageZip, write_image_zip
from stylealign.datasets.shared_attributes import SHARED_ATTRIBUTES, tone
from stylealign.datasets.splits import SPLITS, split_of
from stylealign.datasets.styles import PACKAGES, check_release, read_definition, read_styles
from stylealign.datasets.vector import apply_affine, rasterise
from stylealign.errors import StyleAlignError

STYLES = [*read_styles()]
WITH_EYES = [name for name, entry in read_styles().items() if entry.frame is None]
SAMPLE = 12

IMAGES = {
    "toon-head": "82ac60366a776bcd1375468a8632992e36dfa2f89e8af8d453f362b9e1fb0cbb",
    "personas": "9a9e44e0ed82a4408b51c74063acb09b253a387340054504d58e23150003a5de",
    "micah": "68cf8c0ec1c165f61dc6c1b5f1eead9a1453eb3c811cde39c95ae4337a3f89e4",
    "notionists": "17300aa4b9a374a18cc1d81603e7144ac004545c88ab29a60067f31299370a0e",
    "lorelei": "410ee9f40b60ef2b63c0f4cded0c98d2ed2aed49dbfcc671fa115ada2290a5d0",
    "adventurer": "9aa06a1afab9451d5a9b0c7c5144fc3b1524731ff0176b5bc32007aefd7c6b5c",
    "big-ears": "80325d560006c8f6462dcbf734d1e1ad5874f7425d9fe371809c8cfeea06701f",
    "pixel-art": "2b7f9f0b635abc63ef38c8551c76eff890180e8c036b5350b0b599e937170a8d",
    "croodles": "4bf79fc4011f451f8617a7ba4f35c541f22dab2e33e161d5bdae0058fe931b4a",
    "bottts": "91dc40aec1cc5b7b70f642606ff3eb399c9b95756ef782690c76d3451c0786ea",
    "critters": "dd22e856007ba86758e920eaeb2c8295656f74de834cf8427183d4a96c5599c0",
    "landscape": "a530672202388114b5af65080eec1f0132c5e2860748ec61a444863e719eeac7",
    "ink": "d7f866e0e58f068aea0187e412622ff369acf12952988c80ce3482960f06bdfe",
}
"""SHA-256 of the first two training, test and validation images of seed 0 at 64 px."""


@pytest.fixture(scope="module", params=[*STYLES, "ink"])
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def sample(name: str) -> list[Avatar]:
    return [draw_avatar(name, "val", index, 3, 64) for index in range(SAMPLE)]


def images_hash(name: str) -> str:
    images = [draw_avatar(name, split, index, 0, 64).image for split in SPLITS for index in range(2)]
    return hashlib.sha256(b"".join(image.tobytes() for image in images)).hexdigest()


def test_the_images_of_a_seed_do_not_change(name: str) -> None:
    assert images_hash(name) == IMAGES[name]


def test_every_style_draws_what_its_annotations_say(name: str, sample: list[Avatar]) -> None:
    what, values = domain(name), attribute_values(name)
    for avatar in sample:
        assert avatar.image.shape == (3, 64, 64)
        assert avatar.segmentation.max() < len(what.classes)
        assert avatar.keypoints.shape == (len(what.keypoints), 2)
        assert np.isfinite(avatar.keypoints).all()
        assert set(avatar.attributes) == set(values)
        assert all(value in values[key] for key, value in avatar.attributes.items())
    seen = {what.classes[index] for avatar in sample for index in np.unique(avatar.segmentation)}
    assert len(seen) >= 4


def test_shared_attributes_have_their_declared_values(name: str) -> None:
    values = attribute_values(name)
    shared = [key for key in values if key in SHARED_ATTRIBUTES]
    assert all(tuple(values[key]) == SHARED_ATTRIBUTES[key] for key in shared)
    assert shared or name == "landscape"


def test_glasses_are_drawn_where_the_attribute_says(name: str) -> None:
    if "has_glasses" not in attribute_values(name):
        pytest.skip("has none")
    eyewear = domain(name).classes.index("eyewear")
    for index in range(30):
        avatar = draw_avatar(name, "train", index, 1, 64)
        assert (avatar.segmentation == eyewear).any() == (avatar.attributes["has_glasses"] == "yes")


def test_no_combination_of_parts_is_in_two_splits(name: str) -> None:
    """What a figure is made of decides its split, whatever the seed."""
    made = {split: {_parts(name, split, index) for index in range(150)} for split in SPLITS}
    assert not made["train"] & made["test"]
    assert not made["train"] & made["val"]
    assert not made["test"] & made["val"]
    assert all(len(combinations) > 40 for combinations in made.values())


def _parts(name: str, split: str, index: int) -> tuple[str, ...]:
    rng = np.random.default_rng(index)
    if name == "ink":
        figure = avatars_ink.draw(rng, split)
        return (figure.part_markup,)
    art = artwork(name)
    variants = avatars_dicebear.draw_variants(art, rng, split)
    assert split_of(name, variants) == split
    return tuple(str(variants[part]) for part in sorted(variants))


@pytest.mark.parametrize("style", WITH_EYES)
def test_two_eyes_come_to_the_canonical_place(style: str) -> None:
    art = artwork(style)
    exact = 0
    for seed in range(30):
        rng = np.random.default_rng(seed)
        variants = avatars_dicebear.choose_variants(art, rng)
        figure = compose_figure(art, variants, avatars_dicebear.choose_colours(art, rng))
        eyes = apply_affine(figure.placement, figure.keypoints[:2])
        np.testing.assert_allclose(eyes.mean(axis=0), EYE_CENTRE, atol=1e-9)
        np.testing.assert_allclose(np.hypot(*(eyes[1] - eyes[0])), EYE_DISTANCE, atol=1e-9)
        assert abs(np.rad2deg(np.arctan2(*(eyes[1] - eyes[0])[::-1]))) < 15  # level but for a doodle's or a wink's
        exact += dicebear_placing.eyes_of(style, with_outer(art, variants, "eyes")) is not None
    assert exact >= 15


def test_two_blobs_are_two_eyes() -> None:
    def blob(x: float, height: int = 4) -> np.ndarray:
        return np.array([[x + dx, dy] for dx in range(4) for dy in range(height)], dtype=np.float64)

    np.testing.assert_allclose(two_eyes(np.concatenate([blob(30), blob(10)])), [[11.5, 1.5], [31.5, 1.5]])
    assert two_eyes(blob(10)) is None
    assert two_eyes(np.concatenate([blob(10), blob(20), blob(30)])) is None
    assert two_eyes(np.concatenate([blob(10, 40), blob(30, 1)])) is None
    assert two_eyes(np.empty((0, 2))) is None


@pytest.mark.parametrize("style", ["toon-head", "notionists", "bottts", "big-ears", "pixel-art"])
def test_labels_are_where_single_components_are_opaque(style: str) -> None:
    """Each component drawn alone from the package's own definition covers what the map gives to its class."""
    art = artwork(style)
    rng = np.random.default_rng(5)
    variants = avatars_dicebear.choose_variants(art, rng)
    colours = avatars_dicebear.choose_colours(art, rng)
    figure = compose_figure(art, variants, colours)
    pose = draw_pose(rng)
    avatar = render(domain(style), figure, pose, "sky", "#8ec5e8", 128)
    classes = domain(style).classes
    opaque = {name: np.zeros((128, 128), dtype=bool) for name in classes}
    for component in art.components:
        if variants[component] is None or component in art.outer:
            continue
        alone = {
            name: variants[name] if name == component or art.outer.get(name) == component else None
            for name in art.components
        }
        alpha = _alpha(compose_figure_alone(style, alone, colours, figure), style, pose)
        for label in art.entry.classes_of(component, str(variants[component])):
            opaque[label] |= alpha > 0.25
    for label in ("eyes", "mouth", "top", "clothes"):
        given = avatar.segmentation == classes.index(label)
        assert not (given & ~opaque[label]).any(), label


def compose_figure_alone(style: str, variants: dict[str, str | None], colours: dict[str, str], whole: Figure) -> Figure:
    art = artwork(style)
    options = options_of(art, variants) | {f"{key}Color": [value] for key, value in colours.items()}
    markup = as_markup(avatars_dicebear.Avatar(art.true, options).to_string(), art.width, art.entry.floor)
    return Figure(markup, markup, whole.keypoints, whole.placement)


def _alpha(figure: Figure, style: str, pose: np.ndarray) -> np.ndarray:
    """Return the opacity [128, 128] of a figure, from its pictures on black and on white."""
    from stylealign.datasets.avatars import pose_affine
    from stylealign.datasets.vector import compose

    affine = compose(pose_affine(pose), figure.placement)
    black, white = (rasterise(figure.markup, affine, 128, ground).astype(float) for ground in ("#000000", "#ffffff"))
    return 1 - (white - black).mean(axis=-1) / 255


def test_ink_is_the_same_figure_in_another_rendering() -> None:
    from stylealign.datasets import avatars_human

    person = avatars_human.draw(np.random.default_rng(0))
    drawn = avatars_ink.inked(person)
    pose = np.zeros(4, dtype=np.float32)
    one = render(domain("human"), person, pose, "navy", "#3b4f6b", 128)
    other = render(domain("ink"), drawn, pose, "navy", "#3b4f6b", 128)
    np.testing.assert_array_equal(one.segmentation, other.segmentation)
    np.testing.assert_array_equal(one.keypoints, other.keypoints)
    assert one.attributes == other.attributes
    inside = other.image[:, other.segmentation > 0].astype(int)
    share_of_greys = (np.ptp(inside, axis=0) <= 40).mean()  # lines over paper at the edge are tinted
    assert share_of_greys > 0.97
    assert (inside.max(axis=0) < 60).mean() > 0.05  # black lines


def test_creator_and_licence_are_those_of_the_definition() -> None:
    for style, entry in read_styles().items():
        meta = read_definition(style)["meta"]
        assert entry.creator == meta["creator"]["name"]
        assert (entry.licence, entry.licence_url) == (meta["license"]["name"], meta["license"]["url"])
        assert entry.source == meta["source"]["url"]


def test_every_domain_says_whose_artwork_it_is() -> None:
    for known in drawn_domains():
        owed = domain(known).artwork
        assert owed.creator
        assert owed.licence
        assert owed.source.startswith("https://")
        assert owed.licence_url.startswith("https://")
        assert owed.creator in owed.attribution
        assert "resvg-py" in owed.installed()


def test_every_component_of_a_style_has_a_class_or_is_left_out() -> None:
    for style, entry in read_styles().items():
        definition = read_definition(style)
        assert set(definition["components"]) == set(entry.parts) | set(entry.left_out), style
        assert set(entry.floor) <= set(entry.parts)
        for component in entry.parts:
            for variant in definition["components"][component]["variants"]:
                assert set(entry.classes_of(component, variant)) <= set(entry.classes)


def test_patterns_of_the_table_name_variants_that_are_there() -> None:
    from fnmatch import fnmatchcase

    for style, entry in read_styles().items():
        components = read_definition(style)["components"]
        named = [
            (part, pattern) for where in entry.shared.values() for part, names in where.items() for pattern in names
        ]
        named += [
            (part, key)
            for part, kinds in entry.parts.items()
            if isinstance(kinds, dict)
            for key in kinds
            if key != "default"
        ]
        for part, pattern in named:
            assert any(fnmatchcase(variant, pattern) for variant in components[part]["variants"]), (style, pattern)


def test_another_definition_or_release_is_refused() -> None:
    content = (files("dicebear_styles") / "bottts.json").read_bytes()
    check_release("bottts", content, PACKAGES)
    with pytest.raises(StyleAlignError, match=r"bottts: its definition is not the one of dicebear-styles 10"):
        check_release("bottts", content + b" ", PACKAGES)
    with pytest.raises(StyleAlignError, match=r"bottts: dicebear-core 11\.0\.0 draws other images"):
        check_release("bottts", content, {**PACKAGES, "dicebear-core": "11.0.0"})


def test_an_unknown_style_is_told_those_that_there_are() -> None:
    with pytest.raises(
        StyleAlignError, match=r"no drawn domain 'botts'; there are human, .*bottts, critters, landscape"
    ):
        validate(DatasetSettings, {"draw": "botts"}, "settings")
    with pytest.raises(StyleAlignError, match="no drawn domain 'botts'"):
        domain("botts")


def test_seed_numbers_follow_from_names() -> None:
    numbers = [domain(known).seed_number for known in drawn_domains()]
    assert numbers[:4] == [0, 1, 2, 3]
    assert len(set(numbers)) == len(numbers)
    assert domain("bottts").seed_number == seed_number_of("bottts") == 1278187195812572937


def test_tones() -> None:
    assert [tone(colour) for colour in (None, "#000000", "#808080", "#ffffff")] == ["none", "dark", "medium", "light"]


def test_annotations_of_a_style_can_be_saved(tmp_path: object) -> None:
    from pathlib import Path

    from stylealign.datasets.drawing import draw_dataset

    folder = Path(str(tmp_path))
    settings = DatasetSettings(draw="toon-head", resolution_px=16, train_images=3, test_images=2, val_images=2)
    draw_dataset(settings, folder)
    assert Annotations.load(folder / "val.annotations.npz").names.keypoints == KEYPOINTS
    owed = "Drawn from artwork by Johan Melin"
    write_image_zip(
        folder / "own.zip", ImageZip(folder / "val.zip").read(), extra={"provenance": {"attribution": owed}}
    )
    assert ImageZip(folder / "own.zip").attribution == owed
    assert ImageZip(folder / "val.zip").attribution is None
