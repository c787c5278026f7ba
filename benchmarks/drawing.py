"""Images a second of drawing, labels included, of every drawn domain: by the clock, and by the time of the processor.

Run from the repository: `python -m benchmarks.drawing`. One process draws `--images` images of a fresh seed at 64 px,
after a few that load the artwork. `per_core` is images a second of processor time: what a core draws with nothing else
to do.
With `--json` the last line is one JSON object.
"""

import argparse
import json
import time

from stylealign.config import drawn_domains
from stylealign.datasets.avatars import draw_avatar

WARM_UP = 5
RESOLUTION_PX = 64


def measure(domain: str, images: int) -> dict[str, object]:
    """Return images a second of one domain."""
    for index in range(WARM_UP):
        draw_avatar(domain, "train", index, 1, RESOLUTION_PX)
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    for index in range(images):
        draw_avatar(domain, "train", index, 2, RESOLUTION_PX)
    wall_s, cpu_s = time.perf_counter() - wall_s, time.process_time() - cpu_s
    return {
        "case": domain,
        "images": images,
        "drawn_images_per_s": round(images / wall_s, 1),
        "per_core_images_per_s": round(images / cpu_s, 1),
    }


def main() -> None:
    """Measure and print."""
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("--case", nargs="+", choices=drawn_domains(), default=drawn_domains(), help="domains to draw")
    flags.add_argument("--images", type=int, default=1000, help="images of each domain")
    flags.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    arguments = flags.parse_args()
    cases = []
    for case in arguments.case:
        cases.append(measure(case, arguments.images))
        print("  ".join(f"{key} {value}" for key, value in cases[-1].items()), flush=True)
    if arguments.json:
        slowest = min(float(str(case["per_core_images_per_s"])) for case in cases)
        print(json.dumps({"benchmark": "drawing", "slowest_per_core_images_per_s": slowest, "cases": cases}))


if __name__ == "__main__":
    main()
