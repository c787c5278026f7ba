"""Progress on stderr: what is done, how fast, and the time left."""

import sys
import time

from stylealign.files import printable
from stylealign.work.durations import duration


class Progress:
    """Prints a line now and then: `stylealign invert: 40 / 150 steps, 5.9 steps/s, 19 s left`.

    Args:
        verb: verb of the command line.
        total: units of work in all.
        unit: what is counted, in the plural.
        interval_s: least seconds between two lines.
    """

    def __init__(self, verb: str, total: int, unit: str, interval_s: float = 5.0) -> None:
        self.verb, self.total, self.unit, self.interval_s = verb, total, unit, interval_s
        self.started_s = self.printed_s = time.monotonic()
        self.done = 0

    def update(self, done: int) -> None:
        """Note that `done` units are done, and print a line if it is time for one."""
        self.done = done
        now = time.monotonic()
        if now - self.printed_s >= self.interval_s and 0 < done < self.total:
            self.printed_s = now
            rate = done / (now - self.started_s)
            left = (self.total - done) / rate
            self._print(f"{done} / {self.total} {self.unit}, {rate:.3g} {self.unit}/s, {duration(left)} left")

    def advance(self, units: int = 1) -> None:
        """Note that `units` more units are done."""
        self.update(self.done + units)

    def _print(self, text: str) -> None:
        print(f"stylealign {self.verb}: {text}", file=sys.stderr, flush=True)


def warn(verb: str, text: str) -> None:
    """Print one line of warning on stderr."""
    print(f"stylealign {verb}: warning: {printable(text)}", file=sys.stderr, flush=True)
