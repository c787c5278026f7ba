"""The one exception a user's mistake raises, and what its message says of a mistyped word."""

import difflib
from collections.abc import Iterable


class StyleAlignError(Exception):
    """A mistake in the input: one line that names the file, key or flag, and the remedy.

    The command line prints the message without a traceback and exits with code 2.
    """


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return `; did you mean ...?` with the known word nearest to `word`, or nothing where none is near."""
    close = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
