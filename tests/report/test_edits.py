"""The figure of the same edits in several models."""

import numpy as np
import torch

from stylealign.images import to_pixels
from stylealign.networks.architecture import Architecture
from stylealign.networks.generator import Generator
from stylealign.report.edits import LATENTS, SHARES, edits_sheet, moved
from stylealign.report.figures import image_rows
from stylealign.sampling import seeded_z

SMALL = Architecture(resolution=64, z_dim=6, w_dim=6, mapping_layers=2, channel_base=64, channel_max=4)


def generator(seed: int) -> Generator:
    torch.manual_seed(seed)
    return Generator(SMALL).eval()


def test_the_middle_is_the_image_itself_and_the_ends_are_not() -> None:
    model = generator(0)
    images = moved(model, torch.full((6,), 2.0)).reshape(LATENTS, len(SHARES), 3, 64, 64)
    with torch.inference_mode():
        own = to_pixels(model(seeded_z(LATENTS, 6, 0)))
    assert np.array_equal(images[:, SHARES.index(0)], own)
    assert not np.array_equal(images[:, 0], images[:, -1])


def test_a_row_a_model_in_each_block() -> None:
    models = {"parent": generator(0), "child": generator(1)}
    one = edits_sheet(models, [{"name": "pca 0", "step": [0.0] * 6}], "rows.json")
    images = moved(models["child"], torch.zeros(6))
    assert one.shape[1] >= image_rows({"a": images, "b": images}).shape[1] / 2
    below = one[:, -64:, -LATENTS * len(SHARES) * 66 + 2 :]
    assert np.array_equal(below[:, :, :64], images[0]), "the last row is the last model's"
    two = edits_sheet(models, [{"name": "pca 0", "step": [0.0] * 6}] * 2, "rows.json")
    assert two.shape[1] * two.shape[2] >= 2 * one.shape[1] * one.shape[2]
