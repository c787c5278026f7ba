"""The parts of `benchmarks.gpu`: forms, checks, timings, and what is kept of a run."""
