"""`stylealign VERB ...`: finds the verb's module, runs it, and turns a user's mistake into one line."""

import argparse
import errno
import importlib
import os
import shutil
import sys
import textwrap
from collections.abc import Iterable, Sequence
from types import ModuleType

from stylealign.cli.memory import first_line, keep_freed_memory, out_of_memory
from stylealign.cli.parsing import Parser, PrintVersion, require_inputs_kept
from stylealign.cli.verbs import GROUPS, VERBS
from stylealign.devices import thread_limits, usable_cpus
from stylealign.errors import StyleAlignError
from stylealign.files import printable
from stylealign.interrupts import EXIT_INTERRUPTED, EXIT_TERMINATED, Terminated, sigterm_raised


def verb_module(verb: str) -> ModuleType:
    """Return the module of a verb: add_arguments(parser), run(arguments)."""
    return importlib.import_module(f"stylealign.cli.{verb.replace('-', '_')}")


def parser(flags_of: Iterable[str] = VERBS) -> argparse.ArgumentParser:
    """Return the parser of the command line, with the flags of the verbs `flags_of`: their modules are imported."""
    top = Parser(
        prog="stylealign",
        usage="stylealign [-h] [--version] VERB ...",
        description="Work with aligned StyleGAN2 models.",
        epilog=_listed(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action=PrintVersion, help="print the version of the package and end")
    # The epilog lists the verbs by group, which argparse's own list cannot.
    verbs = top.add_subparsers(dest="verb", metavar="VERB", required=True, prog="stylealign", help=argparse.SUPPRESS)
    subs = {verb: verbs.add_parser(verb, help=text, description=text) for verb, text in VERBS.items()}
    for verb in flags_of:
        verb_module(verb).add_arguments(subs[verb])
    return top


def _listed() -> str:
    """Return the verbs by group, each with its line of help, as wide as the terminal."""
    width = max(40, shutil.get_terminal_size().columns - 2)
    indent = " " * (max(map(len, VERBS)) + 4)
    lines = ["stylealign help VERB: what a verb's flags are."]
    for group, verbs in GROUPS.items():
        lines += ["", f"{group}:"]
        for verb in verbs:
            first = f"  {verb}".ljust(len(indent))
            lines.append(textwrap.fill(VERBS[verb], width, initial_indent=first, subsequent_indent=indent))
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; return its exit code: 0, 2 for a user's mistake, 130 after Ctrl-C, 143 after `kill`."""
    words = sys.argv[1:] if argv is None else list(argv)
    if not words:
        parser([]).print_help(sys.stderr)
        return 2
    if words[0] == "help":
        words = [*words[1:], "--help"]
    verb = next((word for word in words if not word.startswith("-")), "")
    try:
        with sigterm_raised():
            _run(verb, words)
    except StyleAlignError as error:
        print(f"stylealign {verb}: {printable(str(error))}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"stylealign {verb}: interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
    except Terminated:
        print(f"stylealign {verb}: terminated", file=sys.stderr)
        return EXIT_TERMINATED
    except BrokenPipeError:
        return 1
    except (MemoryError, RuntimeError) as error:
        if not out_of_memory(error):
            raise
        remedy = "take fewer or smaller images at once"
        print(f"stylealign {verb}: out of memory; {remedy} ({first_line(error)})", file=sys.stderr)
        return 2
    except OSError as error:
        is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)  # told of an open file without its name
        if error.strerror is None or (error.filename is None and not is_full):
            raise
        # What the system says of a file (read-only, full, not permitted, no folder) is no fault of the program.
        name = "a file" if error.filename is None else error.filename
        print(f"stylealign {verb}: {printable(f'{name}: {error.strerror}')}", file=sys.stderr)
        return 2
    return 0


def _run(verb: str, words: Sequence[str]) -> None:
    """Parse and run; the settings of the process come before the verb's module, which may import torch."""
    os.environ.update(thread_limits(os.environ, usable_cpus()))
    arguments = parser([verb] if verb in VERBS else []).parse_args(words)
    require_inputs_kept(arguments)
    keep_freed_memory()
    verb_module(arguments.verb).run(arguments)
