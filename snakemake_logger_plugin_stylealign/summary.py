"""What is printed at the end of a run: why jobs failed, where the tables and figures are, and the main numbers."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from snakemake_logger_plugin_stylealign.progress import Job, duration

TABLES = Path("results/tables")
FIGURES = Path("results/figures")
SUMMARY = TABLES / "summary.md"
PAGE = Path("results/report/report.html")


def summary_lines(directory: Path) -> list[str]:
    """Return the closing lines of a run in `directory`; empty when it has no tables of ours."""
    if not (directory / TABLES / "all.csv").is_file():
        return []
    lines = [""]
    if (directory / SUMMARY).is_file():
        text = (directory / SUMMARY).read_text(encoding="utf-8")
        lines += [*(line for line in text.splitlines() if line.startswith("|")), ""]
    lines.append(f"every number:  {TABLES / 'all.csv'}")
    lines.append(f"tables:        {TABLES}/*.md (also .csv, .tex)")
    figures = sorted(path.name for path in (directory / FIGURES).glob("*.png"))
    if figures:
        lines.append(f"figures:       {FIGURES}/: {', '.join(figures)}")
    return lines


def failure_lines(reasons: Mapping[str, str]) -> list[str]:
    """Return the closing lines of a run with failed jobs: each once more, with its reason."""
    if not reasons:
        return []
    count = "1 job failed; once it" if len(reasons) == 1 else f"{len(reasons)} jobs failed; once they"
    head = f"{count} can be done, the same command goes on:"
    return ["", head, *(f"  {name}: {reason}" for name, reason in reasons.items())]


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
