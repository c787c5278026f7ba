"""Which files a browser may name: regular ones in the folder of the page's files. Knows no gradio."""

import os.path
from pathlib import Path
from typing import Any


def uploaded(folder: Path, named: Any) -> Path | None:
    """Return the file that a browser names, or None for whatever is not a regular file in a folder.

    None tells nothing of what lies elsewhere: outside of the folder nothing is looked up, and no link is followed out.

    Args:
        folder: of the page's files.
        named: what was sent as a path: a text, or anything else.
    """
    if not isinstance(named, str) or not Path(os.path.normpath(named)).is_relative_to(folder):
        return None
    try:
        path = Path(named).resolve(strict=True)
    except (OSError, ValueError):
        return None
    return path if path.is_relative_to(folder.resolve()) and path.is_file() else None
