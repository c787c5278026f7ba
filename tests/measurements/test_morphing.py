"""Rows of morphs."""

from pathlib import Path

import numpy as np
import pytest

from stylealign.config import MetricSettings
from stylealign.datasets.images import ImageZip, write_image_zip
from stylealign.errors import StyleAlignError
from stylealign.measurements.morphing import middle_rows
from stylealign.measurements.rows import RowKey
from stylealign.metrics.features import feature_extractor


def test_too_few_middle_frames_are_told_with_the_remedy(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (3, 3, 32, 32), dtype=np.uint8)
    write_image_zip(tmp_path / "middle.zip", images, labels=[0, 0, 0], extra={"methods": ["codes-only"]})
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
    write_image_zip(tmp_path / "middle.zip", dark[:4], labels=[0] * 4, extra={"methods": ["codes-only"]})
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
