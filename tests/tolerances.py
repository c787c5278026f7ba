"""The tolerances of the tests, in one place; a looser one carries its reason where it is used."""

REFERENCE_RELATIVE = 1e-5
"""Networks against the reference numbers, float32, relative to the largest value of each array."""

FLOAT32 = {"rtol": 1e-4, "atol": 1e-5}
"""Two float32 computations of the same thing."""

FLOAT64 = {"rtol": 1e-10, "atol": 1e-10}
"""Two float64 computations of the same thing."""
