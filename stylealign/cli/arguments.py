"""Command-line flags made from a settings model: one flag a field, and `--settings` for a whole JSON object."""

import argparse
import json
import math
import types
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel

from stylealign.cli.parsing import Parser
from stylealign.config import M, validate
from stylealign.errors import StyleAlignError

Given = dict[str, Any]
"""Values by the names of settings."""


def add_settings(parser: argparse.ArgumentParser, model: type[BaseModel], without: Collection[str] = ()) -> None:
    """Add `--settings` and one flag for every plain field of `model` to `parser`, but for those `without` use here."""
    group = parser.add_argument_group("settings")
    group.add_argument("--settings", metavar="JSON", help="settings as a JSON object or a JSON file; flags override it")
    for name, field in model.model_fields.items():
        if name in without:
            continue
        kind = _plain_type(field.annotation)
        if kind is None:
            if isinstance(parser, Parser):
                parser.only_in_settings |= {f"--{name.replace('_', '-')}"}
            continue
        options: dict[str, Any] = {"dest": f"setting_{name}", "default": None, "help": _help(field)}
        if kind is bool:
            options["action"] = argparse.BooleanOptionalAction
        else:
            options["metavar"] = _metavar(field, kind)
        group.add_argument(f"--{name.replace('_', '-')}", **options)


def settings_from(arguments: argparse.Namespace, model: type[M], meant: Callable[[Given], Given] = dict) -> M:
    """Return the settings model that the parsed `arguments` describe.

    Args:
        arguments: with `settings` and a `setting_NAME` for each flag.
        model: the settings.
        meant: what the object of `--settings` stands for, where that is not what it says.

    Raises:
        StyleAlignError: unreadable JSON, or an unknown or ill-typed setting.
    """
    values = meant(_settings_object(arguments.settings))
    for name in model.model_fields:
        flag = getattr(arguments, f"setting_{name}", None)
        if flag is not None:
            values[name] = None if flag == "null" and _may_be_none(model.model_fields[name].annotation) else flag
    return validate(model, values, "settings")


def add_rows(parser: argparse.ArgumentParser, nargs: str = "+") -> None:
    """Add the files of rows that a report or tables are made of."""
    parser.add_argument(
        "rows",
        nargs=nargs,
        type=Path,
        metavar="ROWS.json",
        help="files of `stylealign evaluate`, in the order of the tables",
    )


def finite(text: str) -> float:
    """Return a number that is neither infinite nor `nan`; the type of such an argument.

    Raises:
        argparse.ArgumentTypeError: it is, or no number at all.
    """
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise argparse.ArgumentTypeError(f"{text!r} is not a finite number")
    return number


def psi(text: str) -> float:
    """Return a truncation: 1 keeps w, 0 is the mean image, beyond 1 leaves the model's samples.

    Raises:
        argparse.ArgumentTypeError: no number, or none from -2 to 2.
    """
    number = finite(text)
    if not -2 <= number <= 2:
        raise argparse.ArgumentTypeError(f"{text!r} is no truncation from -2 to 2")
    return number


def at_least(lowest: int, most: int = 1_000_000) -> Callable[[str], int]:
    """Return the type of an argument that is a whole number from `lowest` to `most`."""

    def whole(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = lowest - 1
        if number < lowest:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {lowest} on")
        if number > most:
            raise argparse.ArgumentTypeError(f"{text!r} is more than {most}")
        return number

    return whole


def named_file(text: str) -> tuple[str, Path]:
    """Return the two sides of NAME=FILE; the type of such an argument.

    Raises:
        argparse.ArgumentTypeError: one of them is missing.
    """
    name, separator, path = text.partition("=")
    if not separator or not name or not path:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=FILE")
    return name, Path(path)


def _settings_object(text: str | None) -> dict[str, Any]:
    if text is None:
        return {}
    try:
        if not text.lstrip().startswith("{"):
            text = Path(text).read_text(encoding="utf-8")
        values = json.loads(text)
    except OSError as error:
        raise StyleAlignError(f"--settings: {text}: {error.strerror}; give a JSON object or a JSON file") from error
    except UnicodeDecodeError as error:
        raise StyleAlignError(f"--settings: {text}: not UTF-8; save the file in that encoding") from error
    except json.JSONDecodeError as error:
        raise StyleAlignError(f"--settings: not JSON ({error})") from error
    if not isinstance(values, dict):
        raise StyleAlignError("--settings: must be a JSON object")
    return values


def _plain_type(annotation: Any) -> type | None:
    """Return the type a flag's text stands for, or None for a field that only `--settings` can give."""
    if annotation in (int, float, str, bool):
        return annotation  # type: ignore[no-any-return]
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        kinds = [_plain_type(part) for part in inner if part is not type(None)]
        return kinds[0] if len(kinds) == 1 else None
    if origin is not None and str(origin) == "typing.Literal":
        return str
    if hasattr(annotation, "__metadata__"):
        return _plain_type(inner[0])
    return None


def _may_be_none(annotation: Any) -> bool:
    """Return whether a field may be None."""
    return type(None) in get_args(annotation)


def _metavar(field: Any, kind: type) -> str:
    """Return what stands for a flag's value in the help: its choices, where it has some."""
    choices = _choices(field.annotation)
    words = {int: "N", float: "X", str: "TEXT"}
    return f"{{{','.join(map(str, choices))}}}" if choices else words[kind]


def _choices(annotation: Any) -> list[Any]:
    """Return the values of a `Literal`, of one that may be None too; [] of any other type."""
    inner = get_args(annotation)
    if str(get_origin(annotation)) == "typing.Literal":
        return list(inner)
    return [choice for part in inner if get_origin(part) is not None for choice in _choices(part)]


def _help(field: Any) -> str:
    text = field.description or ""
    if field.is_required():
        return f"{text} Needed, here or in --settings.".strip().replace("%", "%%")
    default = field.get_default()
    return (text if default is None else f"{text} Default: {default}.").replace("%", "%%")
