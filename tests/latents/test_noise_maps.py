"""The noise maps of a projection: white, and kept white."""

import numpy as np
import torch

from stylealign.latents.noise_maps import autocorrelation, draw_noise_maps, noise_shapes_in_use, renormalize

SHAPES = {"b8.conv1": (8, 8), "b32.conv0": (32, 32)}


def test_each_image_has_its_own_stream():
    def draw(*indices):
        return draw_noise_maps(SHAPES, [np.random.default_rng([0, index]) for index in indices])

    both, second = draw(0, 1), draw(1)
    assert both["b32.conv0"].shape == (2, 1, 32, 32)
    for name in SHAPES:
        torch.testing.assert_close(both[name][1:], second[name], rtol=0, atol=0)
        assert not torch.equal(both[name][0], both[name][1])


def test_autocorrelation_in_closed_form():
    # A constant map of ones has neighbour products of 1; halved, it is 2, whose products are 4.
    ones = {"b16.conv0": torch.ones(2, 1, 16, 16)}
    torch.testing.assert_close(autocorrelation(ones), torch.full((2,), 2 * 1.0 + 2 * 16.0))
    # Stripes along x: products -1 along x, 1 along y.
    stripes = torch.ones(1, 1, 8, 8)
    stripes[..., ::2] = -1
    torch.testing.assert_close(autocorrelation({"b8.conv0": stripes}), torch.tensor([2.0]))


def test_white_noise_scores_far_less_than_blurred_noise():
    white = torch.randn(1, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    blurred = {"x": torch.nn.functional.avg_pool2d(white, 5, 1, 2)}
    renormalize(blurred)
    assert autocorrelation({"x": white}).item() < 0.1 * autocorrelation(blurred).item()


def test_autocorrelation_of_an_image_does_not_depend_on_its_batch():
    maps = draw_noise_maps(SHAPES, [np.random.default_rng(index) for index in range(3)])
    alone = autocorrelation({name: noise[1:2] for name, noise in maps.items()})
    torch.testing.assert_close(autocorrelation(maps)[1:2], alone)


def test_maps_of_no_strength_are_left_out(generator):
    assert noise_shapes_in_use(generator.synthesis) == generator.synthesis.noise_shapes
    generator.synthesis.b8.conv0.noise_strength.zero_()
    assert set(generator.synthesis.noise_shapes) - set(noise_shapes_in_use(generator.synthesis)) == {"b8.conv0"}
    assert autocorrelation({}) == 0


def test_renormalized_maps_have_zero_mean_and_unit_variance():
    maps = {"x": torch.rand(3, 1, 16, 16) * 7 + 2}
    renormalize(maps)
    torch.testing.assert_close(maps["x"].mean(dim=(1, 2, 3)), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(maps["x"].square().mean(dim=(1, 2, 3)), torch.ones(3))
