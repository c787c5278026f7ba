"""Student's t: how much wider an interval from few values must be. Imports nothing."""

# 97.5 % points of Student's t for 1, 2, ... degrees of freedom: the factor of a two-sided 95 % interval.
_STUDENT = (
    *(12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228),
    *(2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086),
)


def student_factor(degrees: int) -> float:
    """Return the 97.5 % point of Student's t distribution, to 0.2 %."""
    return _STUDENT[degrees - 1] if degrees <= len(_STUDENT) else 1.96 + 2.5 / degrees
