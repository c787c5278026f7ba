"""Every benchmark runs, at a tiny size, and prints finite numbers."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.all import COMMANDS, ROOT, run, write_inputs

FORMS_DIFFER_BY = 1e-4
"""Of the fast and the plain form of a synthesis in float32, relative to its largest value."""


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inputs")
    write_inputs(folder)
    return folder


def numbers(value: Any, name: str = "") -> Iterator[tuple[str, float]]:
    """Yield every number of a JSON value with its key."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from numbers(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from numbers(inner, name)
    elif isinstance(value, (int, float)):
        yield name, value


@pytest.mark.parametrize("name", COMMANDS)
def test_benchmark_runs(name: str, inputs: Path) -> None:
    found = dict(numbers(result := run(name, inputs)))
    assert found, result
    for key, value in found.items():
        assert math.isfinite(value), (key, value)
        if key.endswith(("_per_s", "_per_kimg", "wall_s", "ratio_to_plain")):
            assert value > 0, key
    if name in ("training", "synthesis"):
        assert {"fast_images_per_s", "plain_images_per_s", "ratio_to_plain"} <= found.keys()
    assert found.get("relative_difference", 0.0) < FORMS_DIFFER_BY


def test_no_benchmark_is_left_out() -> None:
    programs = {path.stem for path in (ROOT / "benchmarks").glob("*.py") if "def main()" in path.read_text()}
    assert programs - {"all"} == COMMANDS.keys()
