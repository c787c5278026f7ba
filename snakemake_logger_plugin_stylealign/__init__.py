"""Snakemake plugin of StyleAlign: progress with time left, where the results are, and one repaired command line.

Snakemake imports every installed `snakemake_logger_plugin_*` package before it parses its arguments. That is what
makes `snakemake --cores 8 --resources gpu=4 results/tables/all.csv` work (see `arguments.py`), and tells in one line
what Snakemake answers with a traceback (see `checks.py`).
"""

import sys

from snakemake_interface_logger_plugins.base import LogHandlerBase

from snakemake_logger_plugin_stylealign.arguments import is_snakemake_command, separate_targets
from snakemake_logger_plugin_stylealign.checks import problem_of
from snakemake_logger_plugin_stylealign.handler import LogHandler, LogHandlerSettings

__all__ = ["LogHandler", "LogHandlerBase", "LogHandlerSettings"]

if is_snakemake_command(sys.argv):
    sys.argv[1:] = separate_targets(sys.argv[1:])
    problem = problem_of(sys.argv[1:])
    if problem is not None:
        print(f"snakemake: {problem}", file=sys.stderr)
        sys.exit(2)
