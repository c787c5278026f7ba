"""What is drawn on a terminal while a run goes on: a line for the run and one a running job, redrawn in place."""

import os
import re
import shutil
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TextIO

BAR_WIDTH = 20
NAME_WIDTH = 40
LEAST_WIDTH = 40
MOST_JOBS = 12
"""Jobs with a line of their own; the others are counted."""

_SHARE = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?) / (\d+(?:\.\d+)?) (\w+)")
_LEFT = re.compile(r"(?:(\d+) h )?(?:(\d+) min )?(?:(\d+) s )?left")
_RATE = re.compile(r"(\d+(?:\.\d+)?(?:e[+-]?\d+)? (?:\w+ )?\w+/s)")


@dataclass(frozen=True)
class Reading:
    """What a job says of itself.

    Attributes:
        share: share that is done, in [0, 1].
        left_s: seconds left, None where it does not say.
        rate: such as `83.6 images/s`, empty where it does not say.
    """

    share: float
    left_s: float | None = None
    rate: str = ""


def reading_of(line: str) -> Reading | None:
    """Return what the last line of a job's log says; None where it tells no progress.

    Verbs say `stylealign invert: 40 / 150 steps, 5.9 steps/s, 19 s left`, trainings
    `0.1 / 24 kimg 83 images/s 4 min 10 s left`; from an hour on both say `2 h 5 min left`.
    """
    found = _SHARE.search(line)
    if found is None or float(found[2]) <= 0:
        return None
    left, rate = _LEFT.search(line), _RATE.search(line)
    parts = left.groups(default="0") if left and any(left.groups()) else ()
    seconds = sum(int(number) * unit for number, unit in zip(parts, (3600, 60, 1), strict=True)) if parts else None
    return Reading(min(1.0, float(found[1]) / float(found[2])), seconds, rate[1] if rate else "")


def bar(share: float, width: int = BAR_WIDTH, blocks: bool = True) -> str:
    """Return a bar of `width` characters, `share` in [0, 1] of it full."""
    full = int(share * width + 1e-9)
    return ("█" * full + "░" * (width - full)) if blocks else ("#" * full + "-" * (width - full))


def run_line(head: str, share: float, left: str, failed: int = 0, blocks: bool = True) -> str:
    """Return the line of the whole run: `[12/80] ████░░ 34 %  about 5 min left, 1 failed`."""
    told = f", {failed} failed" if failed else ""
    return f"{head} {bar(share, blocks=blocks)} {int(share * 100):>3} %  about {left} left{told}"


def job_line(name: str, ago: str, news: str, left: Callable[[float], str], blocks: bool = True) -> str:
    """Return the line of a running job: name, bar, time left and rate, or for how long it runs and what it says.

    Args:
        name: the job's.
        ago: for how long it runs.
        news: last line of its log.
        left: seconds to text.
        blocks: whether the terminal has block characters.
    """
    name = name if len(name) <= NAME_WIDTH else f"{name[: NAME_WIDTH - 3]}..."
    told = reading_of(news)
    if told is None:
        return f"  {name:<{NAME_WIDTH}} {ago:>10}  {news}"
    told_left = "" if told.left_s is None else f"  {left(told.left_s)} left"
    drawn = f"{bar(told.share, blocks=blocks)} {int(told.share * 100):>3} %"
    return f"  {name:<{NAME_WIDTH}} {drawn}{told_left}  {told.rate}".rstrip()


def draws_on(stream: TextIO) -> bool:
    """Return whether lines can be redrawn on `stream`: a terminal that is not a dumb one."""
    return stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"


class Screen:
    """Prints lines; on a terminal with a block of lines beneath them that is drawn anew.

    Args:
        stream: where to print.
        block: returns the lines of the block; None for a stream without one.
    """

    def __init__(self, stream: TextIO, block: Callable[[], Sequence[str]] | None = None) -> None:
        self.stream, self._block = stream, block
        self._drawn = 0
        self._lock = threading.RLock()

    def print(self, *lines: str) -> None:
        """Print lines for good, above the block."""
        with self._lock:
            self._write([*lines], self._block is not None)

    def redraw(self) -> None:
        """Draw the block as it is now."""
        self.print()

    def finish(self) -> None:
        """Take the block away; nothing is drawn any more."""
        with self._lock:
            self._write([], False)
            self._block = None

    def _write(self, lines: list[str], with_block: bool) -> None:
        erased = f"\x1b[{self._drawn}F\x1b[J" if self._drawn else ""
        block = _fitted(self._block() if with_block and self._block else ())
        text = erased + "".join(f"{line}\n" for line in [*lines, *block])
        self._drawn = len(block)
        if text:
            self.stream.write(text)
            self.stream.flush()


def _fitted(lines: Sequence[str]) -> list[str]:
    """Cut lines to the terminal's width: one that wraps could not be taken away again; and to its height."""
    size = shutil.get_terminal_size()
    width = max(LEAST_WIDTH, size.columns) - 1
    return [line[:width] for line in lines[: max(2, size.lines - 2)]]
