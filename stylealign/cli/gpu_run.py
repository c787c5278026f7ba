"""`stylealign gpu-run -n N -- COMMAND`: run a command on N leased GPUs."""

import argparse
import os
import sys

from stylealign.devices import leased_environment
from stylealign.errors import StyleAlignError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("-n", type=int, required=True, metavar="N", help="GPUs to wait for; 0 hides all of them")
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="-- COMMAND", help="command and its arguments")


def run(arguments: argparse.Namespace) -> None:
    """Become the command, which holds the leases until it ends."""
    command = arguments.command[1:] if arguments.command[:1] == ["--"] else arguments.command
    if not command:
        raise StyleAlignError("no command; write it after --")
    if arguments.n < 0:
        raise StyleAlignError(f"-n: must be 0 or more, not {arguments.n}")
    variables = leased_environment(arguments.n, os.environ, _notify)
    sys.stderr.flush()
    try:
        os.execvpe(command[0], command, {**os.environ, **variables})
    except OSError as error:
        raise StyleAlignError(f"{command[0]}: cannot be run ({error.strerror})") from error


def _notify(line: str) -> None:
    print(f"stylealign gpu-run: {line}", file=sys.stderr)
