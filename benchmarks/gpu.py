"""What one GPU does: kernels against the plain form first, then training, inversion and synthesis in one table.

Run from the repository: `python -m benchmarks.gpu`; on a card it takes `--minutes` (8) at most. The parts run one after
another in a process of their own, the most useful first; one that fails, hangs or takes the driver down is a line of
the table that says so, and the next parts run in a new process. After every part the table so far is in
`benchmarks/results/`, named by card and time. Without a GPU it runs too, tiny and on Triton's interpreter, so that
nothing is left to find out on a card; then nothing is kept unless `--out` says where. Ends with an error where a part
failed. With `--json` the last line is one JSON object.
"""

import argparse
import dataclasses
import json
import math
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.card.records import Row, as_json, commit, keep, table
from stylealign.errors import StyleAlignError
from stylealign.files import require_writable

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
LEAST_S = 10.0
"""A part is not begun with less time left."""
LOOK_EVERY_S = 0.2


def main() -> None:
    """Run the parts and print the table."""
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("--minutes", type=float, default=8.0, help="time for everything. Default: 8")
    flags.add_argument("--part", nargs="+", metavar="NAME", help="parts to run. Default: every one, in their order")
    flags.add_argument("--out", type=Path, metavar="DIR", help="folder for the tables. Default: benchmarks/results")
    flags.add_argument("--list", action="store_true", help="name the parts and end")
    flags.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    flags.add_argument("--worker", type=Path, help=argparse.SUPPRESS)
    arguments = flags.parse_args()
    if arguments.worker is not None:
        from benchmarks.card.worker import work  # the parent process needs no PyTorch

        work(arguments.worker, arguments.part or [])
        return
    if not 0 < arguments.minutes < math.inf:
        flags.error(f"--minutes: must be above 0, not {arguments.minutes:g}")
    if arguments.out is not None:
        try:
            require_writable(arguments.out, folder=True)  # not only when the first part is done
            arguments.out.mkdir(parents=True, exist_ok=True)
        except (StyleAlignError, OSError) as error:
            flags.error(f"--out: {error}")
    until = time.monotonic() + 60 * arguments.minutes
    facts, limits = machine()
    if unknown := [name for name in arguments.part or [] if name not in limits]:
        flags.error(f"no part {unknown[0]!r}; there are {', '.join(limits)}")
    if arguments.list:
        print("\n".join(limits))
        return
    out = arguments.out or (RESULTS if facts["device"] != "cpu" else None)
    rows = run(arguments.part or list(limits), limits, until, facts, out)
    print(table(rows))
    if arguments.json:
        print(json.dumps({"benchmark": "gpu", **as_json(facts, rows)}))
    failed = [row for row in rows if row.error]
    if failed:
        raise SystemExit(f"benchmarks.gpu: {len(failed)} of {len(rows)} lines failed, first: {failed[0].error[:300]}")


def machine() -> tuple[dict[str, Any], dict[str, float]]:
    """Return what identifies machine and program, and the parts with their limits in seconds, of another process."""
    command = [sys.executable, "-m", "benchmarks.card.worker"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"benchmarks.gpu: PyTorch does not start: {done.stderr[-1500:]}")
    found = json.loads(done.stdout.splitlines()[-1])
    facts = found["facts"] | {"date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M")}
    return facts | commit(ROOT), found["limits"]


def run(
    names: Sequence[str], limits: dict[str, float], until: float, facts: dict[str, Any], out: Path | None
) -> list[Row]:
    """Run parts, in as many processes as it takes; keep the table after each.

    Args:
        names: of the parts.
        limits: seconds of each.
        until: end of the time, of `time.monotonic`.
        facts: of `machine`.
        out: folder of the tables; None to keep none.
    """
    name = "-".join(
        [str(facts["device"]).lower().replace(" ", "-"), str(facts["date"]).replace(" ", "-").replace(":", "")]
    )
    left, rows = list(names), list[Row]()
    with tempfile.TemporaryDirectory() as folder:
        attempt = 0
        while left and until - time.monotonic() > LEAST_S:
            attempt += 1
            journal = Path(folder) / f"{attempt}.jsonl"
            watched = Watched(journal, rows)
            command = [sys.executable, "-m", "benchmarks.gpu", "--worker", str(journal), "--part", *left]
            process = subprocess.Popen(command, cwd=ROOT, stdout=sys.stderr, start_new_session=True)
            try:
                while process.poll() is None and not watched.is_late(limits, until):
                    time.sleep(LOOK_EVERY_S)
                    if watched.read() and out is not None:
                        keep(out, name, facts, [*rows, *watched.rows])
            finally:
                is_killed = process.poll() is None
                if is_killed:
                    os.killpg(process.pid, signal.SIGKILL)  # with the processes of its checks
                process.wait()
            watched.read()
            rows += watched.rows
            stopped = watched.begun
            if stopped is not None:
                reason = "stopped at its limit" if is_killed else f"the process ended with {process.returncode}"
                rows.append(Row(stopped, error=reason))
            elif process.returncode and not watched.ended:
                rows.append(Row("start", error=f"the process ended with {process.returncode}"))
                break
            left = [one for one in left if one not in watched.ended and one != stopped]
    rows += [Row(one, note="left out: no time left") for one in left]
    if out is not None:
        keep(out, name, facts, rows)
        print(f"benchmarks.gpu: {out / name}.md and .json", file=sys.stderr)
    return rows


class Watched:
    """What a process of parts has written so far.

    Args:
        journal: file that it writes a line to for everything that happens.
        before: rows of the processes before.
    """

    def __init__(self, journal: Path, before: Sequence[Row]) -> None:
        self.journal = journal
        journal.write_text("".join(json.dumps({"row": dataclasses.asdict(row)}) + "\n" for row in before))
        self._seen = len(journal.read_text())
        self.rows: list[Row] = []
        self.ended: list[str] = []
        self.begun: str | None = None
        self._since = time.monotonic()

    def read(self) -> bool:
        """Take in what is new; say whether there was something."""
        text = self.journal.read_text()[self._seen :]
        text = text[: text.rfind("\n") + 1]
        self._seen += len(text)
        for line in map(json.loads, text.splitlines()):
            if "row" in line:
                self.rows.append(Row(**line["row"]))
                print(" | ".join(cell for cell in self.rows[-1].cells() if cell), file=sys.stderr, flush=True)
            elif "begins" in line:
                self.begun, self._since = line["begins"], time.monotonic()
            else:
                self.ended.append(line["ends"])
                self.begun = None
        return bool(text)

    def is_late(self, limits: dict[str, float], until: float) -> bool:
        """Say whether the part that runs has had its time, or all time is over."""
        now = time.monotonic()
        return now > until or (self.begun is not None and now - self._since > limits[self.begun])


if __name__ == "__main__":
    os.environ.setdefault("PYTORCH_CUDA_ALLOC_CONF", "expandable_segments:True")
    main()
