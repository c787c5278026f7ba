"""What the log of a job says."""

from pathlib import Path
from textwrap import shorten

NEWS_WIDTH = 110
WAITS = "waits to begin"


def news(log: str) -> str:
    """Return the last progress line of a running job's log; a job in a cluster's queue has none yet."""
    if not Path(log).exists():
        return WAITS
    lines = [line for line in last_lines(log, 5) if not line.startswith(("{", "stylealign gpu-run:"))]
    return shorten(lines[-1], NEWS_WIDTH, placeholder=" ...") if lines else "running"


def last_lines(path: str, count: int) -> list[str]:
    """Return the last lines of a log, carriage returns of progress bars resolved; [] when it cannot be read."""
    try:
        with Path(path).open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - 8192))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return []
    return [line.rsplit("\r", 1)[-1].strip() for line in text.rstrip().splitlines() if line.strip()][-count:]
