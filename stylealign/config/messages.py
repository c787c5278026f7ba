"""Validation, and what a mistake is told: one line with the key and the nearest known one."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from stylealign.errors import StyleAlignError, did_you_mean

M = TypeVar("M", bound=BaseModel)

_OF_TYPES = re.compile(r"function-|[a-z]+\[.*\]$")
_PLAIN_TYPES = ("str", "int", "float", "bool")

LONGEST_SHOWN = 60
"""Characters of a wrong value that are shown."""


def validate(model: type[M], values: Any, source: str) -> M:
    """Return `values` as a settings model.

    Args:
        model: settings class.
        values: a mapping of keys to values, as read from YAML or JSON.
        source: where the values come from, for the error: a file or a flag.

    Raises:
        StyleAlignError: an unknown or ill-typed key; the message names it and the nearest known key.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise StyleAlignError(f"{source}: {problem_of(model, error)}") from error


def problem_of(model: type[BaseModel], error: ValidationError) -> str:
    """Return the first problem in one line: its key, what is wrong, and what is given."""
    problems = error.errors()
    problem = problems[0]
    location = _keys_of(problem["loc"])
    if location and location[-1] == "[key]":  # YAML reads `no`, `5` and `~` as other than text
        location = location[:-1]
        if problem["type"] == "string_type":
            above = ".".join(map(str, location[:-1]))
            return f"{above}: the name {_shown(problem['input'])} is no text; write it in quotes"
    key = ".".join(map(str, location))
    if problem["type"] == "extra_forbidden":
        known = _keys_beside(model, location)
        return f"unknown key {key!r}{did_you_mean(str(location[-1]), known)}"
    if problem["type"] == "missing":
        beside = [other for other in problems if other["loc"][:-1] == problem["loc"][:-1]]
        return _missing(model, location, problem["input"], beside)
    message = problem["msg"].removeprefix("Value error, ")
    if problem["type"] in ("model_type", "model_attributes_type"):
        return f"{key or 'its content'}: must be keys with values, not {_shown(problem['input'])}"
    given = "" if problem["type"] == "value_error" else f", not {_shown(problem['input'])}"
    return f"{key}: {message}{given}" if key else message


def _missing(model: type[BaseModel], location: list[str | int], given: Any, beside: Sequence[Mapping[str, Any]]) -> str:
    """Return what is missing: a key, with the unknown one that may have been meant, or values of a list.

    Args:
        model: the settings.
        location: of the key, or of the first value.
        given: the mapping or list that lacks it.
        beside: the problems of that mapping or list.
    """
    if isinstance(location[-1], int):
        needed = 1 + max(other["loc"][-1] for other in beside if other["type"] == "missing")
        return f"{'.'.join(map(str, location[:-1]))}: needs {needed} values, not {_shown(given)}"
    unknown = [other["loc"][-1] for other in beside if other["type"] == "extra_forbidden"]
    hint = did_you_mean(str(unknown[0]), _keys_beside(model, location)) if unknown else ""
    return f"{'.'.join(map(str, location))}: Field required{f', unknown key {unknown[0]!r}{hint}' if unknown else ''}"


def _keys_of(parts: Sequence[str | int]) -> list[str | int]:
    """Return the keys and places of a location, without the types among which a value may choose."""
    keys = [part for part in parts if not isinstance(part, str) or not _OF_TYPES.match(part)]
    return keys[:-1] if len(keys) > 1 and keys[-1] in _PLAIN_TYPES else keys


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."


def _keys_beside(model: type[BaseModel], location: list[Any]) -> list[str]:
    """Return the known keys of the model that the last element of `location` was given to."""
    current: Any = model
    for part in location[:-1]:
        fields = getattr(current, "model_fields", None)
        current = _model_inside(fields[part].annotation) if fields and part in fields else current
    return list(getattr(current, "model_fields", {}))


def _model_inside(annotation: Any) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for inner in getattr(annotation, "__args__", ()):
        found = _model_inside(inner)
        if found is not None:
            return found
    return None
