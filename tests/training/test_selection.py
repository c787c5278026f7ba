"""Which measured weights become the model, and what is kept until it is known."""

import pytest

from stylealign.training.evaluation import Selection

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
