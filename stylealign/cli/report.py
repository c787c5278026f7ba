"""`stylealign report`: one HTML page with every figure, table, video and record of a run."""

import argparse
import json
from pathlib import Path

from stylealign.cli.arguments import add_rows, named_file
from stylealign.config import Config, load_config, parse_yaml, repository_of, validate
from stylealign.errors import StyleAlignError
from stylealign.report.page.document import Sources, write_report


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    add_rows(parser)
    parser.add_argument("--figures", nargs="*", default=[], type=Path, metavar="PNG", help="files of `figures`")
    parser.add_argument(
        "--videos", nargs="*", default=[], type=named_file, metavar="CHILD=MP4", help="morphs of `stylealign morph`"
    )
    parser.add_argument(
        "--previews", nargs="*", default=[], type=named_file, metavar="DOMAIN=PNG", help="previews of `stylealign data`"
    )
    parser.add_argument(
        "--artifacts",
        nargs="*",
        default=[],
        type=Path,
        metavar="FILE",
        help="models, data sets and others whose hashes the page resolves to names",
    )
    parser.add_argument("--benchmarks", type=Path, metavar="DIR", help="folder of Snakemake's benchmark files")
    parser.add_argument("--config", metavar="YAML", help="configuration of the run: a YAML file or a JSON object")
    parser.add_argument("--out", required=True, type=Path, metavar="HTML", help="the page")


def run(arguments: argparse.Namespace) -> None:
    """Write the page; print how many figures, tables and videos it holds and its size as JSON."""
    sources = Sources(
        rows=arguments.rows,
        figures=arguments.figures,
        videos=dict(arguments.videos),
        previews=dict(arguments.previews),
        artifacts=arguments.artifacts,
        benchmarks=arguments.benchmarks,
        config=None if arguments.config is None else _config(arguments.config),
    )
    print(json.dumps(write_report(arguments.out, sources)))


def _config(text: str) -> Config:
    """Return the configuration of a YAML file, as Snakemake reads it, or of a JSON object."""
    if text.lstrip().startswith("{"):
        return validate(Config, parse_yaml(text, "--config"), "--config")
    here = Path.cwd()
    if not Path(text).is_file():
        raise StyleAlignError(f"--config: {text}: No such file or directory")
    return load_config(here, repository_of(here) or here, [Path(text)])
