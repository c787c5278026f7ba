"""MSE, PSNR and SSIM against scipy and closed forms."""

import numpy as np
import pytest
import torch
from scipy.ndimage import correlate1d

from stylealign.metrics.image_quality import mse, psnr, ssim


def images(seed: int, size: int = 24) -> torch.Tensor:
    return torch.rand(3, 3, size, size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 2 - 1


def ssim_of_channel(x: np.ndarray, y: np.ndarray) -> float:
    """SSIM written out with scipy, for one channel on [0, 1]."""
    window = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
    window /= window.sum()

    def blur(image: np.ndarray) -> np.ndarray:
        return correlate1d(correlate1d(image, window, axis=0), window, axis=1)[5:-5, 5:-5]

    mx, my = blur(x), blur(y)
    vx, vy, vxy = blur(x * x) - mx * mx, blur(y * y) - my * my, blur(x * y) - mx * my
    similarity = (2 * mx * my + 1e-4) * (2 * vxy + 9e-4) / ((mx * mx + my * my + 1e-4) * (vx + vy + 9e-4))
    return float(similarity.mean())


def test_mse_and_psnr_closed_form() -> None:
    a = torch.full((2, 3, 16, 16), -0.5)
    b = a + torch.tensor([0.2, 0.02])[:, None, None, None]
    torch.testing.assert_close(mse(a, b), torch.tensor([0.01, 0.0001]), rtol=1e-4, atol=0)
    torch.testing.assert_close(psnr(a, b), torch.tensor([20.0, 40.0]), rtol=1e-4, atol=0)


def test_equal_images() -> None:
    a = images(0)
    assert mse(a, a).eq(0).all()
    assert psnr(a, a).tolist() == [100, 100, 100]
    assert psnr(a, a + 1e-6).tolist() == [100, 100, 100], "nearly equal ones are no better"
    torch.testing.assert_close(ssim(a, a), torch.ones(3, dtype=torch.float64))


def test_ssim_against_scipy() -> None:
    a = images(1)
    b = (a + 0.3 * images(2)).clamp(-1, 1)
    expected = [
        np.mean([ssim_of_channel(x / 2 + 0.5, y / 2 + 0.5) for x, y in zip(p, q, strict=True)])
        for p, q in zip(a.numpy(), b.numpy(), strict=True)
    ]
    np.testing.assert_allclose(ssim(a, b).numpy(), expected, rtol=1e-9)


@pytest.mark.parametrize("metric", [mse, psnr, ssim])
def test_symmetric_and_batch_independent(metric) -> None:  # type: ignore[no-untyped-def]
    a, b = images(3), images(4)
    torch.testing.assert_close(metric(a, b), metric(b, a))
    torch.testing.assert_close(metric(a, b)[1:2], metric(a[1:2], b[1:2]))


def test_errors() -> None:
    with pytest.raises(AssertionError, match="two"):
        mse(images(0), images(0, size=16))


def test_images_that_the_window_of_ssim_does_not_fit_in_have_none() -> None:
    assert ssim(images(0, size=10), images(1, size=10)).isnan().tolist() == [True] * 3
    assert ssim(images(0, size=11), images(1, size=11)).isfinite().all()
