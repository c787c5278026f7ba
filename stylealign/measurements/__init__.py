"""What the tables hold: one module a kind of measurement, listed in `registry.KINDS`. Imports no torch."""
