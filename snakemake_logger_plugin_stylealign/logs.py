"""What the log of a job says."""

import re
from collections.abc import Iterable
from pathlib import Path
from textwrap import shorten

NEWS_WIDTH = 110
WAITS = "waits to begin"
TAIL_LINES, TAIL_BYTES = 50, 1 << 16
_JSON = re.compile(r"""[{}"]|(\[|\]|-?[\d.]+(e[+-]?\d+)?|true|false|null|NaN|-?Infinity),?$""")
"""A line of JSON, all of it or one of several."""


def news(log: str) -> str:
    """Return the last progress line of a running job's log; a job in a cluster's queue has none yet."""
    if not Path(log).exists():
        return WAITS
    lines = [line for line in last_lines(log, TAIL_LINES) if not line.startswith("stylealign gpu-run:")]
    line = last_words(lines)
    return shorten(line, NEWS_WIDTH, placeholder=" ...") if line else "running"


def last_words(lines: Iterable[str]) -> str:
    """Return the last line that a person can read, not one of the JSON that a verb prints at its end; or ''."""
    return next((line for line in reversed([*lines]) if not _JSON.match(line)), "")


def last_lines(path: str, count: int) -> list[str]:
    """Return the last lines of a log, carriage returns of progress bars resolved; [] when it cannot be read."""
    try:
        with Path(path).open("rb") as file:
            start = max(0, file.seek(0, 2) - TAIL_BYTES)
            file.seek(start)
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return []
    lines = text.rstrip().splitlines()[start > 0 :]  # no line whose beginning is left out
    return [line.rsplit("\r", 1)[-1].strip() for line in lines if line.strip()][-count:]
