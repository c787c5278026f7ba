"""Directions that go silent in a child and come back, in hand-made generators whose directions are known."""

import numpy as np
import pytest

from stylealign.metrics.effects import Effects
from stylealign.metrics.recovery import FEATURES, Course, Trio, one_or_other, projections, with_features
from tests.metrics.test_effects import SPREADS, Planted, changes


def course_of(between: Planted, after: Planted) -> Course:
    """Return the course of the planted direction, which moves the left half of a parent."""
    trio = Trio(changes(Planted(0, 1)), changes(between), changes(after), ["left", ""], SPREADS)
    found, none = trio.courses()
    assert found is not None
    assert none is None
    return found


def test_a_direction_that_a_child_has_lost_and_its_child_has_again() -> None:
    found = course_of(between=Planted(3, 1), after=Planted(0, 1))
    assert (found.before, found.between, found.after) == pytest.approx((4, 0, 4), abs=0.2)
    assert (found.is_asked, found.is_silent, found.is_back) == (True, True, True)


@pytest.mark.parametrize(
    ("between", "after", "silent"),
    [
        (Planted(3, 1), Planted(4, 1), True),  # another parent: its left half listens to another number
        (Planted(3, 1), Planted(0, 1, sign=-1.0), True),  # the wrong way around is not back
        (Planted(0, 1), Planted(0, 1), False),  # never silent
        (Planted(0, 1, sign=-1.0), Planted(0, 1), False),  # turned around is not silent
    ],
)
def test_what_is_not_back(between: Planted, after: Planted, silent: bool) -> None:
    found = course_of(between, after)
    assert found.is_silent is silent
    assert not found.is_back


def test_a_direction_that_does_little_in_the_parent_is_not_asked() -> None:
    assert not Course(0.4, 0.0, 0.4).is_silent
    assert Course(-0.5, 0.12, -0.25).is_back, "signs count together"
    assert not Course(-0.5, 0.13, -0.25).is_silent
    assert not Course(-0.5, 0.12, -0.24).is_back


def test_without_numbers_the_features_tell() -> None:
    parent = np.zeros((1, 2, 3), np.float32)
    parent[0, 0] = (2, 0, 0)
    child = np.array([[[1, 5, 0], [1, 1, 1]]], np.float32)
    assert projections(parent, parent).tolist() == [[1, 0]], "0 where the parent does not change"
    assert projections(child, parent).tolist() == [[0.5, 0]]
    found = with_features(Effects({}, child), Effects({}, parent))
    assert found.numbers[FEATURES].tolist() == [[0.5, 0]]


def test_numbers_of_two_networks() -> None:
    see = one_or_other(["hat"], lambda _: {"hat": np.ones(2), "scale": np.ones(2)}, lambda _: {"hat": 0, "scale": 0})
    found = see(np.zeros((2, 3, 4, 4), np.uint8))
    assert found["hat"].tolist() == [1, 1]
    assert found["scale"] == 0
