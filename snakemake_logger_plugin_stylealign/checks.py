"""What is told in one line before Snakemake starts, where it would end in a traceback."""

import os
from pathlib import Path

CONFIG_FLAGS = ("--configfile", "--configfiles")
DIRECTORY_FLAGS = ("--directory", "-d")
WRITES_NOTHING = {"-h", "--help", "-v", "--version", "--lint"}


def problem_of(arguments: list[str]) -> str | None:
    """Return what is wrong with the files and folders that `arguments` name, None where nothing is."""
    words = arguments[: arguments.index("--")] if "--" in arguments else arguments
    for position, path in enumerate(_values(words, CONFIG_FLAGS)):
        problem = _problem_of_config(Path(path))
        if problem:  # the flag takes one file or more, and a target behind it
            return f"{problem}; write -- before targets" if position and not Path(path).exists() else problem
    if WRITES_NOTHING & set(words):
        return None
    return _problem_of_folder(Path(next(iter(_values(words, DIRECTORY_FLAGS)), ".")))


def _values(words: list[str], flags: tuple[str, ...]) -> list[str]:
    """Return what stands behind flags, as `--flag VALUE...` or `--flag=VALUE`."""
    found = []
    for position, word in enumerate(words):
        name, is_joined, value = word.partition("=")
        if name not in flags:
            continue
        found += [value] if is_joined else []
        for later in [] if is_joined else words[position + 1 :]:
            if later.startswith("-"):
                break
            found.append(later)
    return found


def _problem_of_config(path: Path) -> str | None:
    try:
        content = path.read_bytes()
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        return f"{path}: line {line} is not UTF-8; save the file in that encoding"
    except OSError as error:
        return f"--configfile: {path}: {error.strerror or error}"
    return None


def _problem_of_folder(folder: Path) -> str | None:
    """Return that the folder of a run, or the one it would be made in, cannot be written to."""
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    if os.access(there, os.W_OK | os.X_OK):
        return None
    return f"{there}: cannot be written to; give --directory a folder of your own"
