"""Coverage on made-up poses and attributes: what is covered is 1, what shrinks or goes missing is seen."""

import numpy as np
import pytest

from stylealign.config import MetricSettings
from stylealign.datasets.avatars import POSE
from stylealign.measurements import coverage
from stylealign.measurements.rows import Row, RowKey
from stylealign.metrics.coverage import Seen, attribute_skill, chance_distance, total_variation

SETTINGS = MetricSettings(bootstrap=200)
VALUES = {"glasses": 2, "blurred": 4}


def seen(count: int, seed: int, spread: float = 1.0, glasses: float = 0.5) -> Seen:
    rng = np.random.default_rng(seed)
    pose = rng.normal(0, (10, 0.1, 0.05, 0.05 * spread), (count, 4)).astype(np.float32)
    return Seen(
        POSE, pose, {"glasses": (rng.random(count) < glasses).astype(np.int64), "blurred": rng.integers(0, 4, count)}
    )


def rows(generated: Seen, real: Seen, skill: float = 0.2) -> dict[tuple[str, str], Row]:
    skills = {"glasses": 0.9, "blurred": skill}
    keys = [RowKey(table, "", "human", "parent") for table in ("coverage", "coverage_attributes")]
    found = coverage.coverage_rows(generated, real, skills, VALUES, keys, SETTINGS)
    return {(row.metric, row.setting): row for row in found}


def test_the_same_distribution_is_covered() -> None:
    found = rows(seen(2000, 0), seen(4000, 1))
    assert found["covered", ""].value == 1
    assert found["covered", ""].n == 5, "four spreads and the one attribute that can be read"
    assert found["y_shift_spread", ""].value == pytest.approx(1, abs=0.05)
    assert found["attribute_distance", ""].n == 1
    assert found["attribute_distance", "glasses"].value < 0.05


def test_a_narrow_pose_and_a_lost_attribute_are_not() -> None:
    found = rows(seen(2000, 0, spread=0.5, glasses=0.1), seen(4000, 1))
    assert found["y_shift_spread", ""].value == pytest.approx(0.5, abs=0.03)
    assert found["y_shift_spread", ""].ci_high < 0.6
    assert found["attribute_distance", "glasses"].value == pytest.approx(0.4, abs=0.03)
    assert found["covered", ""].value == pytest.approx(3 / 5)


def test_a_spread_beyond_the_domain_is_not_covered_either() -> None:
    assert rows(seen(2000, 0, spread=1.3), seen(4000, 1))["covered", ""].value == pytest.approx(4 / 5)


def test_only_attributes_that_the_network_reads_count() -> None:
    found = rows(seen(2000, 0), seen(4000, 1), skill=coverage.FEWEST_SKILL)
    assert found["attribute_distance", ""].n == 2
    assert found["attribute_skill", "blurred"].value == 0.5
    assert {row.table for key, row in found.items() if key[1]} == {"coverage_attributes"}


def test_skill_lies_between_guessing_and_no_error() -> None:
    truth = np.array([0, 0, 0, 1])
    assert attribute_skill(truth, truth) == 1
    assert attribute_skill(np.zeros(4, dtype=np.int64), truth) == 0
    assert attribute_skill(np.array([0, 0, 1, 1]), truth) == 0
    assert attribute_skill(np.zeros(4, dtype=np.int64), np.zeros(4, dtype=np.int64)) == 0, "nothing to tell apart"


def test_total_variation_and_its_value_by_chance() -> None:
    assert total_variation(np.array([0.5, 0.5, 0]), np.array([0, 0.5, 0.5])) == 0.5
    # two values, n images each: the mean of |a - b| of two binomial shares is sqrt(2 / pi) * sqrt(2 * p * q / n)
    expected = np.sqrt(2 / np.pi) * np.sqrt(2 * 0.25 / 400)
    assert chance_distance(np.array([0.5, 0.5]), 400, 400, 4000, seed=0) == pytest.approx(expected, rel=0.05)
