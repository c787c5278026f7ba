"""The process of `benchmarks.gpu` that measures: one part after another, everything told in a journal.

Run as a program it prints what identifies machine and program, and the names of the parts.
"""

import dataclasses
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

if not torch.cuda.is_available():
    os.environ["TRITON_INTERPRET"] = "1"  # before Triton is imported, which settles it

from benchmarks.card.parts import ON_A_CARD, TINY_PARTS, Part, measured_ceilings
from benchmarks.card.records import Row
from benchmarks.card.timings import fresh
from stylealign.cli.memory import keep_freed_memory
from stylealign.installed import release


def parts() -> dict[str, Part]:
    """Return the parts that this machine can run."""
    return ON_A_CARD if torch.cuda.is_available() else TINY_PARTS


def facts() -> dict[str, Any]:
    """Return the card and the versions."""
    found: dict[str, Any] = {"device": "cpu", "torch": torch.__version__, "cuda": torch.version.cuda}
    found["triton"] = release("triton")
    if torch.cuda.is_available():
        properties = torch.cuda.get_device_properties(0)
        found |= {
            "device": properties.name,
            "memory_gib": round(properties.total_memory / 2**30, 1),
            "multiprocessors": properties.multi_processor_count,
            "cudnn": torch.backends.cudnn.version(),
            "cudnn_tf32": torch.backends.cudnn.allow_tf32,
        }
    return found


def work(journal: Path, names: Sequence[str]) -> None:
    """Run parts and write what happens to the journal; end the process where the card no longer answers.

    Args:
        journal: holds the rows of the processes before, whose ceilings count.
        names: of the parts.
    """
    torch.set_flush_denormal(True)
    keep_freed_memory()
    rows = [Row(**line["row"]) for line in map(json.loads, journal.read_text().splitlines())]
    with journal.open("a") as file:

        def tell(**what: Any) -> None:
            file.write(json.dumps(what) + "\n")
            file.flush()

        for name in names:
            tell(begins=name)
            try:
                for row in parts()[name].rows(measured_ceilings(rows)):
                    rows.append(row)
                    tell(row=dataclasses.asdict(row))
            except Exception as error:  # a part that fails is a line, whatever it raises
                tell(row=dataclasses.asdict(Row(name, error=f"{type(error).__name__}: {error}")))
            tell(ends=name)
            _go_on_or_end()


def _go_on_or_end() -> None:
    """Free memory; a card that an illegal access has stopped answers no more in this process."""
    try:
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        fresh()
    except RuntimeError as error:
        print(f"benchmarks.gpu: the card does not answer, a new process goes on ({error})", file=sys.stderr)
        os._exit(3)


if __name__ == "__main__":
    print(json.dumps({"facts": facts(), "limits": {name: part.limit_s for name, part in parts().items()}}))
