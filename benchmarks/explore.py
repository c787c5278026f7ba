"""Milliseconds that a change on the page of `stylealign explore` takes, from the controls' values to the page's images.

Run from the repository: `python -m benchmarks.explore`. It draws the bundled parent and its children with the code that
the page's events run, writes the images as the page gets them, and gives the median of `--repeats` different changes of
each control: by the clock, and by the time of the processor, which other work on the machine does not lengthen much.
What the server and the browser add is not in it.
With `--json` the last line is one JSON object.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.common import device_for, parser, report
from stylealign.checkpoints.zoo import default_zoo
from stylealign.explore.desk import END_SEED, SEED, Desk
from stylealign.explore.family import family_of
from stylealign.explore.finding import directions_of
from stylealign.explore.scene import ALL_LAYERS, Explorer
from stylealign.explore.tiles import as_html
from stylealign.metrics.perceptual import perceptual_distance

LIMIT_MS = 150
"""What a change may take, the page's own work included."""
WARM_UP = 2
STILL = {"seed": SEED, "end_seed": END_SEED, "code_t": 0.0, "weights_t": 1.0, "layers": ALL_LAYERS, "psi": 1.0}
"""The controls as the page starts, in their order; directions follow."""


def changes(names: list[str]) -> dict[str, Callable[[int], list[object]]]:
    """Return what each case changes: from the number of the round to the values of all controls."""

    def values(strength: float = 0.0, **changed: object) -> list[object]:
        return [*(STILL | changed).values(), names[:4], strength, 0.0, 0.0, 0.0]

    return {
        "seed": lambda number: values(seed=number),
        "truncation": lambda number: values(psi=1 - number / 100),
        "code": lambda number: values(code_t=(number + 1) / 100),
        "weights": lambda number: values(weights_t=(number + 1) / 100),
        "both": lambda number: values(code_t=(number + 1) / 100, weights_t=(number + 1) / 100),
        "layers": lambda number: values(layers=("from 16 px", "up to 16 px", "from 32 px")[number % 3]),
        "direction": lambda number: values(strength=(number + 1) / 10),
    }


def main() -> None:
    """Measure and print."""
    cases = list(changes([]))
    flags = parser(__doc__, cases, cases)
    flags.formatter_class = argparse.RawDescriptionHelpFormatter
    flags.set_defaults(repeats=20)
    arguments = flags.parse_args()
    device_for(arguments)
    family = family_of(None, [], default_zoo())
    directions = directions_of(family.parent, [])
    with tempfile.TemporaryDirectory() as folder:
        distance = lambda: perceptual_distance("efficientnet-lite0", None)  # noqa: E731 - never called: no picture
        desk = Desk(Explorer(family, directions), None, distance, Path(folder))
        made = changes(list(directions))

        def measure(case: str) -> dict[str, object]:
            wall_ms, cpu_ms = [], []
            for number in range(WARM_UP + arguments.repeats):
                wall_s, cpu_s = time.perf_counter(), time.process_time()
                as_html(desk.tiles(None, *made[case](number)))
                wall_ms.append(1e3 * (time.perf_counter() - wall_s))
                cpu_ms.append(1e3 * (time.process_time() - cpu_s))
            own = statistics.median(wall_ms[WARM_UP:]), statistics.median(cpu_ms[WARM_UP:])
            return {"case": case, "wall_ms": round(own[0], 1), "processor_ms": round(own[1], 1), "limit_ms": LIMIT_MS}

        report("explore", arguments, measure)


if __name__ == "__main__":
    main()
