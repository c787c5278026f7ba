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
from stylealign.measurements.translation import Found, _space_of, compared_with, difference_rows, fit_rows
from stylealign.metrics.fid_kid import Reference, kid, kid_difference
from stylealign.metrics.kernel_distance import UNTIED, Tied
from stylealign.metrics.seeing import Ruler, Seeing
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


@pytest.mark.filterwarnings("ignore::stylealign.metrics.fid_kid.FewImagesWarning")
def test_to_test_images_goes_the_first_output_of_each_source_and_to_training_images_all() -> None:
    rng = np.random.default_rng(0)
    images, test, train = (torch.from_numpy(rng.normal(size=(count, 3))) for count in (18, 7, 9))
    target = Target(Reference(test), Reference(train))
    rows = {(r.setting, r.metric): r for r in fit_rows(images, 3, target, KEY, SETTINGS, UNTIED)}
    assert {key: row.n for key, row in rows.items() if key[1] == "kid"} == {
        ("to test images", "kid"): 6,
        ("to training images", "kid"): 9,
    }
    one = fit_rows(images[::3], 1, Target(Reference(test), None), KEY, SETTINGS, UNTIED)
    assert [row.setting for row in one] == ["to test images", "to test images"]
    assert rows["to test images", "kid"].value == one[1].value
    whole = fit_rows(images, 1, target, KEY, SETTINGS, UNTIED)
    assert rows["to training images", "fid"].value == whole[2].value
    assert rows["to training images", "kid"].value == kid(images, train, SETTINGS.seed, each=3).value
    assert rows["to training images", "kid"].value != whole[3].value, "outputs of one source are no pairs"


@pytest.mark.filterwarnings("ignore::stylealign.metrics.fid_kid.FewImagesWarning")
def test_outputs_of_one_reference_and_their_reference_are_no_pairs(tmp_path: Path) -> None:
    """Six sources with two outputs each; the references are test images, and one image that the set does not hold."""
    named = [f"{number}.png" for number in (0, 3, 3, 1, 9, 0, 1, 0, 9, 3, 4, 4)]
    extra = {"names": list("abcdef"), "outputs": 2, "references": named}
    write_image_zip(tmp_path / "guided.zip", flat(list(range(12))), extra=extra)
    outputs = Outputs.of(ImageZip(tmp_path / "guided.zip"), 6)
    tied = outputs.ties([f"{number}.png" for number in range(7)])
    assert tied.shared is not None
    assert tied.shared.tolist() == [0, 3, 3, 1, 7, 0, 1, 0, 7, 3, 4, 4]
    assert torch.equal(tied.own, tied.shared)
    rng = np.random.default_rng(0)
    images, test, train = (torch.from_numpy(rng.normal(size=(count, 3))) for count in (12, 7, 9))
    target = Target(Reference(test), Reference(train))
    rows = {row.setting: row.value for row in fit_rows(images, 2, target, KEY, SETTINGS, tied) if row.metric == "kid"}
    first = Tied(tied.shared[::2], tied.own[::2])
    assert rows == {
        "to test images": kid(images[::2], test, SETTINGS.seed, tied=first).value,
        "to training images": kid(images, train, SETTINGS.seed, 2, Tied(shared=tied.shared)).value,
    }
    one, other = (Found(part, own, {}) for part, own in ((images[::2], first), (images[1::2], UNTIED)))
    (apart,) = difference_rows(one, other, target, KEY, "minus untouched", SETTINGS)
    assert apart.value == kid_difference(one.first, other.first, test, SETTINGS.seed, first).value
    assert apart.value != pytest.approx(kid_difference(one.first, other.first, test, SETTINGS.seed).value)
    assert Outputs(flat([1, 2])).ties(["0.png"]) is UNTIED
    write_image_zip(tmp_path / "guided.zip", flat([1, 2]), extra={"names": ["a", "b"], "references": ["0.png"]})
    of_before = {"names": ["a", "b"], "provenance": {"settings": {"guide": "reference"}}}
    write_image_zip(tmp_path / "before.zip", flat([1, 2]), extra=of_before)
    with pytest.raises(StyleAlignError, match=r"before.zip: does not say which reference guided each image; make it"):
        Outputs.of(ImageZip(tmp_path / "before.zip"), 2)
    with pytest.raises(StyleAlignError, match=r"guided.zip: 1 references of 2 images; make it again"):
        Outputs.of(ImageZip(tmp_path / "guided.zip"), 2)


