"""What is said of a number of a table. Imports nothing heavy."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    """A number of a table.

    Attributes:
        name: its name in the column `metric`.
        higher_is_better: the direction; None where neither way is better.
        meaning: what it is, in one short sentence.
        unit: what it is counted in; empty for a number without a unit.
        is_by_setting: whether the setting (a class, a key point) belongs to the head of its column, so that one network
            is one row of the table.
        is_speed: whether it differs from run to run: then it stands in `speed.csv` alone, and the tables are the same
            bit for bit.
    """

    name: str
    higher_is_better: bool | None
    meaning: str
    unit: str = ""
    is_by_setting: bool = False
    is_speed: bool = False

    @property
    def described(self) -> str:
        """Return the meaning and the unit."""
        return f"{self.meaning}, in {self.unit}" if self.unit else self.meaning
