"""The prior of W: about 1 for the mapping network's own w, growing with the square of the way out."""

import numpy as np
import pytest
import torch

from stylealign.config import InvertSettings
from stylealign.latents.prior import prior_of_w
from stylealign.latents.projection import Projector

from .conftest import TINY, PixelDistance


def test_samples_of_w_are_at_a_distance_of_one(generator):
    prior = prior_of_w(generator, seed=1)
    w = generator.mapping(torch.randn(4000, TINY.z_dim, generator=torch.Generator().manual_seed(5)))
    assert prior.distance(w).shape == (4000,)
    assert float(prior.distance(w).mean()) == pytest.approx(1, abs=0.1)
    assert float(prior.distance(w[:, 0]).mean()) == pytest.approx(1, abs=0.1)
    torch.testing.assert_close(prior.distance(prior.mean[None]), torch.zeros(1))


def test_it_grows_with_the_square(generator):
    prior = prior_of_w(generator)
    way = torch.randn(1, TINY.num_ws, TINY.w_dim, generator=torch.Generator().manual_seed(2))
    near, far = prior.distance(prior.mean + way), prior.distance(prior.mean + 3 * way)
    torch.testing.assert_close(far, 9 * near)


@pytest.mark.parametrize("space", ["w", "w+"])
def test_codes_found_with_it_lie_where_w_does(space, generator):
    z = torch.randn(3, TINY.z_dim, generator=torch.Generator().manual_seed(3))
    targets = generator(z).clamp(-1, 1).flip(-1)
    prior, distances, fits = prior_of_w(generator), [], []
    for weight in (0.0, 0.05):
        settings = InvertSettings(
            space=space, steps=40, learning_rate=0.1, initial_candidates=16, latent_noise=0, prior_weight=weight
        )
        found = Projector(generator, PixelDistance(), settings).project(targets, range(3))
        distances.append(float(prior.distance(torch.from_numpy(found.values)).mean()))
        fits.append(float(found.perceptual_fitted.mean()))
        assert np.isfinite(found.losses).all()
    assert distances[1] < 0.5 * distances[0]
    assert fits[1] > fits[0]
