"""What verbs say of their progress."""

import pytest

from stylealign.work.durations import duration


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min 0 s"),
        (250, "4 min 10 s"),
        (3599.6, "1 h 0 min"),
        (22770, "6 h 19 min"),
    ],
)
def test_a_duration_is_told_in_the_units_of_people(seconds: float, text: str) -> None:
    assert duration(seconds) == text
