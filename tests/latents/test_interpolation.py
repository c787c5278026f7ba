"""Codes between two codes."""

import math

import torch

from stylealign.latents.interpolation import interpolate, slerp


def test_ends_are_exact_in_every_space():
    a, b = torch.randn(2, 3, 6, 8)
    for space in ("z", "z+", "w", "w+"):
        torch.testing.assert_close(interpolate(a, b, 0.0, space), a, rtol=0, atol=0)
        torch.testing.assert_close(interpolate(a, b, 1.0, space), b, rtol=0, atol=0)


def test_w_moves_straight():
    a, b = torch.randn(2, 3, 8)
    torch.testing.assert_close(interpolate(a, b, 0.25, "w"), 0.75 * a + 0.25 * b)


def test_z_moves_along_the_circle():
    a, b = torch.tensor([[2.0, 0.0]]), torch.tensor([[0.0, 4.0]])
    third = slerp(a, b, 1 / 3)
    length = 2 + 2 / 3
    torch.testing.assert_close(third, torch.tensor([[length * math.cos(math.pi / 6), length * math.sin(math.pi / 6)]]))


def test_lengths_of_gaussian_codes_are_kept():
    a, b = torch.randn(2, 5, 512, generator=torch.Generator().manual_seed(0))
    middle = interpolate(a, b, 0.5, "z").norm(dim=1)
    torch.testing.assert_close(middle, (a.norm(dim=1) + b.norm(dim=1)) / 2)
    assert (torch.lerp(a, b, 0.5).norm(dim=1) < 0.8 * middle).all()


def test_equal_codes_stay_where_they_are():
    a = torch.randn(4, 16)
    torch.testing.assert_close(slerp(a, a, 0.3), a)
