import numpy as np
import torch
from scipy.ndimage import gaussian_filter

from stylealign.training.blur import blur, blur_matrix, blur_px_at


def test_the_blur_is_scipys() -> None:
    images = torch.randn(2, 3, 16, 20, dtype=torch.float64)
    for sigma in (0.7, 2.5):
        expected = gaussian_filter(images.numpy(), (0, 0, sigma, sigma), mode="nearest", radius=int(3 * sigma) + 1)
        np.testing.assert_allclose(blur(images, sigma).numpy(), expected, rtol=0, atol=1e-12)


def test_rows_sum_to_one_and_a_flat_image_stays() -> None:
    assert torch.allclose(blur_matrix(8, 5.0).sum(dim=1), torch.ones(8, dtype=torch.float64))
    flat = torch.full((1, 3, 8, 8), 0.25)
    assert torch.allclose(blur(flat, 3.0), flat)


def test_no_blur_is_the_images_themselves() -> None:
    images = torch.randn(1, 3, 8, 8)
    assert blur(images, 0.0) is images


def test_the_blur_fades_linearly() -> None:
    assert [blur_px_at(shown, 4.0, 10.0) for shown in (0, 2500, 5000, 10000, 90000)] == [4.0, 3.0, 2.0, 0.0, 0.0]


def test_the_blur_is_differentiable_twice() -> None:
    images = torch.randn(1, 2, 5, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(lambda x: blur(x, 1.3).square(), (images,))
