"""Inversion of image sets: batches do not matter, and the measures describe the files."""

import numpy as np
import pytest
import torch

from stylealign.applications.inversion import invert, reconstruct
from stylealign.config import Config, InvertSettings, validate
from stylealign.images import from_uint8, to_uint8

from .conftest import TINY, PixelDistance

SETTINGS = InvertSettings(steps=30, initial_candidates=32, learning_rate=0.05, space="w")


@pytest.fixture
def images(parent):
    return to_uint8(parent(torch.randn(5, TINY.z_dim, generator=torch.Generator().manual_seed(3)))).numpy()


def test_the_batch_size_does_not_change_the_result(parent, images):
    whole = invert(parent, images, SETTINGS, PixelDistance())
    parts = invert(parent, images, SETTINGS.model_copy(update={"batch_size": 2}), PixelDistance())
    np.testing.assert_allclose(parts.values, whole.values, atol=1e-4)
    np.testing.assert_allclose(parts.losses, whole.losses, atol=1e-4)


def test_measures_belong_to_the_codes_alone(parent, images):
    found = invert(parent, images, SETTINGS, PixelDistance())
    np.testing.assert_array_equal(found.reconstructions, reconstruct(parent, found.values, SETTINGS))
    difference = (from_uint8(torch.from_numpy(found.reconstructions)) - from_uint8(torch.from_numpy(images))).square()
    expected = difference.mean(dim=(1, 2, 3)).numpy()
    assert [measures["perceptual"] for measures in found.measures] == pytest.approx(list(expected), rel=1e-5)
    assert [measures["mse"] for measures in found.measures] == pytest.approx(list(expected / 4), rel=1e-5)


def test_samples_that_the_score_compares_with_are_truncated_with_the_codes_alone(parent, images):
    """Codes of W are used as they are; random samples near the mean image would make the score of another scale."""
    given = SETTINGS.model_dump() | {"steps": 0, "truncation_psi": 0.5}
    whole, truncated = (
        invert(parent, images, InvertSettings(**given | own), PixelDistance()) for own in ({"truncation_psi": 1.0}, {})
    )
    assert [one["score"] for one in whole.measures] == [one["score"] for one in truncated.measures]
    assert InvertSettings(space="w+", truncation_psi=0.5).truncation_psi == 1
    assert InvertSettings(space="z+", truncation_psi=0.5).truncation_psi == 0.5
    workflow = {
        "domains": {"a": {"draw": "human"}},
        "models": {"a": {"domain": "a", "fetch": "human-64-a"}},
        "inversion": {"truncation_psi": 0.5},
    }
    config = validate(Config, workflow | {"inversion_spaces": ["z", "w+"]}, "config")
    assert [config.inversion_of(space).truncation_psi for space in ("z", "w+")] == [0.5, 1]


def test_own_samples_score_higher_than_noise(parent, images):
    noise = np.random.default_rng(0).integers(0, 256, images.shape, dtype=np.uint8)
    own, foreign = (invert(parent, pixels, SETTINGS, PixelDistance()) for pixels in (images, noise))
    assert min(m["score"] for m in own.measures) > max(m["score"] for m in foreign.measures)


def test_progress_counts_every_image_step(parent, images):
    seen = []
    invert(parent, images, SETTINGS.model_copy(update={"batch_size": 2, "steps": 3}), PixelDistance(), seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 15
