"""What is printed at the end of a run: why jobs failed, where the tables and figures are, and the main numbers."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from snakemake_logger_plugin_stylealign.progress import Job, duration

TABLES = Path("results/tables")
FIGURES = Path("results/figures")
SUMMARY = TABLES / "summary.md"
PAGE = Path("results/report/report.html")
MOST_ROWS = 40
"""Rows of the summary that a terminal shows; of a longer one it shows those of `FIRST_LOOK`."""
FIRST_LOOK = (
    *("parent", "child", "unaligned", "w+", "codes+weights", "cross-fade", "source-only", "oracle"),
    *("untouched to test images", "w+ to test images", "unaligned to test images, w+"),
    *("zero-shot best", "zero-shot best unaligned"),
)
"""Methods that say whether the children are aligned and what that is worth, each beside what it is judged by."""


def summary_lines(directory: Path) -> list[str]:
    """Return the closing lines of a run in `directory`; empty when it has no tables of ours."""
    if not (directory / TABLES / "all.csv").is_file():
        return []
    lines = [""]
    if (directory / SUMMARY).is_file():
        text = (directory / SUMMARY).read_text(encoding="utf-8")
        lines += [*_shown([line for line in text.splitlines() if line.startswith("|")]), ""]
    lines.append(f"every number:  {TABLES / 'all.csv'}")
    lines.append(f"tables:        {TABLES}/*.md (also .csv, .tex)")
    figures = sorted(path.name for path in (directory / FIGURES).glob("*.png"))
    if figures:
        lines.append(f"figures:       {FIGURES}/: {', '.join(figures)}")
    return lines


def _shown(table: Sequence[str]) -> list[str]:
    """Return a Markdown table (head, rule, rows: table, metric, method, ...), of many rows those for a first look."""
    head, rows = list(table[:2]), table[2:]
    if len(rows) <= MOST_ROWS:
        return [*head, *rows]
    chosen = [row for row in rows if row.split("|")[3].strip() in FIRST_LOOK][:MOST_ROWS] or list(rows[:MOST_ROWS])
    return [*head, *chosen, f"{len(rows) - len(chosen)} more rows: {SUMMARY}"]


def failure_lines(reasons: Mapping[str, str]) -> list[str]:
    """Return the closing lines of a run with failed jobs: each once more, with its reason."""
    if not reasons:
        return []
    count = "1 job failed; once it" if len(reasons) == 1 else f"{len(reasons)} jobs failed; once they"
    head = f"{count} can be done, the same command goes on:"
    return ["", head, *(f"  {name}: {reason}" for name, reason in reasons.items())]


def stopped_lines(done: int, planned: int) -> list[str]:
    """Return the closing line of a run that was stopped between its first job and its last."""
    return [f"stopped: {done} of {planned} jobs are done, the same command goes on"] if 0 < done < planned else []


def chain_lines(done: Sequence[Job]) -> list[str]:
    """Return the closing line with the longest chain of jobs that waited for each other; none for less than two jobs.

    Args:
        done: the jobs of the run in the order they ended in, with the time they took.
    """
    maker: dict[str, int] = {}
    chains: list[list[Job]] = []
    for number, job in enumerate(done):
        waited_for = [chains[maker[name]] for name in job.inputs if name in maker]
        chains.append([*max(waited_for, key=_length_s, default=[]), job])
        maker |= dict.fromkeys(job.outputs, number)
    longest = max(chains, key=_length_s, default=[])
    if len(longest) < 2:
        return []
    words = " > ".join(f"{job.name} ({duration(job.took_s)})" for job in longest)
    return [f"longest chain: {duration(_length_s(longest))}, however many cores: {words}"]


def _length_s(chain: Sequence[Job]) -> float:
    return sum(job.took_s for job in chain)
