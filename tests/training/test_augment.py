"""Augmentation: the warp undoes itself, the transforms are as often as they should be, derivatives of both orders."""

import pytest
import torch
import torch.nn.functional as F

from stylealign.training.ada import AdaptiveStrength
from stylealign.training.augment import draw_augmentation
from stylealign.training.warp import SYM6, downsample, upsample, warp
from tests.tolerances import FLOAT64


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def matrix(*rows: list[float]) -> torch.Tensor:
    return torch.tensor([rows], dtype=torch.float64)


def smooth(size: int) -> torch.Tensor:
    return F.interpolate(torch.randn(1, 3, 5, 5, dtype=torch.float64), size, mode="bicubic")


def test_the_wavelet_is_orthogonal_and_has_six_vanishing_moments() -> None:
    taps = torch.tensor(SYM6, dtype=torch.float64)
    for shift in range(6):
        product = (taps[2 * shift :] * taps[: len(taps) - 2 * shift]).sum()
        assert product.item() == pytest.approx(float(shift == 0), abs=1e-11)
    k = torch.arange(12, dtype=torch.float64)
    for power in range(6):
        assert ((-1) ** k * k**power * taps).sum().item() == pytest.approx(0, abs=1e-8)


def test_down_sampling_undoes_up_sampling() -> None:
    images = torch.randn(2, 3, 9, 12, dtype=torch.float64)
    assert upsample(images).shape == (2, 3, 28, 34)
    torch.testing.assert_close(downsample(upsample(images)), images, **FLOAT64)


def test_the_identity_and_whole_pixels_are_exact() -> None:
    images = torch.randn(2, 3, 16, 20, dtype=torch.float64)
    identity = torch.eye(3, dtype=torch.float64).expand(2, 3, 3)
    torch.testing.assert_close(warp(images, identity), images, **FLOAT64)
    shift = matrix([1, 0, 3], [0, 1, -2], [0, 0, 1]).expand(2, 3, 3)
    moved = warp(images, shift)
    torch.testing.assert_close(moved[:, :, 6:, :12], images[:, :, 4:-2, 3:15], **FLOAT64)


@pytest.mark.parametrize(
    ("inverse", "expected"),
    [
        (matrix([-1, 0, 0], [0, 1, 0], [0, 0, 1]), lambda x: x.flip(3)),
        (matrix([0, -1, 0], [1, 0, 0], [0, 0, 1]), lambda x: x.rot90(1, (2, 3))),
        (matrix([-1, 0, 0], [0, -1, 0], [0, 0, 1]), lambda x: x.rot90(2, (2, 3))),
    ],
)
def test_mirroring_and_right_angles(inverse: torch.Tensor, expected) -> None:  # type: ignore[no-untyped-def]
    images = smooth(32)
    # Not exact: the wavelet is not quite symmetric.
    torch.testing.assert_close(warp(images, inverse), expected(images), rtol=0, atol=0.05)


def test_a_constant_image_stays_constant_however_far_it_is_moved() -> None:
    far = matrix([2.1, 0.7, 40], [-0.4, 3.0, -70], [0, 0, 1])
    images = torch.full((1, 3, 16, 16), 0.3, dtype=torch.float64)
    torch.testing.assert_close(warp(images, far), images, **FLOAT64)


def test_without_probability_nothing_changes() -> None:
    images = torch.randn(3, 3, 16, 16, dtype=torch.float64)
    torch.testing.assert_close(draw_augmentation(3, 0.0, 16, 16)(images), images, **FLOAT64)


@pytest.mark.parametrize("p", [0.2, 0.5])
def test_every_transform_is_drawn_for_every_image_with_probability_p(p: float) -> None:
    count = 4000
    drawn = draw_augmentation(count, p, 4096, 4096)
    untouched = (drawn.inverse - torch.eye(3)).abs().amax(dim=(1, 2)) < 1e-12
    # Mirroring and luma flip take one of two values, right angles one of four: a share of the draws changes nothing.
    # The two rotations together are there with probability p.
    expected = (1 - p / 2) * (1 - 3 * p / 4) * (1 - p) ** 5
    assert untouched.double().mean().item() == pytest.approx(expected, abs=0.03)
    untouched = (drawn.colour - torch.eye(4)).abs().amax(dim=(1, 2)) < 1e-12
    assert untouched.double().mean().item() == pytest.approx((1 - p / 2) * (1 - p) ** 4, abs=0.03)