def test_methods_are_compared_with_the_sources_and_with_the_control_of_their_space() -> None:
    labels = ["untouched", "z/psi 1", "w+", "layer-swap", "random", "unaligned/z, psi 1", "unaligned/w+"]
    assert {label: compared_with(label, labels) for label in labels} == {
        "untouched": [],
        "z/psi 1": ["untouched", "unaligned/z, psi 1"],
        "w+": ["untouched", "unaligned/w+"],
        "layer-swap": ["untouched", "unaligned/w+"],
        "random": ["untouched"],
        "unaligned/z, psi 1": ["untouched"],
        "unaligned/w+": ["untouched"],
    }
    assert compared_with("z", ["z", "w+"]) == [], "nothing to compare with"


def test_a_guide_is_compared_with_the_control_of_the_codes_that_it_starts_from(tmp_path: Path) -> None:
    """Codes of S fall apart in a control: what starts from W+ is not better than these by any merit."""
    labels = ["z/psi 1", "w+", "s", "latent-guided", "unaligned/z, psi 1", "unaligned/w+, other", "unaligned/s"]
    pixels, said = np.zeros((2, 3, 8, 8), np.uint8), {"provenance": {"settings": {"space": "w+"}}}
    write_image_zip(tmp_path / "guided.zip", pixels, extra=said)
    write_image_zip(tmp_path / "others.zip", pixels, extra={"provenance": "of another program"})
    spaces = [_space_of(ImageZip(tmp_path / f"{name}.zip")) for name in ("guided", "others")]
    assert spaces == ["w+", ""]
    assert [compared_with("latent-guided", labels, space) for space in spaces] == [
        ["unaligned/w+, other"],
        ["unaligned/s"],
    ]
    assert compared_with("z/psi 1", labels, "z") == ["unaligned/z, psi 1"]
    assert compared_with("latent-guided", ["latent-guided", "unaligned/s"], "w+") == [], "no control of its codes"


def test_differences_are_paired() -> None:
    """Two methods far apart from each other in level and alike source by source."""
    rng = np.random.default_rng(1)
    features, odd = torch.from_numpy(rng.normal(size=(2, 60, 3))), rng.normal(0, 10, 60)
    one, other = (
        Found(features[i], UNTIED, {"rotation_error": odd + shift + 0.1 * rng.normal(size=60)})
        for i, shift in ((0, 1), (1, 0))
    )
    target = Target(Reference(torch.from_numpy(rng.normal(size=(50, 3)))), None)
    rows = {row.metric: row for row in difference_rows(one, other, target, KEY, "minus untouched", SETTINGS)}
    assert list(rows) == ["kid_difference", "rotation_error_difference"]
    rotation, kid = rows["rotation_error_difference"], rows["kid_difference"]
    assert rotation.value == pytest.approx(1, abs=0.1)
    assert rotation.ci_high - rotation.ci_low < 0.2, "the sources' own spread of 10 falls out"
    assert (rotation.setting, kid.setting) == ("minus untouched", "to test images, minus untouched")
    assert (rotation.higher_is_better, kid.features) == (False, "efficientnet-lite0")


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
    ruler = Ruler(seeing, "rotation_error", lambda one, other: rotation_errors(one[:, 0], other[:, 0]))
    sources, outputs = flat([10, 20]), flat([10, 16, 20, 20])
    found = Structure(sources, {"pose": ruler}).values(Outputs(outputs, 2))
    assert list(found) == ["rotation_error"]
    assert found["rotation_error"].tolist() == [(0 + 6) / 2, 0]
    many = structure_of_many(ruler)
    assert (many.mean(), many.shape) == (pytest.approx(1.0), (300,))


def structure_of_many(ruler):
    """Return the rotation error of 300 sources with three outputs each: more than are read at once."""
    levels = np.arange(300) % 200
    outputs = np.stack([levels, levels + 1, levels + 2], axis=1).ravel()
    structure = Structure(flat(levels.tolist()), {"pose": ruler})
    return structure.values(Outputs(flat(outputs.tolist()), 3))["rotation_error"]


def test_of_more_samples_than_outputs_the_first_are_taken(tmp_path: Path) -> None:
    """Samples that know no source are drawn before the number of sources is known; translations have to be whole."""
    write_image_zip(tmp_path / "random.zip", flat(list(range(10))))
    write_image_zip(tmp_path / "guided.zip", flat(list(range(10))), extra={"names": ["a", "b", "c"], "outputs": 2})
    outputs = Outputs.of(ImageZip(tmp_path / "random.zip"), 3, most=2)
    assert outputs.each == 2
    assert outputs.read(slice(0, 9))[:, 0, 0, 0].tolist() == [0, 1, 2, 3, 4, 5]
    with pytest.raises(StyleAlignError, match="10 images for 3 sources"):
        Outputs.of(ImageZip(tmp_path / "guided.zip"), 3, most=2)
