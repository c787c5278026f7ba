"""FID, KID, precision and recall against closed forms in numpy and scipy."""

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from scipy.spatial.distance import cdist

from stylealign.metrics import fid_kid
from stylealign.metrics.fid_kid import FewImagesWarning, fid, kid, precision_recall


def features(seed: int, count: int = 300, shift: float = 0.0, scale: float = 1.0) -> torch.Tensor:
    rng = np.random.default_rng(seed)
    mix = np.random.default_rng(99).normal(size=(6, 6))
    return torch.from_numpy(rng.normal(size=(count, 6)) @ mix * scale + shift)


def fid_by_sqrtm(a: np.ndarray, b: np.ndarray) -> float:
    covariance_a, covariance_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = np.asarray(sqrtm(covariance_a @ covariance_b)).real
    return float(((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(covariance_a + covariance_b - 2 * root))


def mmd2_unbiased(a: np.ndarray, b: np.ndarray) -> float:
    def kernel(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return (x @ y.T / x.shape[1] + 1) ** 3

    n, m = len(a), len(b)
    within_a = (kernel(a, a).sum() - np.trace(kernel(a, a))) / (n * (n - 1))
    within_b = (kernel(b, b).sum() - np.trace(kernel(b, b))) / (m * (m - 1))
    return float(within_a + within_b - 2 * kernel(a, b).mean())


@pytest.mark.filterwarnings("ignore::stylealign.metrics.fid_kid.FewImagesWarning")
def test_fid_against_sqrtm() -> None:
    a, b = features(0), features(1, shift=0.5, scale=1.3)
    assert fid(a, b).value == pytest.approx(fid_by_sqrtm(a.numpy(), b.numpy()), rel=1e-6)
    assert fid(a, a).value == pytest.approx(0, abs=1e-6)


@pytest.mark.filterwarnings("ignore::stylealign.metrics.fid_kid.FewImagesWarning")
def test_fid_closed_form_in_one_dimension() -> None:
    a = torch.tensor([[0.0], [2.0], [4.0]])  # mean 2, variance 4
    b = torch.tensor([[4.0], [5.0], [6.0]])  # mean 5, variance 1
    a, b = torch.cat([a, torch.zeros(3, 1)], dim=1), torch.cat([b, torch.zeros(3, 1)], dim=1)
    assert fid(a, b).value == pytest.approx(9 + (2 - 1) ** 2)


def test_fid_warns_of_few_images() -> None:
    with pytest.warns(FewImagesWarning, match="300 images"):
        fid(features(0), features(1, count=3000))


def test_kid_is_the_mean_over_subsets_of_the_unbiased_mmd() -> None:
    a, b = features(0, count=40), features(1, count=60, shift=0.3)
    rng = np.random.RandomState(5)
    subsets = [
        (a.numpy()[rng.choice(40, 20, replace=False)], b.numpy()[rng.choice(60, 20, replace=False)]) for _ in range(8)
    ]
    expected = np.mean([mmd2_unbiased(x, y) for x, y in subsets])
    assert kid(a, b, seed=5, subsets=8).value == pytest.approx(expected, rel=1e-9)


def test_kid_interval_covers_the_truth_and_shrinks() -> None:
    truth = kid(features(10, count=4000), features(11, count=4000, shift=0.5), subset_size=2000, subsets=4).value
    hits, widths = 0, []
    for seed in range(30):
        estimate = kid(features(2 * seed + 100, count=200), features(2 * seed + 101, count=200, shift=0.5), subsets=50)
        hits += estimate.ci_low <= truth <= estimate.ci_high
        widths.append(estimate.ci_high - estimate.ci_low)
    assert hits >= 25
    larger = kid(features(0, count=1600), features(1, count=1600, shift=0.5), subsets=50)
    assert (larger.ci_high - larger.ci_low) < 0.5 * np.mean(widths)


def test_precision_recall_against_brute_force_and_argument_order() -> None:
    generated, real = features(0, count=60, scale=0.4), features(1, count=80)

    def covered(points: np.ndarray, balls: np.ndarray) -> float:
        radius = np.sort(cdist(balls, balls), axis=1)[:, fid_kid.NEIGHBOURS]
        return float((cdist(points, balls) <= radius).any(axis=1).mean())

    precision, recall = precision_recall(generated, real)
    assert precision.value == pytest.approx(covered(generated.numpy(), real.numpy()), abs=1e-6)
    assert recall.value == pytest.approx(covered(real.numpy(), generated.numpy()), abs=1e-6)
    assert precision.value > recall.value, "a narrow generator is precise and recalls little"
    swapped_precision, swapped_recall = precision_recall(real, generated)
    assert (swapped_precision.value, swapped_recall.value) == (recall.value, precision.value)


def test_errors() -> None:
    with pytest.raises(AssertionError, match=r"\[N, D\]"):
        kid(features(0), features(0)[:, :3])
    with pytest.raises(AssertionError, match="finite"):
        kid(features(0), features(0) * float("nan"))
    with pytest.raises(AssertionError, match="at least 4"):
        kid(features(0, count=3), features(1))
