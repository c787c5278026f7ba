"""Whole images in half of the latents, patches in all; and which images of a group are alike."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from stylealign.config import KeepSettings, TrainSettings
from stylealign.config.keeping import PatchesMethod
from stylealign.errors import StyleAlignError
from stylealign.training.keep.losses import distance_consistency
from stylealign.training.keep.patches import (
    PatchHead,
    Verdict,
    in_half,
    patched_discriminator_loss,
    patched_generator_loss,
)
from stylealign.training.losses import discriminator_loss, generator_loss
from stylealign.training.start import new_networks
from tests.training.common import SHAPE, assert_resumed_equals, changed, make_run
from tests.training.processes import assert_two_equal


@pytest.fixture
def _float64() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def patched(**values: float) -> TrainSettings:
    """Return the tiny run's settings with patches."""
    return changed(keep=KeepSettings.model_validate({"patches": {"weight": 0.5} | values}))


def test_losses_by_hand() -> None:
    real, fake = torch.tensor([[1.0], [-2.0]]), torch.tensor([[3.0], [0.5]])
    patches = torch.zeros(2, 1, 4, 4)
    log2 = torch.tensor(2.0).log()
    half = torch.tensor([[1.0], [0.0]])
    found = patched_generator_loss(Verdict(fake, patches), half, 3.0)
    torch.testing.assert_close(found, generator_loss(fake[:1]) + 3 * log2)
    found = patched_discriminator_loss(Verdict(real, patches), Verdict(fake, patches), half, 3.0)
    whole = discriminator_loss(real, torch.zeros(1, 1)) - log2 + discriminator_loss(torch.full((1, 1), 1e9), fake[:1])
    torch.testing.assert_close(found, whole + 6 * log2)


def test_half_of_the_latents() -> None:
    half = in_half(torch.randn(1000, 4, generator=torch.Generator().manual_seed(0)))
    assert half.shape == (1000, 1)
    assert half.mean().item() == pytest.approx(0.5, abs=0.06)


def test_patches_are_judged_by_themselves() -> None:
    discriminator = new_networks(SHAPE, changed(), 16)[2]
    head = PatchHead(discriminator.architecture, PatchesMethod(weight=1, at_px=8), 0)
    images = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0)).requires_grad_(True)
    logits, features = discriminator.judge(images, at_px=8)
    assert torch.equal(logits, discriminator(images))
    patches = head(features)
    assert patches.shape == (2, 1, 8, 8)
    (gradient,) = torch.autograd.grad(patches[0, 0, 0, 0], images)
    assert gradient[0, :, :4, :4].abs().sum() > 0
    assert gradient[0, :, 12:, 12:].abs().sum() == 0, "a patch knows nothing of the far corner"


def test_features_that_are_not_there_are_told() -> None:
    architecture = new_networks(SHAPE, changed(), 16)[0].architecture
    assert PatchHead(architecture, PatchesMethod(), 0).at_px == 4
    with pytest.raises(StyleAlignError, match="at_px 16: the discriminator has features from 4 px to 8 px"):
        PatchHead(architecture, PatchesMethod(weight=1, at_px=16), 0)


def test_resumed_equals_uninterrupted(tmp_path: Path) -> None:
    settings = patched(at_px=8)
    whole = make_run(tmp_path / "whole", settings)
    assert whole.networks.patch_head is not None
    before = whole.networks.patch_head.out.weight.clone()
    part = assert_resumed_equals(whole, tmp_path, settings)
    assert part.networks.patch_head is not None
    ends = [run.networks.patch_head.out.weight for run in (whole, part) if run.networks.patch_head]
    assert torch.equal(*ends)
    assert not torch.equal(ends[0], before), "the patch discriminator learns"


@pytest.mark.usefixtures("_float64")
def test_two_processes_of_two_parts_compute_what_one_does(tmp_path: Path) -> None:
    settings = {"kimg": 0.024, "batch_size": 16, "state_interval_s": 100.0, "keep": patched().keep}
    assert_two_equal(make_run(tmp_path / "alone", changed(**settings)), tmp_path, settings | {"accumulate": 2})


def test_distances_inside_groups() -> None:
    random = torch.Generator().manual_seed(0)
    parent, child = (torch.randn(8, 5, 2, 2, generator=random) for _ in range(2))
    assert distance_consistency(parent * 3, parent, 4).abs().max() < 1e-6, "lengths do not count"
    found = distance_consistency(child, parent, 4)
    cosine = torch.nn.functional.cosine_similarity
    for image in range(8):
        others = [other for other in range(image % 2, 8, 2) if other != image]
        logs = []
        for values in (child.flatten(1), parent.flatten(1)):
            cosines = torch.stack([cosine(values[image], values[other], dim=0) for other in others])
            logs.append(cosines.log_softmax(dim=0))
        expected = (logs[0].exp() * (logs[0] - logs[1])).sum()
        torch.testing.assert_close(found[image], expected)
