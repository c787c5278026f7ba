"""The training log: one JSON object a line, and TensorBoard's event files; both cut back to where a run goes on."""

import importlib.util
import json
from pathlib import Path
from typing import Any

from stylealign.files import atomic_path

END = {"end": True}
"""Marks a line of what was measured behind the saved state."""


class TrainingLog:
    """Append-only `log.jsonl`; every line has the key `kimg`."""

    def __init__(self, path: Path, kimg: float) -> None:
        """Open the log and drop what lies after `kimg`, where the run goes on, or behind its state."""
        self.path = path
        kept = [line for line in self._lines() if line["kimg"] <= kimg and not END.items() <= line.items()]
        self._now = [line for line in kept if line["kimg"] == kimg]
        with atomic_path(path) as temporary:
            temporary.write_text("".join(json.dumps(line) + "\n" for line in kept), encoding="utf-8")

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
        """Append one line; a run that is ended again says nothing twice."""
        if values in self._now:
            return
        self._now = [line for line in self._now if line["kimg"] == values["kimg"]] + [values]
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(values) + "\n")


class EventFiles:
    """TensorBoard's event files; the horizontal axis counts images."""

    def __init__(self, directory: Path, images_shown: int) -> None:
        """Open a new file; TensorBoard leaves out what older files say after `images_shown`."""
        from torch.utils.tensorboard import SummaryWriter  # takes time, and TensorBoard may not be installed

        self._writer = SummaryWriter(str(directory), purge_step=images_shown + 1)

    @classmethod
    def open(cls, directory: Path, images_shown: int) -> "EventFiles | None":
        """Return event files, or None where TensorBoard is not installed."""
        return cls(directory, images_shown) if importlib.util.find_spec("tensorboard") else None

    def write(self, values: dict[str, Any], images_shown: int) -> None:
        """Add scalars by name."""
        for name, value in values.items():
            self._writer.add_scalar(name, value, images_shown)

    def close(self) -> None:
        """Write what is still held back."""
        self._writer.close()
