"""HTTP downloads that survive bad connections: resume, retries with back-off, mirrors, a checked sha256.

A download grows in `NAME.part` and takes its final name only when it is complete and its checksum is right. Beside it
`NAME.part.json` remembers which version of which file it is, so that a later call resumes only the same one. Proxy
settings (`HTTPS_PROXY`, `NO_PROXY`, ...) and `REQUESTS_CA_BUNDLE` are honoured by `requests`.
"""

import fcntl
import json
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import chain, islice
from pathlib import Path

import requests

from stylealign.checkpoints import addresses
from stylealign.checkpoints.responses import (
    AddressError,
    TransientError,
    check_status,
    is_web_page,
    reason_of,
    validator_of,
)
from stylealign.errors import StyleAlignError
from stylealign.files import sha256_of_file, write_json

CHUNK_BYTES = 1 << 14
"""A connection that breaks loses what it brought of the current chunk, so chunks are small."""
LONGEST_PAGE_CHUNKS = 64
MOST_REQUESTS = 100
LONGEST_WAIT_S = 60.0

Progress = Callable[[int, int | None], None]
"""Called with the bytes received so far and the size of the file, or None where the server does not say."""


@dataclass(frozen=True)
class Policy:
    """How patient a download is."""

    attempts: int = 5
    """Requests in a row that may bring no new byte before an address is given up."""
    backoff_s: float = 1.0
    """Wait before the second attempt; doubled before each further one."""
    connect_timeout_s: float = 15.0
    read_timeout_s: float = 45.0
    """A connection that brings nothing for this long has stalled."""
    sleep: Callable[[float], None] = time.sleep


@dataclass
class _Partial:
    """What is known about the bytes in the `.part` file."""

    url: str = ""
    validator: str | None = None
    total: int | None = None


def download(
    urls: Sequence[str],
    destination: str | Path,
    sha256: str | None = None,
    policy: Policy = Policy(),
    progress: Progress = lambda received, total: None,
) -> str:
    """Download a file from the first of `urls` that gives it.

    Args:
        urls: the same file at its main address and its mirrors.
        destination: final name; it appears only when the file is complete and checked.
        sha256: hexadecimal checksum the file must have, or None.
        policy: attempts and timeouts.
        progress: told how far the download is.

    Returns:
        The sha256 of the file.

    Raises:
        StyleAlignError: no address gave the file; the message says why for each.
    """
    destination = Path(destination)
    problems = []
    with _exclusive(destination):
        for url in urls:
            attempt = _Download(url, destination, sha256, policy, progress)
            try:
                return attempt.run()
            except AddressError as error:
                attempt.drop_useless_part()
                problems.append(f"{url}: {error}")
            except OSError as error:
                _part(destination).unlink(missing_ok=True)
                raise StyleAlignError(f"{destination}: cannot be written ({error.strerror or error})") from error
    raise StyleAlignError("; ".join(problems) + "; check the address or download it by hand and give the file's path")


@contextmanager
def _exclusive(destination: Path) -> Iterator[None]:
    """Let one process at a time download to `destination`; the others wait and then find it."""
    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
        lock = destination.with_name(destination.name + ".lock").open("w")
    except OSError as error:
        raise StyleAlignError(f"{destination.parent}: cannot be written ({error.strerror})") from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _part(destination: Path) -> Path:
    return destination.with_name(destination.name + ".part")


