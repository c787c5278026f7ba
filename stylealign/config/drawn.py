"""Names of the drawn domains: those with a module of their own, and the styles of `stylealign/datasets/styles.yaml`."""

import re
from functools import cache
from importlib.resources import files
from typing import Annotated

from pydantic import AfterValidator

OWN_DOMAINS = ("human", "mosaic", "animal", "ink")
"""Domains that a module of their own draws."""

_NAME = re.compile(r"^([a-z0-9-]+):", re.MULTILINE)


@cache
def drawn_domains() -> tuple[str, ...]:
    """Return what `draw:` takes. Only the names are read: the table is parsed where a style is drawn."""
    text = (files("stylealign.datasets") / "styles.yaml").read_text(encoding="utf-8")
    return (*OWN_DOMAINS, *_NAME.findall(text))


@cache
def without_figures() -> frozenset[str]:
    """Return the drawn domains that show no figure: their classes are others, and they have no key points."""
    text = (files("stylealign.datasets") / "styles.yaml").read_text(encoding="utf-8")
    entries = re.split(r"(?m)^(?=[a-z0-9-]+:)", text)
    return frozenset(entry.partition(":")[0] for entry in entries if "\n  classes:" in entry)


def known_domain(name: str) -> str:
    """Return `name`.

    Raises:
        ValueError: no such domain; the message lists those that there are.
    """
    if name not in drawn_domains():
        raise ValueError(f"no drawn domain {name!r}; there are {', '.join(drawn_domains())}")
    return name


DrawnDomain = Annotated[str, AfterValidator(known_domain)]
