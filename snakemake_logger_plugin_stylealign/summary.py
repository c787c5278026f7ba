"""What is printed at the end of a run: why jobs failed, where the tables and figures are, and the main numbers."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from snakemake_logger_plugin_stylealign.progress import Job, duration
from stylealign.planning.chain import chain_words, longest_chain, needs_of

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


def chain_lines(jobs: Sequence[Job]) -> list[str]:
    """Return the closing line with the longest chain of jobs that waited for each other; none for less than two jobs.

    Args:
        jobs: those that were done, with the time they took.
    """
    seconds = [job.took_s for job in jobs]
    chain = longest_chain(needs_of([job.inputs for job in jobs], [job.outputs for job in jobs]), seconds)
    if len(chain) < 2:
        return []
    own = [seconds[index] for index in chain]
    words = chain_words([jobs[index].name for index in chain], [duration(took) for took in own], own)
    return [f"longest chain: {duration(sum(own))}: {words}"]
