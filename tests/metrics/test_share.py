"""The share of images that a classifier takes for a domain."""

import numpy as np
import pytest
import torch

from stylealign.metrics.share import MOST_IMAGES, DomainClassifier


def features(count: int, seed: int, shift: float = 0.0) -> torch.Tensor:
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(count, 8)) * np.array([1, 10, 0.1, 1, 1, 1, 1, 1])
    values[:, 2] += 0.1 * shift
    return torch.from_numpy(values).float()


def test_a_mixture_has_its_share() -> None:
    classifier = DomainClassifier.fit(features(400, 0), features(400, 1, shift=8))
    mixed = torch.cat([features(70, 2), features(30, 3, shift=8)])
    estimate = classifier.share(mixed)
    assert estimate.value == pytest.approx(0.3)
    assert (estimate.n, estimate.ci_low < 0.3 < estimate.ci_high) == (100, True)
    assert classifier.accuracy(features(50, 4), features(50, 5, shift=8)).value == 1.0


def test_equal_domains_cannot_be_told_apart() -> None:
    classifier = DomainClassifier.fit(features(400, 0), features(400, 1))
    accuracy = classifier.accuracy(features(500, 2), features(500, 3))
    assert accuracy.value == pytest.approx(0.5, abs=0.05)
    assert accuracy.ci_low < accuracy.value < accuracy.ci_high
    assert accuracy.n == 1000


def test_unequal_sets_count_alike() -> None:
    """With all images of both, a classifier of 40 against 2,000 would call everything the larger domain's."""
    classifier = DomainClassifier.fit(features(2000, 0), features(40, 1, shift=1))
    assert classifier.share(features(1000, 2, shift=1)).value > 0.5
    # Accuracy is the mean of the domains', however many test images each has.
    parts = [classifier.share(features(1000, 3)).value, classifier.share(features(100, 4, shift=1)).value]
    accuracy = classifier.accuracy(features(1000, 3), features(100, 4, shift=1))
    assert accuracy.value == pytest.approx((1 - parts[0] + parts[1]) / 2)


def test_it_is_the_same_every_time_and_takes_the_first_images() -> None:
    parent, domain = features(MOST_IMAGES + 50, 0), features(MOST_IMAGES + 50, 1, shift=1)
    tested = features(200, 2, shift=0.5)
    taken = [
        DomainClassifier.fit(p, d).taken_for_domain(tested)
        for p, d in ((parent, domain), (parent[:MOST_IMAGES], domain[:MOST_IMAGES]))
    ]
    np.testing.assert_array_equal(*taken)