class _Download:
    """One address, until it gave the file or was given up."""

    def __init__(self, url: str, destination: Path, sha256: str | None, policy: Policy, progress: Progress) -> None:
        self.url, self.destination, self.sha256 = url, destination, sha256
        self.address = addresses.direct(url)
        self.policy, self.progress = policy, progress
        self.part = _part(destination)
        self.note = self.part.with_name(self.part.name + ".json")
        self.known = self._remembered()

    def run(self) -> str:
        if self.destination.is_file():
            found = sha256_of_file(self.destination)
            if self.sha256 in (None, found):
                return found
        resumed = self.part.exists()
        self._receive_all()
        found = sha256_of_file(self.part)
        if self.sha256 not in (None, found) and resumed:
            # A part from another time or mirror may be what is wrong: once more from the start.
            self._forget()
            self._receive_all()
            found = sha256_of_file(self.part)
        if self.sha256 not in (None, found):
            self._forget()
            raise AddressError(f"its sha256 is {found}, not {self.sha256}: a damaged or different file, deleted")
        self.part.replace(self.destination)
        self._forget()
        return found

    def drop_useless_part(self) -> None:
        """Delete what was received unless a later call can resume it."""
        if not self._resumable():
            self._forget()

    def _receive_all(self) -> None:
        failures = 0
        with requests.Session() as session:
            for _ in range(MOST_REQUESTS):
                before = self._received()
                try:
                    self._request(session)
                    return
                except requests.exceptions.RequestException as error:
                    problem = TransientError(reason_of(error))
                    if isinstance(error, (requests.exceptions.MissingSchema, requests.exceptions.InvalidURL)):
                        raise AddressError("not an address") from error
                except TransientError as error:
                    problem = error
                self.drop_useless_part()
                failures = 0 if self._received() > before else failures + 1
                if failures >= self.policy.attempts:
                    raise AddressError(f"{problem} ({failures} attempts)")
                wait = self.policy.backoff_s * 2 ** max(failures - 1, 0)
                self.policy.sleep(min(max(wait, problem.wait_s or 0.0), LONGEST_WAIT_S))
        raise AddressError(f"{problem} ({MOST_REQUESTS} attempts)")

    def _request(self, session: requests.Session, again: bool = False) -> None:
        offset = self._received() if self._resumable() else 0
        headers = {"Accept-Encoding": "identity"}
        if offset:
            headers["Range"] = f"bytes={offset}-"
            if self.known.validator and self.known.url == self.url:
                headers["If-Range"] = self.known.validator
        timeout = (self.policy.connect_timeout_s, self.policy.read_timeout_s)
        with session.get(self.address, headers=headers, stream=True, timeout=timeout) as response:
            if response.status_code == 416 and offset:
                self._range_refused(response, offset)
                return
            if response.status_code == 403:
                self._refused_for_now(response.url, response.text)
            check_status(response)
            chunks = response.iter_content(CHUNK_BYTES)
            first = next(chunks, b"")
            page = response.status_code == 200 and is_web_page(first)
            if page:
                self._follow(response.url, b"".join(islice(chain([first], chunks), LONGEST_PAGE_CHUNKS)), again)
            else:
                self._receive(chain([first], chunks), self._start(response, offset))
        if page:
            self._request(session, again=True)

    def _refused_for_now(self, url: str, page: str) -> None:
        reason = addresses.refusal(url, page)
        if reason is not None:
            raise TransientError(reason)

    def _follow(self, url: str, page: bytes, again: bool) -> None:
        """Take the address that a page's form leads to; a page that leads nowhere, or to another page, is no file."""
        text = page.decode(errors="replace")
        self._refused_for_now(url, text)
        confirmed = addresses.confirmed(url, text)
        if confirmed is None or again:
            raise AddressError("the server sent a web page instead of the file")
        self.address = confirmed

    def _range_refused(self, response: requests.Response, offset: int) -> None:
        """Accept a part that is already complete; otherwise start again."""
        total = re.fullmatch(r"bytes \*/(\d+)", response.headers.get("Content-Range", ""))
        if total is None or int(total[1]) != offset:
            self._forget()
            raise TransientError("the file changed during the download")

    def _start(self, response: requests.Response, offset: int) -> int:
        """Return where in the file the body of `response` begins, and note which version of the file it is."""
        validator = validator_of(response)
        if response.status_code == 206:
            span = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
            total = int(span[2]) if span and span[2] != "*" else self.known.total
            same_version = self.known.url != self.url or self.known.validator in (None, validator)
            if span is None or int(span[1]) != offset or not same_version or self.known.total not in (None, total):
                self._forget()
                raise TransientError("the file changed during the download")
            return offset
        length = response.headers.get("Content-Length", "")
        total = int(length) if length.isdigit() and "Content-Encoding" not in response.headers else None
        self.known = _Partial(self.url, validator, total)
        write_json(self.note, asdict(self.known))
        return 0

    def _receive(self, chunks: Iterable[bytes], start: int) -> None:
        received = start
        with self.part.open("r+b" if start else "wb") as file:
            file.seek(start)
            for chunk in chunks:
                file.write(chunk)
                received += len(chunk)
                self.progress(received, self.known.total)
            file.flush()
            os.fsync(file.fileno())
        if self.known.total is not None and received < self.known.total:
            raise TransientError(f"the connection ended after {received} of {self.known.total} bytes")
        if received == 0:
            raise TransientError("the server sent an empty file")

    def _received(self) -> int:
        return self.part.stat().st_size if self.part.exists() else 0

    def _resumable(self) -> bool:
        """Return whether the rest of the file can be told from the rest of another version of it."""
        if not self._received():
            return False
        return self.sha256 is not None or (self.known.url == self.url and self.known.validator is not None)

    def _remembered(self) -> _Partial:
        try:
            return _Partial(**json.loads(self.note.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return _Partial()

    def _forget(self) -> None:
        self.part.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)
        self.known = _Partial()
