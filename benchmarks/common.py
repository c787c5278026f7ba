"""What every benchmark of the networks shares: flags, device, and the JSON object of the last line."""

import argparse
import json
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager, nullcontext

import torch

from benchmarks.plain import plain_form
from stylealign.cli.memory import keep_freed_memory
from stylealign.devices import compute_device

FORMS: dict[str, Callable[[], AbstractContextManager[None]]] = {"fast": nullcontext, "plain": plain_form}


def parser(
    description: str | None, cases: Collection[str], default: Sequence[str], several_threads: bool = False
) -> argparse.ArgumentParser:
    """Return the flags of every benchmark; `several_threads`: it measures with one number of threads after another."""
    flags = argparse.ArgumentParser(description=description)
    flags.add_argument("--case", nargs="+", choices=cases, default=default, help="what to measure")
    flags.add_argument("--repeats", type=int, default=5, help="measured rounds")
    if several_threads:
        flags.add_argument(
            "--threads", type=int, nargs="+", default=[1], help="numbers of CPU threads, one after another"
        )
    else:
        flags.add_argument("--threads", type=int, help="CPU threads; PyTorch's own number by default")
    flags.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    return flags


def device_for(arguments: argparse.Namespace) -> torch.device:
    """Set up PyTorch as the flags say; return the device to measure on."""
    if isinstance(arguments.threads, int):
        torch.set_num_threads(arguments.threads)
    torch.set_flush_denormal(True)
    keep_freed_memory()
    return compute_device()


def report(name: str, arguments: argparse.Namespace, measure: Callable[[str], dict[str, object]]) -> None:
    """Measure every case; print its line, and with `--json` all of them as one object at the end."""
    cases = []
    for case in arguments.case:
        cases.append(measure(case))
        print("  ".join(f"{key} {value}" for key, value in cases[-1].items()), flush=True)
    if arguments.json:
        summary = {
            "benchmark": name,
            "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
            "threads": torch.get_num_threads(),
            "torch": torch.__version__,
            # The lowest of the cases.
            "ratio_to_plain": min((case["ratio_to_plain"] for case in cases if "ratio_to_plain" in case), default=None),  # type: ignore[type-var]
            "ratio_to_peer": min((case["ratio_to_peer"] for case in cases if "ratio_to_peer" in case), default=None),  # type: ignore[type-var]
            "cases": cases,
        }
        print(json.dumps(summary))
