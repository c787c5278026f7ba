"""The drawn domains: determinism, disjoint splits, one canonical place, and annotations that agree with the picture."""

import hashlib
import random
from importlib import import_module
from types import ModuleType

import numpy as np
import pytest
from scipy import ndimage

from stylealign.datasets import avatars
from stylealign.datasets.avatars import (
    BACKGROUND_JITTER,
    BACKGROUNDS,
    Avatar,
    attribute_values,
    draw_avatar,
    draw_pose,
    pose_affine,
)
from stylealign.datasets.figures import CLASS_COLOURS, EYE_CENTRE, EYE_DISTANCE, KEYPOINTS, SEGMENTATION_CLASSES
from stylealign.datasets.splits import SPLITS
from stylealign.datasets.vector import apply_affine, compose, hex_to_rgb, rasterise_classes

DOMAINS = ("human", "mosaic", "animal")
EYES = SEGMENTATION_CLASSES.index("eyes")
SIZE = 64
SAMPLE = 24


IMAGES = {
    "human": "a64a24c8035260d3f49a16ff0bbb794e56a03a750eadf6f3c5e3ecd0e9ce43ef",
    "mosaic": "3257f6fc4d85214e28b43c2d6f90e4b964a9f7fc6cfc3d64c578853c6db8979a",
    "animal": "d30a7433fc3b41a8c3878c9c924e76a457f66e7fd136d6298d70a9628e7b684d",
}
"""SHA-256 of the first 12 training and test images of seed 0 at 64 px."""


def domain_module(domain: str) -> ModuleType:
    return import_module(f"stylealign.datasets.avatars_{domain}")


