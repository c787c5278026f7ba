"""What `stylealign figures` reads before it draws: a run has many of these jobs, and PyTorch takes a second of each."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("stylealign.cli.figures", ("torch", "matplotlib", "sklearn", "scipy")),
        ("stylealign.cli.model_figures", ("matplotlib", "sklearn")),
    ],
)
def test_figures_read_no_more_than_they_use(module: str, heavy: tuple[str, ...]) -> None:
    code = f"import sys, {module}; sys.exit(', '.join(set({heavy!r}) & sys.modules.keys()) or 0)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
