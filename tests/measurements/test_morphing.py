"""Rows of morphs."""

from pathlib import Path

import numpy as np
import pytest
import torch

from stylealign.config import MetricSettings
from stylealign.datasets.images import ImageZip, image_name, write_image_zip
from stylealign.errors import StyleAlignError
from stylealign.measurements.morphing import middle_rows
from stylealign.measurements.rows import RowKey
from stylealign.metrics.features import feature_extractor, features_of
from stylealign.metrics.fid_kid import kid
from stylealign.metrics.kernel_distance import Tied


def test_too_few_middle_frames_are_told_with_the_remedy(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (3, 3, 32, 32), dtype=np.uint8)
    write_image_zip(
        tmp_path / "middle.zip", images, labels=[0, 0, 0], extra={"methods": ["codes-only"], "sources": ["a"] * 3}
    )
    write_image_zip(tmp_path / "test.zip", images)
    domains = [ImageZip(tmp_path / "test.zip")] * 2
    with pytest.raises(
        StyleAlignError, match=r"middle.zip: 3 middle frames of codes-only, KID needs 4; raise morphing.middle_images"
    ):
        middle_rows(
            ImageZip(tmp_path / "middle.zip"),
            domains,
            feature_extractor("efficientnet-lite0"),
            RowKey("morphing", "a", "b", ""),
            MetricSettings(),
        )


def test_the_middle_has_a_kid_to_each_domain(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    dark, bright = (rng.integers(low, low + 60, (8, 3, 32, 32), dtype=np.uint8) for low in (0, 190))
    write_image_zip(
        tmp_path / "middle.zip", dark[:4], labels=[0] * 4, extra={"methods": ["codes-only"], "sources": ["a"] * 4}
    )
    domains = []
    for name, images in (("dark", dark[4:]), ("bright", bright)):
        write_image_zip(tmp_path / f"{name}.zip", images)
        domains.append(ImageZip(tmp_path / f"{name}.zip"))
    rows = middle_rows(
        ImageZip(tmp_path / "middle.zip"),
        domains,
        feature_extractor("efficientnet-lite0"),
        RowKey("morphing", "a", "b", ""),
        MetricSettings(),
    )
    found = {row.setting: row for row in rows}
    assert list(found) == ["middle-to-source", "middle-to-target"]
    assert found["middle-to-source"].value < found["middle-to-target"].value
    assert {row.n for row in rows} == {4}


def test_a_frame_and_the_images_that_its_morph_starts_and_ends_at_are_no_pairs(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    middle, source, target = (rng.integers(0, 256, (count, 3, 32, 32), dtype=np.uint8) for count in (10, 8, 9))
    own = {"sources": [3, 0, 1, 7, 99], "targets": [8, 2, 5, 6, 0]}
    names = {key: [image_name(number) for number in numbers] for key, numbers in own.items()}
    methods = ["codes-only", "cross-fade"]
    write_image_zip(tmp_path / "middle.zip", middle, labels=[0] * 5 + [1] * 5, extra={"methods": methods, **names})
    network, settings, domains = feature_extractor("efficientnet-lite0"), MetricSettings(), []
    for name, images in (("source", source), ("target", target)):
        write_image_zip(tmp_path / f"{name}.zip", images)
        domains.append(ImageZip(tmp_path / f"{name}.zip"))
    key = RowKey("morphing", "a", "b", "cross-fade")
    rows = middle_rows(ImageZip(tmp_path / "middle.zip"), domains, network, key, settings)
    frames = features_of(middle, network)[5:]
    for row, domain, numbers in zip(rows, (source, target), ([3, 0, 1, 7, -1], own["targets"]), strict=True):
        real = features_of(domain, network)
        assert row.value == pytest.approx(kid(frames, real, tied=Tied(own=torch.tensor(numbers))).value)
        assert row.value != pytest.approx(kid(frames, real).value)
    del names["targets"]
    write_image_zip(tmp_path / "middle.zip", middle, labels=[0] * 5 + [1] * 5, extra={"methods": methods, **names})
    to_source, to_target = middle_rows(ImageZip(tmp_path / "middle.zip"), domains, network, key, settings)
    assert to_source.value == pytest.approx(rows[0].value)
    assert to_target.value == pytest.approx(kid(frames, real).value), "each ends at its translation"


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ({}, "not the middle frames of a morph; make it again"),
        ({"sources": ["a"]}, "4 frames of a method, made from 1 images; make it again"),
        ({"sources": [1]}, "sources in dataset.json is no list of names"),
    ],
)
def test_a_middle_that_does_not_say_what_it_was_made_from_is_refused(tmp_path: Path, extra, message: str) -> None:
    images = np.random.default_rng(0).integers(0, 256, (4, 3, 32, 32), dtype=np.uint8)
    write_image_zip(tmp_path / "middle.zip", images, labels=[0] * 4, extra={"methods": ["codes-only"], **extra})
    middle, network = ImageZip(tmp_path / "middle.zip"), feature_extractor("efficientnet-lite0")
    with pytest.raises(StyleAlignError, match=f"middle.zip: {message}"):
        middle_rows(middle, [middle] * 2, network, RowKey("morphing", "a", "b", ""), MetricSettings())
