"""The reference of configuration keys: `python -m stylealign.report.reference config/README.md` writes it."""

import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from stylealign.config import Config
from stylealign.files import atomic_path

INTRODUCTION = """# Configuration

`make reference` writes this file from `stylealign/config/`; change it there.

`config/config.yaml` is the default run. Another file takes its place with `snakemake --configfile FILE`; one without
`domains` holds only the keys that differ from the default run. A single key changes with
`snakemake --config 'morphing={frames: 60}'`. `stylealign plan`, `track`, `restore` and `report` read files so too.
An unknown or ill-typed key is an error that names it and the nearest known one. The same settings are the flags of the
commands: `inversion.steps` is `stylealign invert --steps`.

`models.NAME.train` and `inversion_by_space` hold keys that differ from `train` and `inversion`; the keys are checked
together as the job gets them.

A change re-runs what depends on it and nothing else; `snakemake -n` says what. To add a domain and a child of your own
(`config/config.yaml` trains its short child for 3 kimg, so this one says how long by a preset):

```yaml
domains:
  mine: {path: /path/to/a/folder/or/zip, resolution_px: 64, train_images: 900, test_images: 100}
models:
  mine: {domain: mine, parent: human, train: {preset: aligned64}}
```
"""


def config_reference() -> str:
    """Return the reference as Markdown: one table a settings model, in the order of the configuration."""
    sections = [INTRODUCTION]
    for path, model in _models(Config, ""):
        title = f"`{path}`" if path else "Top level"
        lines = [f"\n## {title}\n", " ".join((model.__doc__ or "").split()), ""]
        lines += ["| key | type | default | meaning |", "| --- | --- | --- | --- |"]
        lines += [_line(name, field) for name, field in model.model_fields.items()]
        sections.append("\n".join(lines) + "\n")
    return "".join(sections)


def _models(model: type[BaseModel], path: str) -> Iterator[tuple[str, type[BaseModel]]]:
    """Yield every settings model below `model` once, with the first path it stands at."""
    seen: set[type[BaseModel]] = set()
    waiting: list[tuple[str, type[BaseModel]]] = [(path, model)]
    while waiting:
        path, model = waiting.pop(0)
        model = getattr(model, "full", model)  # keys that lie over others are those of the same settings
        if model in seen:
            continue
        seen.add(model)
        yield path, model
        for name, field in model.model_fields.items():
            inner, is_mapping = _model_inside(field.annotation)
            if inner is not None:
                parts = [path, name, "NAME"] if is_mapping else [path, name]
                waiting.append((".".join(filter(None, parts)), inner))


def _model_inside(annotation: Any) -> tuple[type[BaseModel] | None, bool]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, False
    for inner in get_args(annotation):
        found, _ = _model_inside(inner)
        if found is not None:
            return found, get_origin(annotation) is dict
    return None, False


def _line(name: str, field: FieldInfo) -> str:
    meaning = (field.description or "").replace("|", "\\|").replace("\n", " ")
    return f"| `{name}` | {_type(field)} | {_default(field)} | {meaning} |"


def _type(field: FieldInfo) -> str:
    text = _type_name(field.annotation)
    bounds = [f"{sign} {value}" for item in field.metadata for sign, value in _bounds(item)]
    return f"{text}, {' and '.join(bounds)}" if bounds else text


def _bounds(item: Any) -> Iterator[tuple[str, Any]]:
    for attribute, sign in (("gt", ">"), ("ge", ">="), ("lt", "<"), ("le", "<=")):
        value = getattr(item, attribute, None)
        if value is not None:
            yield sign, value


def _type_name(annotation: Any) -> str:
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return " or ".join(f"`{choice}`" for choice in inner)
    if origin in (Union, types.UnionType):
        return " or ".join(_type_name(part) for part in inner if part is not type(None))
    if origin is dict:
        return f"mapping of names to {_type_name(inner[1])}"
    if origin in (tuple, list):
        return f"list of {_type_name(inner[0])}"
    if hasattr(annotation, "__metadata__"):
        bounds = [f"{sign} {value}" for item in _flat(annotation.__metadata__) for sign, value in _bounds(item)]
        return f"{_type_name(inner[0])} {' and '.join(bounds)}".strip()
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "mapping"
    return {"int": "integer", "float": "number", "str": "text", "bool": "`true` or `false`"}[annotation.__name__]


def _flat(metadata: Any) -> Iterator[Any]:
    """Yield the constraints of an annotation, those inside a pydantic `Field` too."""
    for item in metadata:
        yield from item.metadata if isinstance(item, FieldInfo) else [item]


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if value is None:
        return ""
    if isinstance(value, BaseModel):
        return "its defaults"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{list(value)}`" if isinstance(value, tuple) else f"`{value}`"


if __name__ == "__main__":
    with atomic_path(sys.argv[1]) as temporary:
        Path(temporary).write_text(config_reference(), encoding="utf-8")
