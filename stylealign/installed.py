"""The releases of installed packages."""

from importlib.metadata import PackageNotFoundError, version

NOT_INSTALLED = "not installed"


def release(package: str) -> str:
    """Return a package's version; `not installed` for one that is not, as this one is where it runs from a checkout."""
    try:
        return version(package)
    except PackageNotFoundError:
        return NOT_INSTALLED
