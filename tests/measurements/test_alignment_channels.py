"""Shared style channels: all of them for a model and itself, a child's permuted ones are at chance."""

from pathlib import Path

import numpy as np
import pytest

from stylealign.config import MetricSettings
from stylealign.measurements import alignment_channels
from stylealign.measurements.rows import Row
from stylealign.metrics.seeing import Seeing
from tests.measurements.conftest import SMALL, inputs_of
from tests.measurements.test_kinds import Silent

SETTINGS = MetricSettings(channel_images=3, channel_cells=8, bootstrap=40)


def halves(images: np.ndarray) -> np.ndarray:
    """Return the upper half as region 0, the lower as region 1."""
    half = np.arange(images.shape[-1]) >= images.shape[-1] // 2
    return np.broadcast_to(half[None, :, None], (len(images), *images.shape[2:])).astype(np.uint8)


def rows_of(folder: Path, monkeypatch: pytest.MonkeyPatch, child: str) -> dict[tuple[str, str], Row]:
    inputs = inputs_of("alignment_channels", folder)[0]
    own = type(inputs)({**inputs.files, "child": folder / child}, child="x")
    monkeypatch.setattr(type(own), "seeing", lambda *_: Seeing("maps", ("upper", "lower"), halves))
    return {(row.metric, row.setting): row for row in alignment_channels.measure(own, SETTINGS, Silent)[0]}


def test_a_model_and_itself_share_all_channels(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = rows_of(folder, monkeypatch, "parent.safetensors")
    channels = sum(count for name, count in SMALL.style_channels.items() if "torgb" not in name)
    assert 0 < found["localized", ""].value <= channels
    assert found["localized", ""].value == found["localized", "upper"].value + found["localized", "lower"].value
    assert found["shared", ""].value == 1
    assert found["shared_permuted", ""].value < 0.9


def test_another_model_shares_no_more_than_chance(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = rows_of(folder, monkeypatch, "child.safetensors")
    chance = found["shared_permuted", ""]
    assert chance.ci_low <= chance.value <= chance.ci_high
    assert abs(found["shared", ""].value - chance.value) < 0.35


def test_a_region_that_the_child_lacks_does_not_count(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The parent is seen first; in the child's images all is upper."""
    whole, seen = rows_of(folder, monkeypatch, "parent.safetensors"), 0

    def upper_alone_in_the_child(images: np.ndarray) -> np.ndarray:
        nonlocal seen
        seen += len(images)
        return halves(images) if seen <= SETTINGS.channel_images else np.zeros_like(halves(images))

    inputs = inputs_of("alignment_channels", folder)[0]
    own = type(inputs)({**inputs.files, "child": folder / "parent.safetensors"}, child="x")
    monkeypatch.setattr(type(own), "seeing", lambda *_: Seeing("maps", ("upper", "lower"), upper_alone_in_the_child))
    rows, facts = alignment_channels.measure(own, SETTINGS, Silent)
    found = {(row.metric, row.setting): row for row in rows}
    assert {setting for _, setting in found} == {"", "upper"}
    assert found["localized", ""].value == whole["localized", "upper"].value
    assert found["shared", ""].n == whole["localized", "upper"].value
    assert set(facts["shared_channels"]) <= {"upper"}
