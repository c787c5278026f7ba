"""Training batches: every image once an epoch, the same from any starting point, mirrored half of the time."""

from pathlib import Path

import numpy as np
import pytest
import torch

from stylealign.datasets import large_arrays
from stylealign.datasets.images import ImageZip, write_image_zip
from stylealign.datasets.loading import TrainingImages
from stylealign.errors import StyleAlignError
from tests.datasets.test_large_arrays import is_in_file


@pytest.fixture
def path(tmp_path: Path) -> Path:
    images = np.zeros((10, 3, 2, 2), dtype=np.uint8)
    images[:, 0] = np.arange(10)[:, None, None]
    images[:, 1, :, 0] = 255  # the left column: tells a mirrored image
    write_image_zip(tmp_path / "train.zip", images)
    return tmp_path / "train.zip"


def numbers(batch: torch.Tensor) -> list[int]:
    return batch[:, 0, 0, 0].tolist()


def test_every_epoch_shows_each_image_once_in_another_order(path: Path) -> None:
    images = TrainingImages(path)
    batches = [images.batch(step, 4, seed=0, mirror=False) for step in range(5)]  # 20 positions: two epochs
    shown = [number for batch in batches for number in numbers(batch)]
    assert sorted(shown[:10]) == sorted(shown[10:]) == list(range(10))
    assert shown[:10] != shown[10:]
    assert batches[0].shape == (4, 3, 2, 2)
    assert batches[0].dtype == torch.uint8


def test_a_batch_depends_on_seed_and_position_alone(path: Path) -> None:
    images = TrainingImages(path)
    uninterrupted = [images.batch(step, 4, seed=3, mirror=True) for step in range(12)]
    resumed = TrainingImages(path).batch(11, 4, seed=3, mirror=True)
    torch.testing.assert_close(resumed, uninterrupted[11], rtol=0, atol=0)
    assert any(numbers(images.batch(step, 4, 4, False)) != numbers(uninterrupted[step]) for step in range(3))


def test_mirroring_flips_half_of_the_images_and_changes_no_order(path: Path) -> None:
    images = TrainingImages(path)
    flipped = 0
    for step in range(50):
        batch = images.batch(step, 4, seed=0, mirror=True)
        assert numbers(batch) == numbers(images.batch(step, 4, seed=0, mirror=False))
        flipped += int((batch[:, 1, 0, 1] == 255).sum())
    assert 70 <= flipped <= 130
    unmirrored = images.batch(0, 4, seed=0, mirror=False)
    assert (unmirrored[:, 1, :, 0] == 255).all()


def test_too_few_images_are_refused(path: Path) -> None:
    with pytest.raises(StyleAlignError, match="10 images"):
        TrainingImages(path, minimum=11)


def test_many_images_lie_in_a_file_and_are_drawn_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = np.random.default_rng(0).integers(0, 256, (6, 3, 4, 4), dtype=np.uint8)
    write_image_zip(tmp_path / "x.zip", images)
    held = TrainingImages(tmp_path / "x.zip")
    assert large_arrays.LARGE_BYTES == 1 << 30
    monkeypatch.setattr(large_arrays, "LARGE_BYTES", images.nbytes)
    assert is_in_file(ImageZip(tmp_path / "x.zip").read())
    assert not is_in_file(ImageZip(tmp_path / "x.zip").read(slice(5)))
    large = TrainingImages(tmp_path / "x.zip")
    for step in range(3):
        assert torch.equal(large.batch(step, 4, 7, mirror=True), held.batch(step, 4, 7, mirror=True))
