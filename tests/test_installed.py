"""The releases of installed packages."""

from importlib.metadata import distributions

import pytest
import torch
from packaging.specifiers import SpecifierSet

from stylealign.installed import NOT_INSTALLED, release


def test_a_package_that_is_not_installed_is_no_error() -> None:
    assert release("torch") == torch.__version__.partition("+")[0] or release("torch") == torch.__version__
    assert release("no-such-package-of-anyone") == NOT_INSTALLED


@pytest.mark.parametrize("python", ["3.11.0", "3.12.0", "3.13.0"])
def test_what_is_installed_runs_on_the_first_release_of_every_python(python: str) -> None:
    """Systems keep an early one (Debian 12: 3.11.2), where pip cannot keep to the pinned releases otherwise."""
    told = {found.name: found.metadata["Requires-Python"] for found in distributions()}
    assert [name for name, needs in told.items() if needs and not SpecifierSet(needs).contains(python)] == []
