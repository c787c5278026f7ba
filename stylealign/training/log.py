"""The training log: one JSON object a line, cut back to the resume point when a run goes on."""

import json
from pathlib import Path
from typing import Any


class TrainingLog:
    """Append-only `log.jsonl`; every line has the key `kimg`."""

    def __init__(self, path: Path, kimg: float) -> None:
        """Open the log and drop what lies after `kimg`, where the run goes on."""
        self.path = path
        kept = [line for line in self._lines() if line["kimg"] <= kimg]
        path.write_text("".join(json.dumps(line) + "\n" for line in kept), encoding="utf-8")

    def _lines(self) -> list[dict[str, Any]]:
        if not self.path.exists():
            return []
        lines = []
        for text in self.path.read_text(encoding="utf-8").splitlines():
            try:
                lines.append(json.loads(text))
            except json.JSONDecodeError:
                break  # the line that was being written when the run was killed
        return lines

    def write(self, values: dict[str, Any]) -> None:
        """Append one line."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(values) + "\n")
