"""Words of command lines and patterns, as the rules write them."""

import json
import re
from collections.abc import Iterable
from shlex import quote
from typing import Any

from stylealign.config import Settings


def one_of(names: Iterable[str]) -> str:
    """Return a regular expression for exactly these names (for none, one that nothing matches)."""
    return "|".join(map(re.escape, names)) or "(?!)"


def flags(**values: Any) -> str:
    """Return command-line flags for the `values` that are there, quoted for the shell; of True the flag alone."""
    found = {f"--{name.replace('_', '-')}": value for name, value in values.items() if value}
    return " ".join(flag if value is True else f"{flag} {quote(str(value))}" for flag, value in found.items())


def named_files(files: Iterable[tuple[str, str]]) -> str:
    """Return NAME=FILE arguments of names and files, quoted for the shell: the rows of a table or figure.

    A param of the wildcards alone: Snakemake compares no param that asks for `input`, and of inputs not the order, so
    that a file by another name would be the same to it.
    """
    return " ".join(quote(f"{name}={file}") for name, file in files)


def as_json(settings: Settings, *keys: str, without: Iterable[str] = (), **update: Any) -> str:
    """Return settings as JSON: all of them or the `keys` a job depends on, with `update` in place.

    Raises:
        pydantic.ValidationError: they are not valid together.
    """
    if update:
        settings = type(settings).model_validate(settings.model_dump(exclude_unset=True) | update)
    return json.dumps(settings.model_dump(mode="json", include=set(keys) or None, exclude=set(without) or None))
