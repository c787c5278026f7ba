"""The training log: one JSON object a line, and TensorBoard's event files; both cut back to where a run goes on."""

import importlib.util
import json
from collections.abc import Mapping, Sequence
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
        self.now = [line for line in kept if line["kimg"] == kimg]
        """What it says of where the run is."""
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

    def write(self, values: dict[str, Any]) -> bool:
        """Append one line and return whether it is new; a run that is ended again says nothing twice."""
        if values in self.now:
            return False
        self.now = [line for line in self.now if line["kimg"] == values["kimg"]] + [values]
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(values) + "\n")
        return True


class EventFiles:
    """TensorBoard's event files; the horizontal axis counts images."""

    def __init__(self, directory: Path, images_shown: int, now: Sequence[Mapping[str, Any]] = ()) -> None:
        """Open a new file; TensorBoard leaves out what older files say of `images_shown` and later.

        Args:
            directory: where the files are.
            images_shown: where the run goes on.
            now: lines of the log of that very place, which are said again. What was measured behind the saved state is
                not among them: TensorBoard leaves it out as the log does.
        """
        from torch.utils.tensorboard import SummaryWriter  # takes time, and TensorBoard may not be installed

        self._writer = SummaryWriter(str(directory), purge_step=images_shown)
        for line in now:
            self.write({name: value for name, value in line.items() if name != "kimg"}, images_shown)

    @classmethod
    def open(cls, directory: Path, images_shown: int, now: Sequence[Mapping[str, Any]] = ()) -> "EventFiles | None":
        """Return event files as the constructor does, or None where TensorBoard is not installed."""
        return cls(directory, images_shown, now) if importlib.util.find_spec("tensorboard") else None

    def write(self, values: dict[str, Any], images_shown: int) -> None:
        """Add scalars by name."""
        for name, value in values.items():
            self._writer.add_scalar(name, value, images_shown)

    def close(self) -> None:
        """Write what is still held back."""
        self._writer.close()
