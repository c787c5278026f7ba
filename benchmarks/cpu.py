"""What a CPU does with a training step: its speed, its share of the machine's ceilings, and where its time goes.

Run from the repository: `python -m benchmarks.cpu --held no avx2 --threads 1 2`. The multiplications and additions of
a step are those of `benchmarks.counting`: of the convolutions as the networks define them, and of products of matrices.
The ceilings are measured in the same process: products of matrices and convolutions that are large, and copies.
`--held avx2` holds PyTorch, its libraries and the native operations to AVX2.

Times are of the calling thread's own: what else the machine does takes its time from the wall clock (`wall` in the
notes), not from them. With two threads that is the work of one of the two, and its waiting for the other, which a
loaded machine makes long: set `OMP_WAIT_POLICY=passive` there. What 4 and 8 threads give is reckoned from each part's
time with one thread and with two (Amdahl's law); without two, as if every large operation were divided: that is the
most. With `--keep` the table goes to benchmarks/results/; with `--json` the last line is one JSON object.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F

from benchmarks.card.records import Row, as_json, commit, keep, table
from benchmarks.common import device_for, parser
from benchmarks.counting import average, count_kinds
from benchmarks.profiling import ARITHMETIC, NOT_DIVIDED, PARTS, REST, call_cost_ns, divided, profiled, with_threads
from benchmarks.training import CASES, CYCLE, at_half_strength, new_step, step_kinds, timed_step
from stylealign.config import ArchitectureSettings, TrainSettings

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
HELD = {
    "avx2": {
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "ATEN_CPU_CAPABILITY": "avx2",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
        "CXX": f"{os.environ.get('CXX', 'c++')} -mno-avx512f",
    }
}
"""Variables that hold a process to an instruction set."""
VECTORS = ("avx2", "fma", "avx512f", "avx512_bf16", "amx_bf16")
"""Instruction sets that are told of a processor."""
RECKONED = (4, 8)
"""Threads whose gain is reckoned."""
MEGABYTES = 64
"""What is copied at a time to measure the memory."""


@dataclass(frozen=True)
class Measured:
    """A case on some threads.

    Attributes:
        images_per_s: by the wall clock.
        step_s: of an average step, of the calling thread's time.
        parts: the same by part, in seconds; they add up to it.
        work: processor seconds of all threads over those of the calling one.
    """

    images_per_s: float
    step_s: float
    parts: dict[str, float]
    work: float


def thread_seconds(run: Callable[[], object], repeats: int = 5) -> float:
    """Return the fewest seconds of the calling thread that a call takes, after one that warms up."""
    times = []
    for _ in range(repeats + 1):
        started = time.thread_time_ns()
        run()
        times.append(time.thread_time_ns() - started)
    return max(min(times[1:]), 1) / 1e9


def ceilings() -> tuple[float, float]:
    """Return what the threads reach: float32 operations a second in products, and bytes a second in copies."""
    rates = []
    for rows, inner, columns in ((1024, 1024, 1024), (4096, 64, 64)):
        a, b = torch.randn(rows, inner), torch.randn(inner, columns)
        rates.append(2 * rows * inner * columns / thread_seconds(lambda a=a, b=b: a @ b))  # type: ignore[misc]
    for channels, px in ((128, 32), (256, 16)):
        images, weight = torch.randn(4, channels, px, px), torch.randn(channels, channels, 3, 3)
        images = images.contiguous(memory_format=torch.channels_last)
        took = thread_seconds(lambda x=images, w=weight: F.conv2d(x, w, padding=1))  # type: ignore[misc]
        rates.append(2 * 4 * px * px * channels**2 * 9 / took)
    source = torch.zeros(MEGABYTES * 2**18)
    target = torch.empty_like(source)
    return max(rates), 2 * source.numel() * 4 / thread_seconds(lambda: target.copy_(source))


def measured(case: str, repeats: int) -> Measured:
    """Take training steps of a case, every kind of step of a cycle in turn, as they are and timed by part: medians."""
    resolution, shape, changes = CASES[case]
    settings = TrainSettings(**changes)
    step = new_step(ArchitectureSettings(**shape), settings, resolution, torch.device("cpu"))
    at_half_strength(step)
    real = torch.rand(settings.batch_size, 3, resolution, resolution) * 2 - 1
    cost, kinds = call_cost_ns(), step_kinds(settings)
    found: dict[tuple[int, str], list[float]] = {}
    for repeat in range(repeats + 1):
        for index in kinds:
            own, all_threads = time.thread_time(), time.process_time()
            wall = timed_step(step, index, real)
            times = {"own": time.thread_time() - own, "all": time.process_time() - all_threads, "wall": wall}
            with profiled(cost) as profile:
                timed_step(step, index, real)
            for name, value in (times | {part: profile.spent_ns[part] / 1e9 for part in PARTS}).items():
                if repeat:  # the first round warms up
                    found.setdefault((index, name), []).append(value)

    def mean(name: str) -> float:
        return sum(statistics.median(found[index, name]) * count for index, count in kinds.items()) / CYCLE

    parts = {part: mean(part) for part in PARTS}
    parts[REST] = mean("own") - sum(parts.values())
    return Measured(settings.batch_size / mean("wall"), mean("own"), parts, mean("all") / mean("own"))


def rows_of(case: str, numbers: list[int], repeats: int) -> Iterator[Row]:
    """Measure a case on each number of threads; yield the lines of the table."""
    resolution, shape, changes = CASES[case]
    settings = TrainSettings(**changes)
    batch, vectors = settings.batch_size, torch.backends.cpu.get_cpu_capability()
    count = average(count_kinds(settings, ArchitectureSettings(**shape), resolution, "kernels"), settings)
    flops = count.total("flops")
    by_threads: dict[int, Measured] = {}
    for threads in numbers:
        torch.set_num_threads(threads)
        form = f"{vectors}, {threads} thread{'s' if threads > 1 else ''}"
        before, copied = ceilings()
        one = by_threads[threads] = measured(case, repeats)
        peak = max(before, ceilings()[0])  # what else runs changes it
        arithmetic_s = sum(one.parts[part] for part in ARITHMETIC)
        yield Row("ceiling", case, form, "float32", note=f"{peak / 1e9:.4g} GFLOP/s, copies {copied / 1e9:.3g} GB/s")
        yield Row(
            "step",
            case,
            form,
            "float32",
            batch / one.step_s,
            1000 * one.step_s / batch,
            flops / peak / one.step_s,
            note=f"{flops / batch / 1e9:.3g} GFLOP an image, {flops / one.step_s / 1e9:.4g} GFLOP/s; "
            f"its arithmetic {flops / arithmetic_s / 1e9:.4g} GFLOP/s; wall {one.images_per_s:.4g} images/s",
            values={
                "ceiling_gflops": peak / 1e9,
                "copies_gb_per_s": copied / 1e9,
                "gflop_per_image": flops / batch / 1e9,
                "step_ms": 1e3 * one.step_s,
                "arithmetic_of_ceiling": flops / peak / arithmetic_s,
                "wall_images_per_s": one.images_per_s,
                "work_of_all_threads": one.work,
            },
        )
        for part, took in one.parts.items():
            note = f"{1e3 * took:.4g} ms, {100 * took / one.step_s:.1f} %"
            yield Row("where a step goes", case, form, note=f"{note}: {part}", values={"ms": 1e3 * took})
    if 1 in by_threads:
        yield from threads_rows(case, vectors, batch, by_threads)


def threads_rows(case: str, vectors: str, batch: int, found: dict[int, Measured]) -> Iterator[Row]:
    """Say what more threads give: measured with two, else the most that is possible."""
    one, two = found[1].parts, found[2].parts if 2 in found else None
    shares = {part: divided(took, two[part]) if two else 1.0 for part, took in one.items() if part not in NOT_DIVIDED}
    whole, how = sum(one.values()), "from one and two threads" if two else "at most"
    share = sum(one[part] * value for part, value in shares.items()) / whole
    each = ", ".join(f"{part} {value:.2f}" for part, value in shares.items())
    yield Row("divided", case, vectors, note=f"{share:.2f} of the step: {each}", values={"share": share, **shares})
    for threads in RECKONED if two else (2, *RECKONED):
        took = with_threads(one, shares, threads)
        note = f"{whole / took:.3g} times one thread, reckoned {how}"
        form = f"{vectors}, {threads} threads"
        yield Row("reckoned", case, form, "float32", batch / took, 1000 * took / batch, note=note)


def of_processes(arguments: argparse.Namespace) -> Iterator[Row]:
    """Run a process for each instruction set; yield its lines."""
    command = [sys.executable, "-m", "benchmarks.cpu", "--json", "--repeats", str(arguments.repeats)]
    command += ["--case", *arguments.case, "--threads", *map(str, arguments.threads)]
    for held in arguments.held:
        environment = os.environ | HELD.get(held, {})
        done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"benchmarks.cpu: held to {held}, it ended with {done.returncode}")
        for row in json.loads(done.stdout.splitlines()[-1])["rows"]:
            yield Row(**row)


def processor() -> dict[str, str]:
    """Return what the system says of the first processor, nothing where it says nothing: one name has many models."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().partition("\n\n")[0].splitlines() if path.exists() else []
    pairs = (line.partition(":")[::2] for line in lines)
    return {key.strip(): value.strip() for key, value in pairs}


