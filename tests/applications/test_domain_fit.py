"""Ranks among reference images: right order, and the same in every batch."""

import numpy as np
import pytest
import torch

from stylealign.applications.domain_fit import domain_ranks
from stylealign.networks.discriminator import Discriminator

from .conftest import TINY


@pytest.fixture
def discriminator() -> Discriminator:
    torch.manual_seed(0)
    return Discriminator(TINY).eval().requires_grad_(False)


def _images(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 3, 16, 16), dtype=np.uint8)


def test_ranks_are_shares_of_the_reference(discriminator: Discriminator) -> None:
    reference = _images(40, 0)
    ranks = domain_ranks(discriminator, reference, reference)
    assert sorted(ranks) == pytest.approx(np.arange(40) / 39), "each among the 39 others"
    with torch.inference_mode():
        pixels = torch.from_numpy(reference).float() / 127.5 - 1
        logits = torch.cat([discriminator(image[None]) for image in pixels]).flatten().numpy()
    np.testing.assert_array_equal(np.argsort(ranks), np.argsort(logits))


def test_a_rank_does_not_depend_on_the_batch(discriminator: Discriminator) -> None:
    images, reference = _images(5, 1), _images(30, 0)
    whole = domain_ranks(discriminator, images, reference)
    alone = [domain_ranks(discriminator, images[index : index + 1], reference)[0] for index in range(5)]
    np.testing.assert_allclose(whole, alone)
    assert discriminator.b4.group_size == TINY.mbstd_group_size, "the model stays as it is"


def test_images_that_the_discriminator_was_taught_to_refuse_rank_low(discriminator: Discriminator) -> None:
    """A discriminator trained for a moment to tell dark from bright knows what it has not seen."""
    discriminator.requires_grad_(True)
    optimizer = torch.optim.Adam(discriminator.parameters(), lr=2e-3)
    random = torch.Generator().manual_seed(0)
    for _ in range(30):
        noise = torch.rand(16, 3, 16, 16, generator=random) * 0.4
        bright, dark = discriminator(0.5 + noise), discriminator(-0.5 - noise)
        loss = torch.nn.functional.softplus(-bright).mean() + torch.nn.functional.softplus(dark).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    bright, dark = 191 + _images(20, 2) // 8, _images(20, 3) // 8
    assert domain_ranks(discriminator, dark, bright).max() == 0
    assert 0.3 < domain_ranks(discriminator, 191 + _images(20, 4) // 8, bright).mean() < 0.7
