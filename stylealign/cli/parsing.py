"""An argument parser that names the nearest known word where one is mistyped."""

import argparse
import itertools
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from stylealign.errors import StyleAlignError, did_you_mean
from stylealign.installed import release

WRITTEN = ("out", "grid", "zip", "video")
"""Arguments that are files to write."""
READ_AS_TEXT = ("source", "parent", "child", "labeller", "oracle", "data", "annotations", "config")
"""Arguments that are files to read although they are no `Path`."""


class Parser(argparse.ArgumentParser):
    """The parser of the command line and, as argparse makes sub-parsers of the same class, of each verb."""

    only_in_settings: frozenset[str] = frozenset()
    """Flags that would be of settings which are lists or objects."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong in one line and end: the usage of a verb with many flags hides it."""
        self.exit(2, f"{self.prog}: error: {message} (see `{self.prog} --help`)\n")

    def parse_known_args(self, args=None, namespace=None):  # type: ignore[no-untyped-def]
        """Parse, after a look at the flags: a mistyped one is named before what is missing for want of it."""
        words = list(args or [])
        if any(self._takes_the_rest(action) for action in self._actions):  # what follows the first word is not ours
            words = list(itertools.takewhile(lambda word: word.startswith("-"), words))
        flags = [flag for flag in self._option_string_actions if flag not in ("-h", "--help")]
        for word in _flags_in(words):
            if word in self.only_in_settings and word not in flags:
                self.error(f"{word}: is no plain value; give it in --settings, as JSON")
            if word != "--help" and not any(known.startswith(word) for known in flags):
                self.error(f"unknown flag {word}{did_you_mean(word, flags)}")
        return super().parse_known_args(args, namespace)

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Check a choice; the message names the nearest one instead of all of a long list."""
        if action.choices is None or value in action.choices:
            return
        choices = list(map(str, action.choices))
        if isinstance(action, argparse._SubParsersAction):
            self.error(f"unknown {action.metavar} {value!r}{did_you_mean(str(value), choices)}")
        close = did_you_mean(str(value), choices) or f"; choose from {', '.join(choices)}"
        raise argparse.ArgumentError(action, f"unknown value {value!r}{close}")

    @staticmethod
    def _takes_the_rest(action: argparse.Action) -> bool:
        return action.nargs in (argparse.PARSER, argparse.REMAINDER)


class PrintVersion(argparse.Action):
    """Prints the version of the package and ends; it is looked up only then."""

    def __init__(self, option_strings: Sequence[str], dest: str, help: str | None = None) -> None:
        super().__init__(option_strings, dest, nargs=0, default=argparse.SUPPRESS, help=help)

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> NoReturn:
        """Print and end."""
        print(f"stylealign {release('stylealign')}")
        parser.exit()


def require_inputs_kept(arguments: argparse.Namespace) -> None:
    """Check that no file that is to be written is one that is read: what it holds would be lost.

    Raises:
        StyleAlignError: one is.
    """
    given = vars(arguments)
    read = [path for name, value in given.items() if name not in WRITTEN for path in _files_in(value, name)]
    for out in itertools.chain.from_iterable(_files_in(given.get(name), "source") for name in WRITTEN):
        if any(_is_same(out, path) for path in read):
            raise StyleAlignError(f"{out}: is read too, and what it holds would be lost; name another file")


def _files_in(value: Any, name: str) -> Iterator[Path]:
    if isinstance(value, Path) or (isinstance(value, str) and name in READ_AS_TEXT):
        yield Path(value)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _files_in(inner, name)


def _is_same(one: Path, other: Path) -> bool:
    with suppress(OSError, ValueError):  # not there, or no name of a file
        return os.path.samefile(one, other)
    return False


def _flags_in(words: Sequence[str]) -> list[str]:
    """Return the long flags among the words, without their values; what follows `--` is none."""
    before = words[: words.index("--")] if "--" in words else words
    return [word.partition("=")[0] for word in before if word.startswith("--") and " " not in word]