def facts() -> dict[str, Any]:
    """Return what identifies machine and program."""
    told = processor()
    return {
        "device": told.get("model name", "cpu"),
        "model": " ".join(told.get(key, "?") for key in ("cpu family", "model", "stepping")),
        "vectors": " ".join(flag for flag in VECTORS if flag in told.get("flags", "").split()),
        "cpus": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "omp_wait_policy": os.environ.get("OMP_WAIT_POLICY", ""),
        "torch": torch.__version__,
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M"),
        **commit(ROOT),
    }


def main() -> None:
    """Measure and print."""
    flags = parser(__doc__, CASES, ["default"], several_threads=True)
    flags.add_argument("--held", nargs="+", choices=["no", *HELD], default=["no"], help="to which instruction sets")
    flags.add_argument("--keep", action="store_true", help="keep the table in benchmarks/results/")
    arguments = flags.parse_args()
    device_for(arguments)
    about = facts()
    if arguments.held == ["no"]:
        rows = [row for case in arguments.case for row in rows_of(case, arguments.threads, arguments.repeats)]
    else:
        rows = list(of_processes(arguments))
    print(table(rows))
    if arguments.keep:
        name = f"{about['device']}-{about['date']}".lower().replace(" ", "-").replace(":", "")
        keep(RESULTS, name, about, rows)
    if arguments.json:
        print(json.dumps({"benchmark": "cpu", **as_json(about, rows)}))


if __name__ == "__main__":
    main()
