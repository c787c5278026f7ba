"""The configuration of a run, read in one way by Snakemake, `stylealign plan` and the ledger."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from stylealign.config.messages import validate
from stylealign.config.places import SNAKEFILE
from stylealign.config.workflow import Config
from stylealign.errors import StyleAlignError

CONFIG = Path("config") / "config.yaml"
STANDS_ALONE = "domains"
"""Key of a configuration that is whole; a file without it changes the default."""


class _Loader(yaml.SafeLoader):
    """YAML in which no key of a mapping stands twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Return the mapping of a node.

        Raises:
            _TwiceError: a key stands there twice.
        """
        seen: dict[Any, int] = {}
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode) or key_node.tag == "tag:yaml.org,2002:merge":
                continue
            line = key_node.start_mark.line + 1
            if key_node.value in seen:
                raise _TwiceError(
                    f"line {line}: {key_node.value!r} stands there already, in line {seen[key_node.value]}"
                )
            seen[key_node.value] = line
        return super().construct_mapping(node, deep)


class _TwiceError(Exception):
    """A key that stands twice in a mapping."""


def read_yaml(path: Path, flag: str = "") -> dict[str, Any]:
    """Return the keys and values of a YAML file.

    Args:
        path: the file.
        flag: what the file was given to, for the error.

    Raises:
        StyleAlignError: missing, not UTF-8, not YAML, a key that stands twice, or no keys at all.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise StyleAlignError(f"{flag and f'{flag}: '}{path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise StyleAlignError(f"{path}: line {line} is not UTF-8; save the file in that encoding") from error
    return parse_yaml(text, str(path))


def parse_yaml(text: str, source: str) -> dict[str, Any]:
    """Return the keys and values of YAML text, which JSON is too; `source` names it in errors.

    Raises:
        StyleAlignError: not YAML, a key that stands twice, or no keys at all.
    """
    values = loaded_yaml(text, source)
    if not isinstance(values, dict):
        raise StyleAlignError(f"{source}: must hold keys and values")
    return values


def loaded_yaml(text: str, source: str) -> Any:
    """Return what YAML text holds; `source` names it in errors.

    Raises:
        StyleAlignError: not YAML, or a key that stands twice.
    """
    try:
        return yaml.load(text, _Loader)
    except _TwiceError as error:
        raise StyleAlignError(f"{source}: {error}; keep one of them") from error
    except yaml.YAMLError as error:
        raise StyleAlignError(f"{source}: not YAML ({_said(error)})") from error


def _said(error: yaml.YAMLError) -> str:
    """Return what is wrong in YAML text, and in which line, in one line."""
    return " ".join(str(error).replace('in "<unicode string>", ', "in ").split())


def merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Return `old` with the values of `new` over it, mapping by mapping, as Snakemake does it."""
    both = dict(old)
    for key, value in new.items():
        inner = old.get(key)
        both[key] = merged(inner if isinstance(inner, Mapping) else {}, value) if isinstance(value, Mapping) else value
    return both


def default_file(directory: Path, root: Path) -> Path:
    """Return the configuration of a run that names none: its folder's own, or else the repository's."""
    own = directory / CONFIG
    return own if own.is_file() else root / CONFIG


def repository_of(directory: Path) -> Path | None:
    """Return the repository that a folder is in: the nearest one above with a workflow."""
    return next((path for path in (directory, *directory.parents) if (path / SNAKEFILE).is_file()), None)


def load_config(
    directory: Path, root: Path, files: Sequence[Path] = (), changes: Mapping[str, Any] | None = None
) -> Config:
    """Return the configuration of a run.

    Args:
        directory: folder of the run.
        root: the repository.
        files: configuration files (`--configfile`), the later ones over the earlier ones. Without `domains` in any of
            them they change the default.
        changes: keys and values over those of the files (`snakemake --config`).

    Raises:
        StyleAlignError: a file that cannot be read, or a mistake in the configuration.
    """
    named = list(files)
    contents = [read_yaml(path, "--configfile") for path in named]
    if not any(STANDS_ALONE in content for content in contents):
        default = default_file(directory, root)
        named, contents = [default, *named], [read_yaml(default), *contents]
    values: dict[str, Any] = {}
    for content in [*contents, changes or {}]:
        values = merged(values, content)
    return validate(Config, values, ", ".join([*map(str, named), *(["--config"] if changes else [])]))
