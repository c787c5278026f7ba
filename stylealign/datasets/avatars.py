"""The drawn domains: every image is drawn from SVG artwork and comes with its exact annotations.

A figure is drawn in its artwork's coordinates, brought to the canonical place (eye centre and eye distance are the
same in every domain), posed, and only then composited over a flat colour that fills the frame.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stylealign.datasets import large_arrays
from stylealign.datasets.annotations import Annotations
from stylealign.datasets.domains import Domain
from stylealign.datasets.domains import domain as drawn_domain
from stylealign.datasets.figures import CLASS_COLOURS, Figure, to_pixels
from stylealign.datasets.label_names import LabelNames
from stylealign.datasets.splits import SPLITS
from stylealign.datasets.vector import Affine, compose, hex_to_rgb, rasterise, rasterise_classes, rgb_to_hex

POSE = ("rotation_deg", "log2_scale", "shift_x", "shift_y")
"""Clockwise turn as seen; binary logarithm of the scale; shifts right and down as shares of the frame."""

LARGEST_ROTATION_DEG = 30.0
SCALES = (0.85, 1.15)
LARGEST_SHIFT = 0.08

BACKGROUNDS = {
    "sky": "#8ec5e8",
    "mint": "#a6dcc0",
    "lemon": "#f3e38d",
    "lavender": "#c0b0e2",
    "rose": "#f2a9b9",
    "grey": "#bfc5cc",
    "teal": "#4f9fa3",
    "navy": "#3b4f6b",
}
BACKGROUND_JITTER = 12
"""Largest change of each channel (of 255) of a background colour."""


@dataclass(frozen=True)
class Avatar:
    """One image with its annotations.

    Attributes:
        image: [3, H, W] uint8 RGB.
        segmentation: [H, W] uint8, indices into the classes of its domain.
        keypoints: [K, 2] float32 (x, y) in pixels; a part that is absent stands at the face's centre, not visible.
        visible: [K] bool: present, inside the frame and not covered.
        pose: [4] float32 as named in `POSE`.
        attributes: name -> name of the value.
    """

    image: NDArray[np.uint8]
    segmentation: NDArray[np.uint8]
    keypoints: NDArray[np.float32]
    visible: NDArray[np.bool_]
    pose: NDArray[np.float32]
    attributes: dict[str, str]


def draw_avatar(domain: str, split: str, index: int, seed: int, resolution_px: int) -> Avatar:
    """Draw image `index` of a split; it depends on nothing but these arguments."""
    what = drawn_domain(domain)
    rng = np.random.default_rng([seed, what.seed_number, SPLITS.index(split), index])
    pose = draw_pose(rng)
    background_name, background = draw_background(rng)
    figure = what.draw(rng, split)
    return render(what, figure, pose, background_name, background, resolution_px)


def render(
    domain: Domain, figure: Figure, pose: NDArray[np.float32], background_name: str, background: str, resolution_px: int
) -> Avatar:
    """Return the image of a figure of a domain in a pose [4], over a background of that name and colour `#rrggbb`."""
    affine = compose(pose_affine(pose), figure.placement)
    image = rasterise(figure.markup, affine, resolution_px, domain.ground(background))
    segmentation = rasterise_classes(figure.part_markup, affine, resolution_px, CLASS_COLOURS[: len(domain.classes)])
    keypoints = to_pixels(affine, figure.keypoints, resolution_px)
    visible = _visible(keypoints, segmentation, domain)
    keypoints = np.where(np.isnan(keypoints), keypoints[-1:], keypoints)
    attributes = {"background_colour": background_name, **figure.attributes}
    return Avatar(image.transpose(2, 0, 1), segmentation, keypoints, visible, pose, attributes)


def attribute_values(domain: str) -> dict[str, list[str]]:
    """Return the attributes of a domain, each with the names of its values."""
    return {"background_colour": list(BACKGROUNDS), **drawn_domain(domain).attribute_values()}


class DrawnAnnotations:
    """The annotations of images of a domain, gathered one by one: nobody needs to hold the images for them.

    Args:
        domain: a drawn domain.
        count: number of images.
        resolution_px: their height and width.
    """

    def __init__(self, domain: str, count: int, resolution_px: int) -> None:
        self._domain = domain
        self._segmentation: NDArray[np.uint8] = large_arrays.empty((count, resolution_px, resolution_px), np.uint8)
        self._small: list[tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.float32], dict[str, str]]] = []

    def add(self, avatar: Avatar) -> None:
        """Add those of the next image."""
        self._segmentation[len(self._small)] = avatar.segmentation
        self._small.append((avatar.keypoints, avatar.visible, avatar.pose, avatar.attributes))

    def all(self) -> Annotations:
        """Return all of them as one, when each image has been added."""
        assert len(self._small) == len(self._segmentation), "an image is missing"
        values, what = attribute_values(self._domain), drawn_domain(self._domain)
        keypoints, visible, pose, attributes = zip(*self._small, strict=True)
        return Annotations(
            segmentation=self._segmentation,
            keypoints=np.stack(keypoints) if what.keypoints else None,
            visible=np.stack(visible) if what.keypoints else None,
            pose=np.stack(pose),
            attributes={
                name: np.array([names.index(one[name]) for one in attributes], np.int64)
                for name, names in values.items()
            },
            names=LabelNames(what.classes, what.keypoints, POSE, values),
        )


def draw_pose(rng: np.random.Generator) -> NDArray[np.float32]:
    """Draw a pose [4] (`POSE`), each number uniform in its range; the same distribution in every domain."""
    rotation = rng.uniform(-LARGEST_ROTATION_DEG, LARGEST_ROTATION_DEG)
    log2_scale = rng.uniform(*np.log2(SCALES))
    shift_x, shift_y = rng.uniform(-LARGEST_SHIFT, LARGEST_SHIFT, size=2)
    return np.array([rotation, log2_scale, shift_x, shift_y], dtype=np.float32)


def pose_affine(pose: NDArray[np.float32]) -> Affine:
    """Return the map of the unit frame that turns and scales about its middle, then shifts."""
    rotation, log2_scale, shift_x, shift_y = map(float, pose)
    cosine = 2**log2_scale * np.cos(np.deg2rad(rotation))
    sine = 2**log2_scale * np.sin(np.deg2rad(rotation))
    linear = np.array([[cosine, -sine], [sine, cosine]])
    middle = np.array([0.5, 0.5])
    return np.column_stack([linear, middle + np.array([shift_x, shift_y]) - linear @ middle])


_SHOWN_BY = {"left_eye": ("eyes", "eyewear"), "right_eye": ("eyes", "eyewear"), "mouth": ("mouth",)}
"""Key points that something may cover, with the classes that show them: a lens stands where its eye is."""


def draw_background(rng: np.random.Generator) -> tuple[str, str]:
    """Draw the ground: the name of its colour, and the colour `#rrggbb` near it."""
    name = list(BACKGROUNDS)[rng.integers(len(BACKGROUNDS))]
    jitter = rng.integers(-BACKGROUND_JITTER, BACKGROUND_JITTER + 1, size=3)
    return name, rgb_to_hex(np.clip(np.array(hex_to_rgb(BACKGROUNDS[name])) + jitter, 0, 255))


def _visible(keypoints: NDArray[np.float32], segmentation: NDArray[np.uint8], domain: Domain) -> NDArray[np.bool_]:
    """Tell which key points are present, inside the frame and, for eyes and mouth, not covered by another part."""
    size = segmentation.shape[0]
    visible = np.isfinite(keypoints).all(axis=1) & (np.nan_to_num(keypoints, nan=-1.0) >= 0).all(axis=1)
    visible &= (np.nan_to_num(keypoints, nan=-1.0) < size).all(axis=1)
    reach = max(1, round(size / 24))
    for point, names in _SHOWN_BY.items():
        k = domain.keypoints.index(point) if point in domain.keypoints else -1
        if k >= 0 and visible[k]:
            x, y = keypoints[k].astype(int)
            near = segmentation[max(0, y - reach) : y + reach + 1, max(0, x - reach) : x + reach + 1]
            visible[k] = bool(np.isin(near, [domain.classes.index(name) for name in names]).any())
    return visible