def test_the_spread_of_the_geometry() -> None:
    inverse = draw_augmentation(4000, 1.0, 64, 64).inverse
    # The area changes with the isotropic scale alone: log2 of it has twice the scale's deviation.
    log_area = -torch.linalg.det(inverse).abs().log2()
    assert log_area.std().item() == pytest.approx(0.4, rel=0.1)
    assert log_area.mean().item() == pytest.approx(0.0, abs=0.03)
    shift = (torch.linalg.inv(inverse)[:, :2, 2] / 64).std().item()
    # Fractional shift 0.125, and the whole-pixel one, uniform within 0.125 and scaled.
    assert shift == pytest.approx((0.125**2 + 0.125**2 / 3) ** 0.5, rel=0.15)


def test_grey_stays_grey() -> None:
    grey = torch.rand(50, 1, 16, 16, dtype=torch.float64).expand(-1, 3, -1, -1)
    changed = draw_augmentation(50, 1.0, 16, 16)(grey)
    torch.testing.assert_close(changed, changed.mean(dim=1, keepdim=True).expand_as(changed), **FLOAT64)


def test_a_part_of_a_batch_is_transformed_as_in_the_whole() -> None:
    images = torch.randn(6, 3, 16, 16, dtype=torch.float64)
    augmentation = draw_augmentation(6, 0.9, 16, 16)
    whole = augmentation(images)
    for part in range(3):
        torch.testing.assert_close(augmentation.part(part, 3)(images[part::3]), whole[part::3], **FLOAT64)


def test_derivatives_of_both_orders() -> None:
    augmentation = draw_augmentation(1, 1.0, 5, 5)
    images = torch.randn(1, 3, 5, 5, dtype=torch.float64, requires_grad=True)

    def transformed(images: torch.Tensor) -> torch.Tensor:
        result = augmentation(images)
        assert result.dtype == torch.float64
        return result.sin()

    assert torch.autograd.gradcheck(transformed, images)
    assert torch.autograd.gradgradcheck(transformed, images)


def test_the_strength_rises_while_the_discriminator_knows_too_much() -> None:
    ada = AdaptiveStrength(target=0.6, interval=4, kimg=1.0)
    for _ in range(3):
        ada.update(1.0, images=50)
    assert ada.p == 0.0
    ada.update(-0.5, images=50)  # mean sign 0.625
    assert ada.p == pytest.approx(0.2)
    assert ada.overfitting == pytest.approx(0.625)
    for _ in range(4):
        ada.update(0.5, images=25)
    assert ada.p == pytest.approx(0.1)
    for _ in range(40):
        ada.update(0.9, images=100)
    assert ada.p == 1.0
    for _ in range(80):
        ada.update(0.0, images=100)
    assert ada.p == 0.0


def test_the_state_of_the_strength_goes_on_in_the_middle_of_an_interval() -> None:
    whole, part = (AdaptiveStrength(0.6, 4, 1.0) for _ in range(2))
    signs = [0.9, 0.7, 0.2, 1.0, 0.9, 0.8]
    for sign in signs:
        whole.update(sign, 30)
    for sign in signs[:2]:
        part.update(sign, 30)
    resumed = AdaptiveStrength(0.6, 4, 1.0)
    resumed.load(part.state())
    for sign in signs[2:]:
        resumed.update(sign, 30)
    assert resumed.state() == whole.state()


def test_a_warp_is_differentiable_behind_one_that_was_not() -> None:
    """What it keeps from call to call is an ordinary tensor wherever it was made."""
    images, inverse = torch.randn(1, 3, 9, 7, dtype=torch.float64), torch.eye(3, dtype=torch.float64)[None]
    with torch.inference_mode():
        warp(images, inverse)
    images.requires_grad_(True)
    (gradient,) = torch.autograd.grad(warp(images, inverse).square().sum(), images)
    assert gradient.isfinite().all()
