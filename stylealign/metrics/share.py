"""How far a child has become its domain: the share of its images that a linear classifier takes for the domain.

FID hardly sees it where two domains are near. The classifier tells real images of the parent's domain from real images
of the child's, by the features of FID.
"""

import dataclasses

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from stylealign.metrics.bootstrap import Estimate, share_estimate

MOST_IMAGES = 2000
"""Training images of each domain; more hardly change the classifier."""


@dataclasses.dataclass(frozen=True)
class DomainClassifier:
    """A linear classifier between two domains."""

    model: object

    @classmethod
    def fit(cls, parent: Tensor, domain: Tensor) -> "DomainClassifier":
        """Return the classifier of features of training images, equally many of each domain.

        Args:
            parent, domain: `[N, D]` and `[M, D]` float, of the parent's domain and of the child's.
        """
        count = min(len(parent), len(domain), MOST_IMAGES)
        assert count >= 2, "a classifier needs at least 2 images of each domain"
        features = np.concatenate([parent[:count].double().cpu().numpy(), domain[:count].double().cpu().numpy()])
        labels = np.repeat([0, 1], count)
        return cls(make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000)).fit(features, labels))

    def taken_for_domain(self, features: Tensor) -> np.ndarray:
        """Return for each image `[N, D]` whether it is taken for the child's domain, `[N]` float64 in {0, 1}."""
        return self.model.predict(features.double().cpu().numpy()).astype(np.float64)  # type: ignore[attr-defined]

    def share(self, features: Tensor) -> Estimate:
        """Return the share of images `[N, D]` that are taken for the child's domain."""
        return share_estimate(self.taken_for_domain(features))

    def accuracy(self, parent: Tensor, domain: Tensor) -> Estimate:
        """Return the accuracy on test images `[N, D]` and `[M, D]` of the two domains, each of which counts half.

        The interval joins those of the two shares, which are independent.
        """
        right = [share_estimate(1 - self.taken_for_domain(parent)), self.share(domain)]
        value, count = sum(each.value for each in right) / 2, sum(each.n or 0 for each in right)
        below = sum((each.value - (each.ci_low or 0.0)) ** 2 for each in right) ** 0.5 / 2
        above = sum(((each.ci_high or 0.0) - each.value) ** 2 for each in right) ** 0.5 / 2
        return Estimate(value, value - below, value + above, count)
