"""SVG helpers: affine maps, flat recolouring, rasterising."""

import numpy as np
import pytest

from stylealign.datasets.figures import CLASS_COLOURS
from stylealign.datasets.vector import (
    apply_affine,
    compose,
    flatten,
    hex_to_rgb,
    parse_markup,
    rasterise,
    rasterise_classes,
    rgb_to_hex,
    to_markup,
)

UNIT = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])


def test_compose_does_the_inner_map_first() -> None:
    double = np.array([[2.0, 0.0, 0.0], [0.0, 2.0, 0.0]])
    shift = np.array([[1.0, 0.0, 0.5], [0.0, 1.0, -1.0]])
    point = np.array([[1.0, 3.0]])
    np.testing.assert_allclose(apply_affine(compose(double, shift), point), [[3.0, 4.0]])
    np.testing.assert_allclose(apply_affine(compose(shift, double), point), [[2.5, 5.0]])


def test_colours_round_trip() -> None:
    assert hex_to_rgb("#0a80ff") == (10, 128, 255)
    assert rgb_to_hex((10, 128, 255)) == "#0a80ff"


def test_rasterise_averages_the_area_of_a_pixel() -> None:
    half = '<rect x="0" y="0" width="0.375" height="1" fill="#ffffff"/>'
    image = rasterise(half, UNIT, 4, "#000000")
    assert image.shape == (4, 4, 3)
    np.testing.assert_array_equal(image[:, 0], 255)
    np.testing.assert_allclose(image[:, 1].astype(int), 128, atol=2)
    np.testing.assert_array_equal(image[:, 2:], 0)


def test_rasterise_classes_gives_the_class_that_covers_most() -> None:
    shapes = "".join(
        f'<rect x="{k / 8}" y="0" width="0.125" height="1" fill="{colour}"/>' for k, colour in enumerate(CLASS_COLOURS)
    )
    classes = rasterise_classes(shapes, UNIT, 8, CLASS_COLOURS)
    np.testing.assert_array_equal(classes, np.tile([0, 1, 2, 3, 4, 5, 6, 0], (8, 1)))
    three_quarters = f'<path d="M0 0H0.25V0.125H0.125V0.25H0Z" fill="{CLASS_COLOURS[3]}"/>'
    assert rasterise_classes(three_quarters, UNIT, 4, CLASS_COLOURS)[0, 0] == 3


def test_flatten_paints_everything_and_drops_shadows() -> None:
    markup = (
        '<circle r="1" fill="#123456"/><g fill="none"><path d="M0 0" stroke="#abc" style="fill:none;opacity:0.5"/></g>'
        '<rect fill="#000" fill-opacity="0.1" width="1"/><mask id="m" fill="white"><rect fill="#fff"/></mask>'
    )
    source = parse_markup(markup)
    flat = to_markup(flatten(source, "#ff0000"))
    assert flat.count("#ff0000") == 3  # the group, the circle's fill, the path's stroke
    assert "opacity" not in flat
    assert 'width="1"' not in flat
    assert '<mask id="m" fill="white"><rect fill="#fff" /></mask>' in flat
    assert to_markup(source) == to_markup(parse_markup(markup))


@pytest.mark.parametrize("size", [16, 33])
def test_sizes(size: int) -> None:
    assert rasterise("", UNIT, size, "#010203").reshape(-1, 3).tolist() == [[1, 2, 3]] * size**2
