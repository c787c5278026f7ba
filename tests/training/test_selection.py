"""Which measured weights become the model, and what is kept until it is known."""

import pytest

from stylealign.training.selection import Selection

FALLING = [(1, 20.0), (2, 12.0), (4, 10.4), (8, 10.0), (16, 10.9)]


def chosen(rule: str, measured: list[tuple[float, float]], tolerance: float = 0.1) -> tuple[float | None, list[float]]:
    """Return what the rule chooses, and at which measurements the weights were kept."""
    selection = Selection(rule, tolerance)
    kept = [kimg for kimg, value in measured if selection.takes({"fid[x]": value, "kid[x]": -value}, kimg)]
    return selection.kimg, kept


@pytest.mark.parametrize(
    ("rule", "kimg"), [("last", None), ("best-fid", 8), ("fewest-fid", 4), ("best-kid", 1), ("fewest-kid", 1)]
)
def test_rules(rule: str, kimg: float | None) -> None:
    assert chosen(rule, FALLING)[0] == kimg


def test_the_tolerance_is_a_share_of_the_lowest_value() -> None:
    assert chosen("fewest-fid", FALLING, 0.2)[0] == 2
    assert chosen("fewest-fid", FALLING, 0.03)[0] == 8
    assert chosen("best-fid", FALLING, 0.2)[0] == 8, "the best is the best"


def test_a_better_value_drops_earlier_candidates() -> None:
    kimg, kept = chosen("fewest-fid", [(1, 10.0), (2, 10.5), (4, 20.0), (8, 9.4), (16, 5.0)])
    assert kimg == 16
    assert kept == [1, 2, 8, 16], "what is far from the lowest so far is not kept"


def test_of_equal_values_the_first_is_the_best() -> None:
    assert chosen("best-fid", [(1, 3.0), (2, 3.0)]) == (1, [1])


def test_a_resumed_selection_goes_on() -> None:
    selection = Selection("fewest-fid", 0.1)
    for kimg, value in FALLING[:3]:
        selection.takes({"fid": value}, kimg)
    resumed = Selection("fewest-fid", 0.1)
    resumed.load(selection.state())
    for kimg, value in FALLING[3:]:
        resumed.takes({"fid": value}, kimg)
    assert resumed.kimg == 4


BOTH = [(1, 20.0, 0.9), (2, 12.0, 0.7), (4, 10.4, 0.55), (8, 10.0, 0.5), (16, 9.9, 0.3)]


def chosen_of_both(rule: str, floor: float = 0.0, tolerance: float = 0.1) -> float | None:
    selection = Selection(rule, tolerance, floor)
    for kimg, value, alignment in BOTH:
        selection.takes({"fid[x]": value, "kid[x]": -value, "alignment": alignment}, kimg)
        resumed = Selection(rule, tolerance, floor)
        resumed.load(selection.state())
        selection = resumed
    return selection.kimg


@pytest.mark.parametrize(("floor", "kimg"), [(0.0, 16), (0.4, 8), (0.5, 8), (0.6, 2), (0.95, 1)])
def test_the_lowest_fid_above_a_floor_of_alignment(floor: float, kimg: float) -> None:
    assert chosen_of_both("aligned-fid", floor) == kimg


@pytest.mark.parametrize(("tolerance", "kimg"), [(0.0, 16), (0.02, 8), (0.1, 4), (0.3, 2), (2.0, 1)])
def test_the_highest_alignment_below_a_limit_of_fid(tolerance: float, kimg: float) -> None:
    assert chosen_of_both("most-aligned", tolerance=tolerance) == kimg


def test_a_state_from_before_goes_on() -> None:
    selection = Selection("fewest-fid", 0.1)
    selection.load({"candidates": [(2, 10.0)]})
    assert selection.takes({"fid": 10.5}, 4)
    assert selection.kimg == 2
