"""Artifact groups: few and large, one DVC pointer each."""

import subprocess
from pathlib import Path, PurePosixPath

from stylealign.config import known_models
from stylealign.experiment.zoo import Zoo
from stylealign.files import own_path
from stylealign.ledger.workflow import Run

UNTRACKED = ("runs", "logs")
"""Folders of `results/` that are no results: the resume states of trainings, and the words of the jobs."""

POINTER_SUFFIX = ".dvc"


def groups_of(run: Run) -> dict[str, str]:
    """Return the path of each group that is there, by the name of its pointer; relative to the folder of the run.

    A group is a folder of `results/`, a prepared domain, or images and models of one's own that the configuration names
    and git does not hold.
    """
    folders = {f"data-{path.name}": path for path in _folders(run.directory / "data" / "prepared")}
    folders |= {path.name: path for path in _folders(run.directory / "results") if path.name not in UNTRACKED}
    groups = {name: path.relative_to(run.directory).as_posix() for name, path in sorted(folders.items())}
    return _apart(groups | _own_files(run))


def _apart(groups: dict[str, str]) -> dict[str, str]:
    """Return groups without those that lie in another one, or are one: DVC keeps every file under one pointer."""
    found: dict[str, str] = {}
    for name, path in groups.items():
        others = (PurePosixPath(other) for key, other in groups.items() if key in found or other != path)
        if not any(PurePosixPath(path).is_relative_to(other) for other in others):
            found[name] = path
    return found


def _folders(parent: Path) -> list[Path]:
    if not parent.is_dir():
        return []
    return [path for path in parent.iterdir() if path.is_dir() and any(file.is_file() for file in path.rglob("*"))]


def named_files(run: Run) -> dict[str, Path]:
    """Return the files and folders of one's own that the configuration names, by key."""
    keys = {f"domains.{name}.path": domain.path for name, domain in run.config.domains.items() if domain.path}
    fetched = {f"models.{name}.fetch": model.fetch for name, model in run.config.models.items() if model.fetch}
    known = Zoo(known_models(run.root)).names("models") if fetched else []
    keys |= {key: source for key, source in fetched.items() if "://" not in source and source not in known}
    return {key: run.directory / own_path(path) for key, path in keys.items()}


def _own_files(run: Run) -> dict[str, str]:
    """Return the named files that lie in the folder of the run and that git ignores, as groups."""
    groups = {}
    for key, path in named_files(run).items():
        inside = path.exists() and path.resolve().is_relative_to(run.directory)
        if inside and _git_ignores(run.root, path.resolve()):
            name = "-".join(("own", *key.split(".")[:2]))
            groups[name] = path.resolve().relative_to(run.directory).as_posix()
    return groups


def _git_ignores(root: Path, path: Path) -> bool:
    command: list[str | Path] = ["git", "-C", root, "check-ignore", "--quiet", path]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def pointer_of(run: Run, name: str) -> Path:
    """Return the path of a group's pointer."""
    return run.ledger / f"{name}{POINTER_SUFFIX}"
