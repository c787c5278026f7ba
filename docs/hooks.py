"""What mkdocs does beside copying pages: it makes those of verbs and configuration, and mends links into the tree.

Pages link to each other as files do, so that they also read on a code host; a link to a file outside of `docs/` that
has a page here leads to that page.
"""

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

from stylealign.cli.manual import verb_index, verb_pages
from stylealign.cli.verbs import VERBS
from stylealign.report.reference import config_reference

CHANGELOG = Path(__file__).parents[1] / "CHANGELOG.md"
PAGES_OF = {"config/README.md": "configuration.md", "CHANGELOG.md": "changelog.md"}
"""Files of the tree -> their pages."""


def on_config(config: Any) -> Any:
    """Add to the navigation the verbs, and under "More" the pages that `mkdocs.yml` does not list.

    A page for addresses that a server does not know is left out: its links are absolute, and dead from disk.
    """
    config.theme.static_templates.discard("404.html")
    verbs = [f"verbs/{verb}.md" for verb in VERBS]
    for section in config.nav:
        if "Commands" in section:
            section["Commands"] = ["verbs/index.md", *({Path(page).stem: page} for page in verbs)]
    root = Path(config.docs_dir)
    listed = set(_pages(config.nav))
    more = [name for path in sorted(root.rglob("*.md")) if (name := path.relative_to(root).as_posix()) not in listed]
    if more:
        config.nav.append({"More": more})
    return config


def _pages(nav: Any) -> Iterator[str]:
    """Yield the paths of a navigation's pages."""
    if isinstance(nav, str):
        yield nav
    else:
        for item in nav.values() if isinstance(nav, dict) else nav:
            yield from _pages(item)


def on_files(files: Files, config: Any) -> Files:
    """Add the generated pages."""
    pages = {
        "configuration.md": config_reference(),
        "changelog.md": CHANGELOG.read_text(encoding="utf-8"),
        "verbs/index.md": verb_index(),
        **{f"verbs/{verb}.md": text for verb, text in verb_pages().items()},
    }
    for path, text in pages.items():
        files.append(File.generated(config, path, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Point links to files of the tree that have a page at the page."""
    folder = posixpath.dirname(page.file.src_uri)

    def link(match: re.Match[str]) -> str:
        address, _, anchor = match[1].partition("#")
        root = "" if page.file.src_uri == "changelog.md" else "docs"
        path = posixpath.normpath(posixpath.join(root, folder, address))
        target = PAGES_OF.get(path) or (posixpath.relpath(path, "docs") if path.startswith("docs/") else None)
        if target is None or "://" in address or not address:
            return match[0]
        return f"]({posixpath.relpath(target, folder or '.')}{'#' + anchor if anchor else ''})"

    return re.sub(r"\]\(([^)\s]+)\)", link, markdown)


def on_page_content(html: str, **_: Any) -> str:
    """Keep each flag of a command whole: browsers break lines after its hyphens."""

    def block(match: re.Match[str]) -> str:
        return re.sub(r"(?<=</span>)(--?[a-z][\w-]*)", r'<span class="flag">\1</span>', match[0])

    return re.sub(r'<div class="language-sh highlight">.*?</div>', block, html, flags=re.DOTALL)
