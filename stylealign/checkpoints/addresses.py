"""Addresses that people copy: the page that shows a file, turned into the address that sends it.

Most published models lie where a browser shows a page first: Google Drive, Dropbox, and the `blob` pages of code and
model hosts. Drive sends a form instead of a large file ("cannot be scanned for viruses"), and for a file that many
fetched that day a page that says so.
"""

import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import PurePosixPath
from urllib.parse import parse_qs, quote, urlencode, urljoin, urlsplit, urlunsplit

DRIVE_FILE = "https://drive.usercontent.google.com/download"
DRIVE_FOLDER = "https://drive.google.com/embeddedfolderview"
DRIVE_HOSTS = frozenset({"drive.google.com", "docs.google.com", "drive.usercontent.google.com"})
MODEL_SUFFIXES = frozenset({".pkl", ".pt", ".pth", ".safetensors", ".ckpt", ".bin", ".pickle"})
_ID = r"([\w-]{10,})"


def direct(url: str) -> str:
    """Return the address that sends the file which `url` shows; `url` itself where no page is known to show it."""
    parts = urlsplit(url)
    host = (parts.hostname or "").removeprefix("www.")
    if host in DRIVE_HOSTS:
        return _drive(url)
    if host == "dropbox.com":
        query = {name: values[0] for name, values in parse_qs(parts.query).items() if name not in ("dl", "raw")}
        return urlunsplit(parts._replace(query=urlencode(query | {"dl": "1"}), fragment=""))
    change = _BLOB_PAGES.get(host)
    return url if change is None else urlunsplit(parts._replace(path=change(parts.path), fragment=""))


def drive_folder(url: str) -> str | None:
    """Return the id of the Google Drive folder that an address shows, None for anything else."""
    parts = urlsplit(url)
    if parts.hostname not in DRIVE_HOSTS:
        return None
    found = re.search(rf"/folders/{_ID}", parts.path)
    if found is not None:
        return found[1]
    return _query(url, "id") if parts.path.endswith(("/folderview", "/embeddedfolderview")) else None


def folder_page(folder: str) -> str:
    """Return the address of the list of a Drive folder's files."""
    return f"{DRIVE_FOLDER}?id={quote(folder)}"


def models_in_folder(page: str) -> dict[str, str]:
    """Return the address of each checkpoint among the files that the list of a Drive folder names, by file name."""
    names = _FolderNames()
    names.feed(page)
    known = {name: url for name, url in names.files if PurePosixPath(name).suffix.lower() in MODEL_SUFFIXES}
    return known or dict(names.files)


def confirmed(url: str, page: str) -> str | None:
    """Return the address that the form of a page leads to, when it is pressed; None where it is no such form.

    Args:
        url: address of the page.
        page: its HTML.
    """
    form = _DownloadForm()
    form.feed(page)
    return None if form.action is None else f"{urljoin(url, form.action)}?{urlencode(form.values)}"


def refusal(url: str, page: str) -> str | None:
    """Return why a page was sent instead of a file, where that passes by: Drive's daily limit; None otherwise."""
    if urlsplit(url).hostname == urlsplit(DRIVE_FILE).hostname and re.search(
        r"quota exceeded|too many users have viewed or downloaded this file", page, re.IGNORECASE
    ):
        return "Google Drive's limit of downloads of this file is reached for now: try again in a day"
    return None


def _drive(url: str) -> str:
    found = re.search(rf"/file/(?:u/\d+/)?d/{_ID}", urlsplit(url).path)
    file = found[1] if found else _query(url, "id")
    if file is None or drive_folder(url) is not None:
        return url
    key = _query(url, "resourcekey")
    values = {"id": file, "export": "download", "confirm": "t"} | ({"resourcekey": key} if key else {})
    return f"{DRIVE_FILE}?{urlencode(values)}"


def _query(url: str, name: str) -> str | None:
    values = parse_qs(urlsplit(url).query).get(name)
    return values[0] if values else None


def _replaced(pattern: str, replacement: str) -> Callable[[str], str]:
    return lambda path: re.sub(pattern, replacement, path, count=1)


_BLOB_PAGES = {
    "github.com": _replaced(r"^(/[^/]+/[^/]+)/blob/", r"\1/raw/"),
    "gitlab.com": _replaced(r"/-/blob/", r"/-/raw/"),
    "huggingface.co": _replaced(r"^((?:/(?:datasets|spaces))?/[^/]+/[^/]+)/blob/", r"\1/resolve/"),
    "hf.co": _replaced(r"^((?:/(?:datasets|spaces))?/[^/]+/[^/]+)/blob/", r"\1/resolve/"),
}


class _FolderNames(HTMLParser):
    """Names and addresses of the files of a Drive folder, from the page that other pages embed."""

    def __init__(self) -> None:
        super().__init__()
        self.files: list[tuple[str, str]] = []
        self._link, self._in_title = "", False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "a":
            self._link = values.get("href") or ""
        self._in_title = "flip-entry-title" in (values.get("class") or "")

    def handle_data(self, data: str) -> None:
        if self._in_title and drive_folder(self._link) is None:
            self.files.append((data.strip(), self._link))
        self._in_title = False


class _DownloadForm(HTMLParser):
    """Where the form `download-form` of Drive leads, with its hidden values."""

    def __init__(self) -> None:
        super().__init__()
        self.action: str | None = None
        self.values: dict[str, str] = {}
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "form" and values.get("id") == "download-form":
            self.action, self._inside = values.get("action", ""), True
        elif tag == "input" and self._inside and values.get("name"):
            self.values[values["name"]] = values.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        self._inside = self._inside and tag != "form"
