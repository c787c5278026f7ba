"""`stylealign VERB ...`: finds the verb's module, runs it, and turns a user's mistake into one line."""

import argparse
import importlib
import os
import sys

from stylealign.cli.memory import keep_freed_memory
from stylealign.devices import thread_limits, usable_cpus
from stylealign.errors import StyleAlignError

VERBS = ("data", "fetch", "info", "convert", "train", "generate", "encoder", "invert", "translate", "morph", "blend",
         "supervise", "transfer", "evaluate", "tables", "figures", "card", "report", "provenance", "track", "restore",
         "plan", "gpu-run")  # fmt: skip


def verb_module(verb: str):  # type: ignore[no-untyped-def]
    """Return the module of a verb: HELP, VERSION, add_arguments(parser), run(arguments)."""
    return importlib.import_module(f"stylealign.cli.{verb.replace('-', '_')}")


def parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    top = argparse.ArgumentParser(prog="stylealign", description="Work with aligned StyleGAN2 models.")
    verbs = top.add_subparsers(dest="verb", metavar="VERB", required=True)
    for verb in VERBS:
        module = verb_module(verb)
        sub = verbs.add_parser(verb, help=module.HELP, description=module.HELP)
        module.add_arguments(sub)
    return top


def main(argv: list[str] | None = None) -> int:
    """Run one verb; return its exit code (0, or 2 for a user's mistake)."""
    arguments = parser().parse_args(argv)
    os.environ.update(thread_limits(os.environ, usable_cpus()))  # before torch is imported, which reads them once
    keep_freed_memory()
    try:
        verb_module(arguments.verb).run(arguments)
    except StyleAlignError as error:
        print(f"stylealign {arguments.verb}: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        return 1
    return 0
