"""Latents and batches of the samples that are scored."""

from types import SimpleNamespace

import torch

from stylealign.networks.architecture import Architecture
from stylealign.sampling import BATCH_SIZE, images_per_batch, sample_latents


def test_batches_shrink_with_the_images() -> None:
    sizes = (32, 64, 256, 512, 1024, 4096)
    assert [images_per_batch(px) for px in sizes] == [BATCH_SIZE] * 3 + [BATCH_SIZE // 4, BATCH_SIZE // 16, 1]


def test_the_latents_do_not_depend_on_the_batch() -> None:
    drawn = []
    for resolution in (64, 1024):
        architecture = Architecture(resolution=resolution, z_dim=512, w_dim=512)
        generator = SimpleNamespace(architecture=architecture, mapping=SimpleNamespace(w_avg=torch.zeros(512)))
        drawn.append(torch.cat([z for z, _ in sample_latents(generator, 70, 3)]))
    assert drawn[0].shape == (70, 512)
    assert torch.equal(*drawn)
