"""`stylealign init`: a folder that is ready for `snakemake`, without a checkout of the project."""

import argparse
import json
from pathlib import Path
from shlex import quote

from stylealign.config.run_folder import DEFAULT, run_files
from stylealign.errors import StyleAlignError
from stylealign.files import atomic_path, require_writable


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("folder", type=Path, metavar="DIR", help="folder of the run; it need not exist yet")
    parser.add_argument(
        "--config",
        default=DEFAULT,
        metavar="NAME",
        help="which configuration to start from: config (the default run), tiny, paper, ... (default: config)",
    )


def run(arguments: argparse.Namespace) -> None:
    """Write the files; print them and the next command as JSON. No file that is there is changed."""
    folder: Path = arguments.folder
    files = run_files(arguments.config)
    require_writable(folder, folder=True)
    there = [path for path in files if (folder / path).exists() or (folder / path).is_symlink()]
    if there:
        raise StyleAlignError(f"{folder / there[0]}: exists already, nothing was written; name another folder")
    for path, text in files.items():
        with atomic_path(folder / path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    print(
        json.dumps(
            {"folder": str(folder), "files": list(map(str, files)), "next": f"cd {quote(str(folder))} && snakemake"}
        )
    )
