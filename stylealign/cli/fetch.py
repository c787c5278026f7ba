"""`stylealign fetch`: a known model, a file or an address becomes a native checkpoint."""

import argparse
import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stylealign.checkpoints.fetch import Cache

HELP = "get a model by name (data/zoo.yaml), path or address, check it and store it in the native format"
VERSION = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of the verb."""
    parser.add_argument("source", metavar="SOURCE", help="name in the zoo, path, or http(s) address")
    parser.add_argument("--out", required=True, metavar="FILE", help="native checkpoint to write (model.safetensors)")
    parser.add_argument("--sha256", metavar="HEX", help="checksum that the source file must have")
    parser.add_argument(
        "--weights",
        action="store_true",
        help="SOURCE is a feature network of the zoo: store its file as it is",
    )
    add_download(parser)


def add_download(parser: argparse.ArgumentParser) -> None:
    """Add the flags of everything that may download."""
    parser.add_argument(
        "--zoo", default="data/zoo.yaml", metavar="FILE", help="list of known files. Default: data/zoo.yaml."
    )
    parser.add_argument("--offline", action="store_true", help="use only files that are on this machine")
    parser.add_argument(
        "--cache-dir",
        metavar="DIR",
        help="where downloads are kept. Default: $STYLEALIGN_CACHE, else ~/.cache/stylealign.",
    )


def run(arguments: argparse.Namespace) -> None:
    """Fetch the model and print what was written as JSON."""
    from stylealign.checkpoints.fetch import fetch

    if arguments.weights:
        _fetch_weights(arguments)
        return
    with opened_cache(arguments, arguments.source) as cache:
        result = fetch(arguments.source, arguments.out, zoo=arguments.zoo, cache=cache, sha256=arguments.sha256)
    for notice in result["notices"]:
        print(f"stylealign fetch: {arguments.source}: {notice}", file=sys.stderr)
    print(json.dumps(result, indent=2))


def _fetch_weights(arguments: argparse.Namespace) -> None:
    """Store a file of weights as it was published."""
    from stylealign.checkpoints.fetch import fetch_file
    from stylealign.files import atomic_path, sha256_of_file

    with opened_cache(arguments, arguments.source) as cache:
        file = fetch_file("weights", arguments.source, arguments.zoo, cache)
    with atomic_path(arguments.out) as temporary:
        shutil.copyfile(file, temporary)
    print(json.dumps({"path": arguments.out, "sha256": sha256_of_file(arguments.out)}, indent=2))


@contextmanager
def opened_cache(arguments: argparse.Namespace, name: str) -> "Iterator[Cache]":
    """Yield the download cache that the flags of `add_download` ask for, with a progress bar for `name`."""
    from stylealign.checkpoints.fetch import Cache

    with ProgressBar(name) as bar:
        yield Cache(cache_dir(arguments.cache_dir), arguments.offline, progress=bar.update)


def cache_dir(given: str | None) -> Path:
    """Return the folder of the download cache."""
    if given or os.environ.get("STYLEALIGN_CACHE"):
        return Path(given or os.environ["STYLEALIGN_CACHE"])
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "stylealign"


class ProgressBar:
    """A bar on stderr with rate and time left; it appears with the first byte."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.bar: Any = None

    def update(self, received: int, total: int | None) -> None:
        """Show that `received` of `total` bytes are here."""
        if self.bar is None:
            from tqdm import tqdm  # type: ignore[import-untyped]

            # A log file gets a line now and then instead of a redrawn bar.
            quiet = 0.1 if sys.stderr.isatty() else 10.0
            self.bar = tqdm(
                total=total, unit="B", unit_scale=True, desc=self.name[-40:], mininterval=quiet, file=sys.stderr
            )
        self.bar.total = total
        self.bar.update(received - self.bar.n)

    def __enter__(self) -> "ProgressBar":
        return self

    def __exit__(self, *error: object) -> None:
        if self.bar is not None:
            self.bar.close()