@pytest.fixture(scope="module", params=DOMAINS)
def domain(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def sample(domain: str) -> list[Avatar]:
    return [draw_avatar(domain, "test", index, 7, SIZE) for index in range(SAMPLE)]


def test_an_avatar_depends_on_its_seed_split_and_index_alone(domain: str) -> None:
    first = draw_avatar(domain, "train", 3, 0, 32)
    state = random.getstate()
    draw_avatar(domain, "train", 11, 5, 32)
    again = draw_avatar(domain, "train", 3, 0, 32)
    assert random.getstate() == state
    for name in ("image", "segmentation", "keypoints", "visible", "pose"):
        np.testing.assert_array_equal(getattr(first, name), getattr(again, name))
    assert first.attributes == again.attributes
    others = [draw_avatar(domain, *key, 32) for key in (("test", 3, 0), ("train", 4, 0), ("train", 3, 1))]
    assert all((first.image != other.image).any() for other in others)


def test_splits_share_no_image(domain: str) -> None:
    poses = [draw_avatar(domain, split, index, 0, 16).pose for split in SPLITS for index in range(SAMPLE)]
    assert len({pose.tobytes() for pose in poses}) == 3 * SAMPLE


def test_the_images_of_a_seed_do_not_change(domain: str) -> None:
    """The bundled parents were trained on them, and the published numbers are of them."""
    images = [draw_avatar(domain, split, index, 0, 64).image for split in ("train", "test") for index in range(12)]
    assert hashlib.sha256(b"".join(image.tobytes() for image in images)).hexdigest() == IMAGES[domain]


def test_eyewear_is_a_class_of_its_own() -> None:
    eyewear = SEGMENTATION_CLASSES.index("eyewear")
    people = [draw_avatar(name, "train", index, 0, SIZE) for name in ("human", "mosaic") for index in range(40)]
    assert {(person.attributes["has_glasses"], bool((person.segmentation == eyewear).any())) for person in people} == {
        ("no", False),
        ("yes", True),
    }
    dark = [person for person in people if person.attributes.get("glasses") == "dark"]
    assert dark
    assert not any((person.segmentation == EYES).any() for person in dark)
    assert any(person.visible[:2].all() for person in dark)  # a lens stands where its eye is


def test_shapes_types_and_ranges(sample: list[Avatar]) -> None:
    for avatar in sample:
        assert avatar.image.shape == (3, SIZE, SIZE)
        assert avatar.image.dtype == np.uint8
        assert avatar.segmentation.shape == (SIZE, SIZE)
        assert avatar.segmentation.dtype == np.uint8
        assert avatar.segmentation.max() < len(SEGMENTATION_CLASSES)
        assert avatar.keypoints.shape == (len(KEYPOINTS), 2)
        assert np.isfinite(avatar.keypoints).all()
        assert avatar.visible.shape == (len(KEYPOINTS),)


def test_attributes_have_known_names_and_values(domain: str, sample: list[Avatar]) -> None:
    values = attribute_values(domain)
    for avatar in sample:
        assert set(avatar.attributes) == set(values)
        assert all(value in values[name] for name, value in avatar.attributes.items())


def test_the_background_is_flat_and_fills_the_frame(sample: list[Avatar]) -> None:
    """Outside the figure there is one colour: no corner of a turned backdrop gives the angle away."""
    for avatar in sample:
        outside = ndimage.binary_erosion(avatar.segmentation == 0, iterations=2, border_value=1)
        colours = avatar.image[:, outside].T.astype(int)
        usual = np.median(colours, axis=0)
        named = np.array(hex_to_rgb(BACKGROUNDS[avatar.attributes["background_colour"]]))
        assert np.abs(usual - named).max() <= BACKGROUND_JITTER
        share_of_other_colours = (np.abs(colours - usual).max(axis=1) > 2).mean()
        assert share_of_other_colours < 0.01  # shapes too thin to win a pixel of the map


def test_the_part_map_covers_the_figure(sample: list[Avatar]) -> None:
    for avatar in sample:
        inside = ndimage.binary_erosion(avatar.segmentation > 0, border_value=1)
        background = np.median(avatar.image[:, avatar.segmentation == 0], axis=1)
        assert (np.abs(avatar.image[:, inside].T - background).max(axis=1) > 0).all()


def test_no_pose_shows_the_lower_edge_of_a_body() -> None:
    """In the most extreme poses the body goes on to the edge of the frame."""
    for domain in ("human", "mosaic"):
        module = domain_module(domain)
        for rotation in (-30, 0, 30):
            pose = np.array([rotation, np.log2(0.85), 0.0, -0.08], dtype=np.float32)
            affine = compose(pose_affine(pose), module.PLACEMENT)
            for seed in range(4):
                figure = module.draw(np.random.default_rng(seed))
                body = rasterise_classes(figure.part_markup, affine, 64, CLASS_COLOURS) > 0
                labels, _ = ndimage.label(~body)
                below = np.unique(labels[-8:][~body[-8:]])
                tops = [np.nonzero((labels == label).any(axis=1))[0].min() for label in below]
                assert all(top < 40 for top in tops)  # what is empty at the bottom is empty beside the shoulders too


def test_eyes_of_every_domain_share_one_place() -> None:
    for domain in DOMAINS:
        module = domain_module(domain)
        eyes = np.stack([module.draw(np.random.default_rng([1, k])).keypoints[:2] for k in range(60)])
        eyes = apply_affine(module.PLACEMENT, eyes)
        np.testing.assert_allclose(eyes.mean(axis=(0, 1)), EYE_CENTRE, atol=0.012)
        distance = (eyes[:, 1, 0] - eyes[:, 0, 0]).mean()
        assert abs(distance - EYE_DISTANCE) < 0.012


def test_eye_key_points_are_the_eyes_of_the_part_map() -> None:
    """Animals wear nothing over their eyes: each eye's centroid in the map is its key point."""
    for index in range(SAMPLE):
        avatar = draw_avatar("animal", "train", index, 0, 128)
        np.testing.assert_allclose(np.stack(_eye_centroids(avatar)), avatar.keypoints[:2], atol=0.6)


def test_left_eye_is_left_in_the_upright_picture(sample: list[Avatar]) -> None:
    for avatar in sample:
        turn = np.deg2rad(-avatar.pose[0])
        across = avatar.keypoints[1] - avatar.keypoints[0]
        upright_x = np.cos(turn) * across[0] - np.sin(turn) * across[1]
        assert upright_x > 0


def test_the_pose_can_be_measured_from_the_picture() -> None:
    """The line between the eyes of the map turns, and its length grows, as the recorded pose says."""
    for index in range(SAMPLE):
        avatar = draw_avatar("animal", "test", index, 0, 128)
        left, right = _eye_centroids(avatar)
        across = right - left
        assert abs(np.rad2deg(np.arctan2(across[1], across[0])) - avatar.pose[0]) < 2.0
        same_eyes = domain_module("animal").PLACEMENT[0, 0] * _eye_distance(avatar.attributes["eyes"]) * 128
        assert abs(np.log2(np.linalg.norm(across) / same_eyes) - avatar.pose[1]) < 0.05


def _eye_centroids(avatar: Avatar) -> tuple[np.ndarray, np.ndarray]:
    rows, columns = np.nonzero(avatar.segmentation == EYES)
    points = np.column_stack([columns, rows]) + 0.5
    is_right = np.linalg.norm(points - avatar.keypoints[1], axis=1) < np.linalg.norm(
        points - avatar.keypoints[0], axis=1
    )
    return points[~is_right].mean(axis=0), points[is_right].mean(axis=0)


def _eye_distance(name: str) -> float:
    from stylealign.datasets import avatars_animal

    points = avatars_animal._keypoints(int(name.removeprefix("eyes_")), 0, 0, -1)
    return float(points[1, 0] - points[0, 0])


def test_poses_fill_their_ranges() -> None:
    rng = np.random.default_rng(0)
    poses = np.stack([draw_pose(rng) for _ in range(500)])
    largest = np.array([avatars.LARGEST_ROTATION_DEG, np.log2(1.15), avatars.LARGEST_SHIFT, avatars.LARGEST_SHIFT])
    smallest = np.array([-avatars.LARGEST_ROTATION_DEG, np.log2(0.85), -avatars.LARGEST_SHIFT, -avatars.LARGEST_SHIFT])
    assert (poses <= largest + 1e-6).all()
    assert (poses >= smallest - 1e-6).all()
    np.testing.assert_allclose(poses.std(axis=0), (largest - smallest) / np.sqrt(12), rtol=0.1)


def test_the_pose_map_turns_about_the_middle_then_shifts() -> None:
    affine = pose_affine(np.array([90.0, 1.0, 0.1, -0.05], dtype=np.float32))
    points = apply_affine(affine, np.array([[0.5, 0.5], [0.75, 0.5]]))
    np.testing.assert_allclose(points, [[0.6, 0.45], [0.6, 0.95]], atol=1e-6)  # clockwise, twice as far, y down


def test_a_covered_or_absent_part_is_not_visible() -> None:
    people = [draw_avatar("human", "train", index, 0, SIZE) for index in range(80)]
    bald = [person for person in people if person.attributes["top_kind"] == "none"]
    haired = [person for person in people if person.attributes["top_style"] == "fro"]
    top = KEYPOINTS.index("top")
    assert bald
    assert haired
    assert not any(person.visible[top] for person in bald)
    assert all(person.visible[top] for person in haired)


def test_mosaic_parts_join_to_the_package_s_own_avatars() -> None:
    """The parts cut out of the package's output are whole: joined, they give its avatar back."""
    from multiavatar.multiavatar import multiavatar

    from stylealign.datasets import avatars_mosaic

    for number in ("00", "07", "15"):
        for theme in avatars_mosaic.THEMES:
            whole = multiavatar("any", True, {"part": number, "theme": theme})
            joined = "".join(avatars_mosaic.part_markup(part, (number, theme)) for part in avatars_mosaic.PARTS)
            assert whole.endswith(f">{joined}</svg>")
