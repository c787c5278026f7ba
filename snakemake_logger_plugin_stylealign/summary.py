"""What is printed at the end of a run: where the tables and figures are, and the main numbers."""

from pathlib import Path

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
