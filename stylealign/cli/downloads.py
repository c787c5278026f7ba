"""What the verbs that download share: their flags, the cache, and a progress bar."""

import argparse
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm  # type: ignore[import-untyped]

from stylealign.files import user_cache

if TYPE_CHECKING:
    from stylealign.checkpoints.fetch import Cache


def add_download(parser: argparse.ArgumentParser) -> None:
    """Add the flags of everything that may download."""
    parser.add_argument(
        "--zoo", metavar="FILE", help="list of known files. Default: data/zoo.yaml here, else that of stylealign."
    )
    parser.add_argument("--offline", action="store_true", help="use only files that are on this machine")
    parser.add_argument(
        "--cache-dir",
        metavar="DIR",
        help="where downloads are kept. Default: $STYLEALIGN_CACHE, else ~/.cache/stylealign.",
    )


@contextmanager
def opened_cache(arguments: argparse.Namespace, name: str) -> "Iterator[Cache]":
    """Yield the download cache that the flags of `add_download` ask for, with a progress bar for `name`."""
    from stylealign.checkpoints.fetch import Cache  # brings torch, which `stylealign data draw` does without

    with ProgressBar(name) as bar, cache_dir(arguments.cache_dir) as folder:
        yield Cache(folder, arguments.offline, progress=bar.update)


@contextmanager
def cache_dir(given: str | None) -> Iterator[Path]:
    """Yield the folder of the download cache; for a user without a home, one that is gone afterwards."""
    folder = Path(given) if given else user_cache()
    if folder is not None:
        yield folder
        return
    with tempfile.TemporaryDirectory() as passing:
        reason = "no home folder to write in, so downloads are not kept"
        print(f"note: {reason}; give --cache-dir or set STYLEALIGN_CACHE", file=sys.stderr, flush=True)
        yield Path(passing)


class ProgressBar:
    """A bar on stderr with rate and time left; it appears with the first byte."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.bar: Any = None

    def update(self, received: int, total: int | None) -> None:
        """Show that `received` of `total` bytes are here."""
        if self.bar is None:
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
