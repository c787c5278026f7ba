"""What a run on a card has found: rows, the table that people read, and the files that are kept."""

import json
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

HEADS = ("part", "case", "form", "precision", "images/s", "s/kimg", "of roof", "GiB", "note")
"""Columns of the table."""


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        part: what was measured.
        case, form, precision: of what, computed how.
        images_per_s, s_per_kimg: the speed.
        of_roof: the time at the card's measured ceilings as a share of the time taken.
        memory_gib: the most memory in use.
        note: what else was found.
        error: why there is no number, or what is wrong with it; empty where all is well.
        values: further numbers by name, for the file.
    """

    part: str
    case: str = ""
    form: str = ""
    precision: str = ""
    images_per_s: float | None = None
    s_per_kimg: float | None = None
    of_roof: float | None = None
    memory_gib: float | None = None
    note: str = ""
    error: str = ""
    values: dict[str, float] | None = None

    def cells(self) -> tuple[str, ...]:
        """Return the row as text."""
        note = f"FAILED: {self.error}" if self.error else self.note
        share = "" if self.of_roof is None else f"{100 * self.of_roof:.0f} %"
        speed = (_number(self.images_per_s), _number(self.s_per_kimg), share, _number(self.memory_gib))
        return self.part, self.case, self.form, self.precision, *speed, " ".join(note.split())[:160]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}" if value < 1000 else f"{value:.0f}"


def table(rows: Sequence[Row]) -> str:
    """Return the rows as one table in Markdown."""
    lines = [HEADS, *(row.cells() for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADS))]
    text = [" | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines]
    rule = " | ".join("-" * width for width in widths)
    return "\n".join(f"| {line} |" for line in [text[0], rule, *text[1:]])


def as_json(facts: dict[str, Any], rows: Sequence[Row]) -> dict[str, Any]:
    """Return a run as a JSON object: facts of the machine, and the rows without what is empty."""
    kept = [{key: value for key, value in asdict(row).items() if value not in (None, "")} for row in rows]
    return {**facts, "rows": kept}


def commit(root: Path) -> dict[str, str]:
    """Return the commit of a working tree, as a fact of a run; `-dirty` behind it where files differ from it.

    Nothing where there is no git, or no repository.
    """
    command = ["git", "describe", "--always", "--dirty", "--exclude=*"]
    try:
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return {}
    return {"commit": done.stdout.strip()} if done.returncode == 0 else {}


def keep(folder: Path, name: str, facts: dict[str, Any], rows: Sequence[Row]) -> None:
    """Write `name.json` and `name.md`, replacing what an earlier part of the same run wrote."""
    folder.mkdir(parents=True, exist_ok=True)
    heading = f"# {facts.get('device')}, {facts.get('date')}\n\n"
    versions = ", ".join(
        f"{key} {facts[key]}" for key in ("driver", "cuda", "torch", "triton", "commit", "cpus", "load") if key in facts
    )
    for path, text in (
        (folder / f"{name}.json", json.dumps(as_json(facts, rows), indent=1) + "\n"),
        (folder / f"{name}.md", f"{heading}{versions}\n\n{table(rows)}\n"),
    ):
        beside = path.with_suffix(path.suffix + ".part")
        beside.write_text(text)
        beside.replace(path)
