"""Names of the drawn domains: those with a module of their own, and the styles of `stylealign/datasets/styles.yaml`."""

import re
from functools import cache
from importlib.resources import files
from typing import Annotated

from pydantic import AfterValidator

OWN_DOMAINS = {"human": 16, "mosaic": 16, "animal": 16, "ink": 64}
"""Domains that a module of their own draws -> resolution below which their parts cannot be seen.

Below 64 px a line of ink is thinner than a pixel and a half, and hatching turns to waves.
"""
SMALLEST_PX = 16
"""Of a style whose entry has no `smallest_px`."""

_NAME = re.compile(r"^([a-z0-9-]+):", re.MULTILINE)


@cache
def drawn_domains() -> tuple[str, ...]:
    """Return what `draw:` takes. Only the names are read: the table is parsed where a style is drawn."""
    return (*OWN_DOMAINS, *_NAME.findall(_table()))


@cache
def without_figures() -> frozenset[str]:
    """Return the drawn domains that show no figure: their classes are others, and they have no key points."""
    return frozenset(name for name, entry in _entries().items() if "\n  classes:" in entry)


def smallest_px(name: str) -> int:
    """Return the resolution below which the parts of a drawn domain cannot be seen."""
    if name in OWN_DOMAINS:
        return OWN_DOMAINS[name]
    found = re.search(r"^  smallest_px: (\d+)", _entries()[name], re.MULTILINE)
    return int(found[1]) if found else SMALLEST_PX


def require_room(name: str, resolution_px: int) -> None:
    """Check that a drawn domain's parts can be seen.

    Raises:
        ValueError: its parts cannot be seen at the resolution; the message names the lowest one.
    """
    if resolution_px < smallest_px(name):
        raise ValueError(
            f"resolution_px: {resolution_px} is too small for the parts of {name}; use {smallest_px(name)} or more"
        )


def _table() -> str:
    return (files("stylealign.datasets") / "styles.yaml").read_text(encoding="utf-8")


@cache
def _entries() -> dict[str, str]:
    entries = re.split(r"(?m)^(?=[a-z0-9-]+:)", _table())
    return {entry.partition(":")[0]: entry for entry in entries}


def known_domain(name: str) -> str:
    """Return `name`.

    Raises:
        ValueError: no such domain; the message lists those that there are.
    """
    if name not in drawn_domains():
        raise ValueError(f"no drawn domain {name!r}; there are {', '.join(drawn_domains())}")
    return name


DrawnDomain = Annotated[str, AfterValidator(known_domain)]
