"""Rows of one direction."""

import numpy as np
import pytest

from stylealign.config import MetricSettings
from stylealign.measurements.alignment_semantic import Both, direction_rows
from stylealign.measurements.rows import Row, RowKey
from stylealign.metrics.effects import Effects

LATENTS = 40


def rows_of(in_parent: float) -> dict[str, Row]:
    """Return the rows of a direction that turns the parent by so much, give or take 1, and the child by half of it."""
    noise = np.random.default_rng(0).normal(size=(1, LATENTS))
    features = np.ones((1, LATENTS, 2), np.float32)
    parent, child = (
        Effects({"rotation": found}, features) for found in (in_parent + noise, in_parent / 2 + noise[:, ::-1])
    )
    both = Both(parent, child, ("rotation",), {"rotation": 1.0})
    key = RowKey("alignment_semantic", "human", "toon", "child", "")
    return {row.metric: row for row in direction_rows(both, 0, "boundary rotation", key, MetricSettings(bootstrap=200))}


def test_the_share_of_an_effect() -> None:
    found = rows_of(3.0)["effect_ratio"]
    assert found.value == pytest.approx(0.5, abs=0.1)
    assert found.ci_low is not None and found.ci_high is not None
    assert found.ci_low < 0.5 < found.ci_high


def test_of_no_effect_there_is_no_share() -> None:
    found = rows_of(0.05)
    assert "effect_ratio" not in found
    low, high = found["effect_parent"].ci_low, found["effect_parent"].ci_high
    assert low is not None and high is not None
    assert low < 0 < high
