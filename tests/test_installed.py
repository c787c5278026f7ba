"""The releases of installed packages."""

import torch

from stylealign.installed import NOT_INSTALLED, release


def test_a_package_that_is_not_installed_is_no_error() -> None:
    assert release("torch") == torch.__version__.partition("+")[0] or release("torch") == torch.__version__
    assert release("no-such-package-of-anyone") == NOT_INSTALLED
