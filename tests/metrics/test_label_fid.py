"""The Fréchet distance of label networks: against the formula, in units of each feature's spread."""

import numpy as np
import pytest
import scipy.linalg

from stylealign.metrics.label_fid import LabelReference, beside


def features(count: int, shift: float = 0, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.normal(shift, 1, (count, 4)) @ rng.normal(0, 1, (4, 6))).astype(np.float32)


def test_equals_the_formula_in_units_of_the_spread_over_both_domains() -> None:
    real, parents, generated = features(300), features(200, 2), features(250, 1, seed=1)
    spread = np.concatenate([real[:200], parents]).astype(np.float64).std(axis=0)
    one, other = (images.astype(np.float64) / spread for images in (generated, real))
    covariances = [np.cov(images, rowvar=False) for images in (one, other)]
    root = scipy.linalg.sqrtm(covariances[0] @ covariances[1]).real
    mean = ((one.mean(axis=0) - other.mean(axis=0)) ** 2).sum()
    expected = mean + sum(map(np.trace, covariances)) - 2 * np.trace(root)
    found = LabelReference(real, parents).fid(generated)
    assert found.value == pytest.approx(expected, rel=1e-5)
    assert found.n == len(generated)


def test_a_unit_of_a_feature_does_not_count() -> None:
    real, parents, generated = features(300), features(300, 2), features(300, 1, seed=1)
    units = np.float32([1, 10, 100, 0.1, 0.01, 1])
    expected = LabelReference(real, parents).fid(generated).value
    assert LabelReference(real * units, parents * units).fid(generated * units).value == pytest.approx(expected)


def test_features_that_are_the_same_in_all_images_are_left_out() -> None:
    def dead(of: np.ndarray, value: float = 0) -> np.ndarray:
        return np.column_stack([of, np.full(len(of), value, np.float32)])

    real, parents, generated = features(300), features(300, 2), features(300, 1, seed=1)
    expected = LabelReference(real, parents).fid(generated).value
    assert LabelReference(dead(real), dead(parents)).fid(dead(generated, 5)).value == pytest.approx(expected)


def test_networks_that_show_no_features_are_left_out() -> None:
    shown = np.arange(15, dtype=np.float32).reshape(5, 3)
    assert beside([None]) is None
    assert np.array_equal(beside([None, shown, shown + 1]), np.concatenate([shown, shown + 1], axis=1))
