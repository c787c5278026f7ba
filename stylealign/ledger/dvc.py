"""DVC's part, through its command line: pointers, the cache, remotes."""

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from stylealign.errors import StyleAlignError

EXTRA = "pip install 'stylealign[ledger]'"
TREE = ".dir"
"""End of the MD5 of a folder: its object in the cache lists the files."""


def require_dvc() -> None:
    """Raise where DVC is not installed.

    Raises:
        StyleAlignError: the message names the extra.
    """
    if importlib.util.find_spec("dvc") is None:
        raise StyleAlignError(f"the ledger needs DVC; install it: {EXTRA}")


def dvc(root: Path, *arguments: str | Path) -> str:
    """Run a DVC command in `root`; return what it wrote on stdout.

    Raises:
        StyleAlignError: it failed; the message is DVC's own, in one line.
    """
    command = [sys.executable, "-m", "dvc", *arguments]
    environment = os.environ | {"DVC_NO_ANALYTICS": "true"}
    done = subprocess.run(
        command, cwd=root, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise StyleAlignError(f"dvc {arguments[0]}: {_reason(done.stderr)}")
    return done.stdout


def _reason(text: str) -> str:
    """Return DVC's errors as one line, without the advice to ask in a chat."""
    errors = [line.removeprefix("ERROR: ").strip() for line in text.splitlines() if line.startswith("ERROR: ")]
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return "; ".join(errors) or (lines[-1] if lines else "failed without a message")


def write_pointer(pointer: Path, folder: Path, path: str) -> None:
    """Write a pointer without a hash, for `dvc commit` to fill in, unless there is one for this path already.

    Args:
        pointer: the file to write.
        folder: folder of the run.
        path: what it points to, relative to `folder`.
    """
    working = os.path.relpath(folder, pointer.parent)
    if pointer.is_file():
        content = yaml.safe_load(pointer.read_text(encoding="utf-8")) or {}
        if content.get("wdir") == working and [out.get("path") for out in content.get("outs", [])] == [path]:
            return
    pointer.parent.mkdir(parents=True, exist_ok=True)
    content = {"wdir": working, "outs": [{"path": path, "hash": "md5"}]}
    pointer.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def md5_of_pointer(pointer: Path) -> str:
    """Return the MD5 that a pointer holds.

    Raises:
        StyleAlignError: missing or damaged.
    """
    if not pointer.is_file():
        raise StyleAlignError(f"{pointer}: this pointer is missing; check it out again (`git checkout -- {pointer}`)")
    try:
        return str(yaml.safe_load(pointer.read_text(encoding="utf-8"))["outs"][0]["md5"])
    except (yaml.YAMLError, KeyError, IndexError, TypeError) as error:
        raise StyleAlignError(f"{pointer}: not a DVC pointer with a hash; check it out again") from error


class Store:
    """Where DVC keeps bytes: its cache (`files/md5/AB/CDEF...`, an object a file) and its remotes.

    Attributes:
        cache: folder of the cache.
        remotes: URL of each remote by name.
        default: name of the default remote, None where none is set.
    """

    def __init__(self, root: Path) -> None:
        lines = (line.partition("=") for line in dvc(root, "config", "--list").splitlines())
        settings = {key.strip(): value.strip() for key, _, value in lines}
        self.cache = root / ".dvc" / settings.get("cache.dir", "cache")
        urls = {key.removeprefix("remote."): value for key, value in settings.items() if key.startswith("remote.")}
        self.remotes = {name.removesuffix(".url"): url for name, url in urls.items() if name.endswith(".url")}
        self.default = settings.get("core.remote")

    def require_remote(self, name: str | None) -> str:
        """Return the name of a remote that exists: the given one, or the default.

        Raises:
            StyleAlignError: there is no such remote; the message says how to add one.
        """
        if name is not None and name not in self.remotes:
            names = ", ".join(self.remotes) or "none"
            raise StyleAlignError(f"no remote {name!r} (there is: {names}); add it: dvc remote add {name} URL")
        chosen = name or self.default
        if chosen is None:
            raise StyleAlignError(
                "no remote is set; add one: dvc remote add --default NAME URL (a folder, or s3://...)"
            )
        return chosen

    def object(self, md5: str) -> Path:
        """Return where an object lies in the cache, or would lie."""
        return self.cache / "files" / "md5" / md5[:2] / md5[2:]

    def tree(self, md5: str, path: str) -> dict[str, str]:
        """Return the MD5 of each file of a group by path: of the one file it is, or of all files of the folder.

        Raises:
            StyleAlignError: the list of the folder's files is damaged.
        """
        if not md5.endswith(TREE):
            return {path: md5}
        try:
            entries: list[dict[str, Any]] = json.loads(self.object(md5).read_text(encoding="utf-8"))
            return {f"{path}/{entry['relpath']}": entry["md5"] for entry in entries}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StyleAlignError(f"{self.object(md5)}: damaged ({error}); delete it and track again") from error


def fetch(root: Path, pointers: Sequence[Path], remote: str) -> str | None:
    """Bring what is missing from a remote into the cache; return DVC's complaint where it could not bring all."""
    try:
        dvc(root, "fetch", "--remote", remote, *pointers)
    except StyleAlignError as error:
        return str(error)
    return None
