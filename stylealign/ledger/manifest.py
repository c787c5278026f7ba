"""The manifest: a JSON file in git with the configuration of what was tracked and the hash of every file."""

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from stylealign.config import Config, validate
from stylealign.errors import StyleAlignError
from stylealign.files import read_json, sha256_of_file, sha256_of_json, write_json

FORMAT = 1
NAME = "manifest.json"
SHOWN = 3
"""Names of a long list that a message gives."""


OF_ALL_FACES = "data (faces: all)"
"""Among the versions, that of data sets of all faces of each picture; where it is missing, it is 1."""


@dataclasses.dataclass(frozen=True)
class Tracked:
    """A file of the ledger: its hash, the MD5 by which DVC knows it, and its size."""

    sha256: str
    md5: str
    bytes: int


@dataclasses.dataclass(frozen=True)
class Group:
    """Files under one DVC pointer.

    Attributes:
        path: folder or file, relative to the folder of the run.
        md5: DVC's hash of it, as its pointer has it.
    """

    path: str
    md5: str


@dataclasses.dataclass(frozen=True)
class Manifest:
    """What was tracked.

    Attributes:
        version: of the package.
        verbs: version of each verb whose jobs made the files, and of data sets that have one more.
        config: the keys that the configuration sets.
        groups: by name; each has a pointer `NAME.dvc` beside the manifest.
        files: every file of the groups by its path, relative to the folder of the run.
    """

    version: str
    verbs: dict[str, int]
    config: dict[str, Any]
    groups: dict[str, Group]
    files: dict[str, Tracked]

    def write(self, path: Path) -> None:
        """Write the manifest."""
        content = {"format": FORMAT, "config_sha256": sha256_of_json(self.config), **dataclasses.asdict(self)}
        write_json(path, content)

    @classmethod
    def read(cls, path: Path) -> "Manifest":
        """Read a manifest.

        Raises:
            StyleAlignError: missing, or not a manifest of this format, or edited since.
        """
        if not path.is_file():
            raise StyleAlignError(
                f"{path}: no such file; check out a commit that has it, or write it with `stylealign track` after a run"
            )
        content = read_json(path)
        try:
            if content["format"] != FORMAT:
                raise StyleAlignError(f"{path}: format {content['format']!r}, not {FORMAT}; install a newer stylealign")
            if content["config_sha256"] != sha256_of_json(content["config"]):
                raise StyleAlignError(f"{path}: its config is not the one it was written with; check it out again")
            groups = {name: Group(**group) for name, group in content["groups"].items()}
            files = {name: Tracked(**file) for name, file in content["files"].items()}
            return cls(content["version"], content["verbs"], content["config"], groups, files)
        except (KeyError, TypeError, AttributeError) as error:
            raise StyleAlignError(f"{path}: damaged ({error}); check it out again") from error


@dataclasses.dataclass(frozen=True)
class Differences:
    """How the files of a run differ from the manifest: paths by kind."""

    altered: tuple[str, ...]
    missing: tuple[str, ...]
    new: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.altered or self.missing or self.new)

    def __str__(self) -> str:
        kinds = (("altered", self.altered), ("missing", self.missing), ("not in the ledger", self.new))
        return "; ".join(f"{kind}: {some(names)}" for kind, names in kinds if names)


def compare_files(manifest: Manifest, base: Path, present: Iterable[str]) -> Differences:
    """Return how the files under `base` differ from the manifest.

    Args:
        manifest: the ledger.
        base: folder of the run.
        present: paths of the files that would be tracked now.
    """
    paths = {name: base / name for name in manifest.files}
    missing = tuple(name for name, path in paths.items() if not path.is_file())
    altered = tuple(
        name for name, path in paths.items() if path.is_file() and not has_content(path, manifest.files[name])
    )
    return Differences(altered, missing, tuple(name for name in present if name not in manifest.files))


def has_content(path: Path, tracked: Tracked) -> bool:
    """Return whether a file has the tracked bytes."""
    return path.stat().st_size == tracked.bytes and sha256_of_file(path) == tracked.sha256


def some(names: Iterable[str]) -> str:
    """Return the first names of a list, and how many more there are."""
    names = list(names)
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def config_values(config: Config) -> dict[str, Any]:
    """Return the keys that a configuration sets itself: from them it can be made again, defaults and all."""
    return config.model_dump(mode="json", exclude_unset=True)


def compare_configs(manifest: Manifest, present: Config, source: str) -> list[str]:
    """Return the keys that differ, each as `key: value here, value in the ledger`.

    Args:
        manifest: the ledger.
        present: the configuration now.
        source: name of the manifest, for the error.

    Raises:
        StyleAlignError: the ledger's configuration is not one of this version of the package.
    """
    tracked = validate(Config, manifest.config, f"{source}: config of stylealign {manifest.version}")
    here, there = (_flat(_effective(config)) for config in (present, tracked))
    keys = sorted(key for key in here.keys() | there.keys() if here.get(key, _ABSENT) != there.get(key, _ABSENT))
    return [f"{key}: {_shown(here, key)} here, {_shown(there, key)} in the ledger" for key in keys]


_ABSENT = object()


def _shown(values: dict[str, Any], key: str) -> str:
    return repr(values[key]) if key in values else "absent"


def _effective(config: Config) -> dict[str, Any]:
    """Return every key with its value; of a model's training only the keys set there, as the others follow `train`."""
    values = config.model_dump(mode="json")
    for name, model in config.models.items():
        values["models"][name]["train"] = model.train.model_dump(mode="json", exclude_unset=True) if model.train else {}
    return values


def _flat(value: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(value, dict):
        return {prefix: value}
    return {
        key: leaf for name, inner in value.items() for key, leaf in _flat(inner, f"{prefix}.{name}".lstrip(".")).items()
    }
