"""Rows of translations: which images each protocol takes, and the diversity of a source's outputs."""

from pathlib import Path

import numpy as np
import pytest
import torch

from stylealign.config import MetricSettings
from stylealign.datasets.avatars import POSE
from stylealign.datasets.images import ImageZip, write_image_zip
from stylealign.errors import StyleAlignError
from stylealign.measurements.rows import RowKey
from stylealign.measurements.translation import fit_rows
from stylealign.metrics.seeing import Pair, Seeing
from stylealign.metrics.structure import rotation_errors
from stylealign.metrics.translation import Outputs, Structure, Target, diversity

KEY = RowKey("translation", "human", "animal", "latent-guided")
SETTINGS = MetricSettings(bootstrap=20)


class Pixels(torch.nn.Module):
    """Features and distance without a network: the mean colour of an image."""

    def __init__(self) -> None:
        super().__init__()
        self.unused = torch.nn.Parameter(torch.zeros(1))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images.mean(dim=(2, 3))

    def features(self, images: torch.Tensor) -> list[torch.Tensor]:
        return [self(images)]

    def between(self, features_a: list[torch.Tensor], features_b: list[torch.Tensor]) -> torch.Tensor:
        return (features_a[0] - features_b[0]).square().sum(dim=1)


def flat(values: list[int]) -> np.ndarray:
    """Return grey images of these values, `[N, 3, 4, 4]`."""
    return np.broadcast_to(np.array(values, np.uint8)[:, None, None, None], (len(values), 3, 4, 4)).copy()


def test_cut_takes_the_first_output_of_each_source_and_stargan_all_of_them() -> None:
    rng = np.random.default_rng(0)
    images, test, train = (rng.integers(0, 256, (count, 3, 4, 4), dtype=np.uint8) for count in (18, 7, 9))
    network = Pixels()

    def features(pixels: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(pixels).float().div(127.5).sub(1).mean(dim=(2, 3))

    target = Target(features(test), features(train))
    rows = {(r.setting, r.metric): r for r in fit_rows(Outputs(images, 3), target, network, KEY, SETTINGS)}
    assert {key: row.n for key, row in rows.items() if key[1] == "kid"} == {("cut", "kid"): 6, ("stargan-v2", "kid"): 9}
    one = fit_rows(Outputs(images[::3]), Target(features(test), None), network, KEY, SETTINGS)
    assert [row.setting for row in one] == ["cut", "cut"]
    assert rows["cut", "kid"].value == one[1].value
    whole = fit_rows(Outputs(images), Target(features(test), features(train)), network, KEY, SETTINGS)
    assert rows["stargan-v2", "fid"].value == whole[2].value


def test_diversity_is_the_mean_over_pairs_and_its_interval_is_over_sources() -> None:
    images = flat([0, 51, 102, 10, 10, 10])  # 51 levels are 0.4
    found = diversity(Outputs(images, 3), Pixels(), draws=20, seed=0)
    first = 3 * np.mean([0.4**2, 0.8**2, 0.4**2])
    assert found.value == pytest.approx((first + 0) / 2, rel=1e-5)
    assert found.n == 2


def test_structure_compares_every_output_with_its_source_and_counts_a_source_once() -> None:
    def rotation(images: np.ndarray) -> np.ndarray:
        pose = np.zeros((len(images), 4), dtype=np.float32)
        pose[:, 0] = images[:, 0, 0, 0]
        return pose

    seeing = Seeing("numbers", POSE, rotation)
    pair = Pair(seeing, seeing, "rotation_error", lambda one, other: rotation_errors(one[:, 0], other[:, 0]))
    sources, outputs = flat([10, 20]), flat([10, 16, 20, 20])
    found = Structure(sources, {"pose": pair}).estimates(Outputs(outputs, 2), draws=20, seed=0)
    assert list(found) == ["rotation_error"]
    assert (found["rotation_error"].value, found["rotation_error"].n) == (pytest.approx((3 + 0) / 2), 2)
    many = structure_of_many(pair)
    assert (many.value, many.n) == (pytest.approx(1.0), 300)


def structure_of_many(pair):
    """Return the rotation error of 300 sources with three outputs each: more than are read at once."""
    levels = np.arange(300) % 200
    outputs = np.stack([levels, levels + 1, levels + 2], axis=1).ravel()
    structure = Structure(flat(levels.tolist()), {"pose": pair})
    return structure.estimates(Outputs(flat(outputs.tolist()), 3), draws=20, seed=0)["rotation_error"]


def test_of_more_samples_than_outputs_the_first_are_taken(tmp_path: Path) -> None:
    """Samples that know no source are drawn before the number of sources is known; translations have to be whole."""
    write_image_zip(tmp_path / "random.zip", flat(list(range(10))))
    write_image_zip(tmp_path / "guided.zip", flat(list(range(10))), extra={"names": ["a", "b", "c"], "outputs": 2})
    outputs = Outputs.of(ImageZip(tmp_path / "random.zip"), 3, most=2)
    assert outputs.each == 2
    assert outputs.read(slice(0, 9))[:, 0, 0, 0].tolist() == [0, 1, 2, 3, 4, 5]
    with pytest.raises(StyleAlignError, match="10 images for 3 sources"):
        Outputs.of(ImageZip(tmp_path / "guided.zip"), 3, most=2)
