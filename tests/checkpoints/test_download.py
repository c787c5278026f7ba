"""Downloads from a server that misbehaves in every way one does."""

import hashlib
from pathlib import Path

import pytest

from stylealign.checkpoints.download import Policy, download
from stylealign.errors import StyleAlignError
from tests.checkpoints.server import Server, hang_up, serve, status, unsized

DATA = bytes(range(256)) * 4096  # 1 MiB
OTHER = DATA[::-1]
SHA256 = hashlib.sha256(DATA).hexdigest()
HALF = len(DATA) // 2


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


class Attempt:
    """A download to `folder / "file"`, with no real waiting between attempts."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "file"
        self.waits: list[float] = []
        self.seen: list[tuple[int, int | None]] = []
        self.policy = Policy(attempts=3, read_timeout_s=0.3, sleep=self.waits.append)

    def __call__(self, *urls: str, sha256: str | None = None) -> str:
        return download(
            urls, self.path, sha256, self.policy, lambda received, total: self.seen.append((received, total))
        )

    def fails(self, *urls: str, message: str, sha256: str | None = None) -> None:
        with pytest.raises(StyleAlignError, match=message) as caught:
            self(*urls, sha256=sha256)
        assert "\n" not in str(caught.value)
        assert not self.path.exists(), "a half file under the final name"

    def left_over(self) -> set[str]:
        return {entry.name for entry in self.path.parent.iterdir()} - {"file.lock"}


@pytest.fixture
def attempt(tmp_path: Path) -> Attempt:
    return Attempt(tmp_path)


def test_a_good_server(attempt: Attempt) -> None:
    with Server(serve(DATA)) as server:
        assert attempt(server.url) == SHA256
    assert attempt.path.read_bytes() == DATA
    assert attempt.left_over() == {"file"}
    assert attempt.waits == []
    assert attempt.seen[-1] == (len(DATA), len(DATA))
    assert attempt.seen == sorted(attempt.seen)


def test_what_is_there_is_not_fetched_again(attempt: Attempt) -> None:
    with Server(serve(DATA)) as server:
        attempt(server.url)
        attempt(server.url, sha256=SHA256)
        assert len(server.requests) == 1


def test_truncated_transfers_are_resumed(attempt: Attempt) -> None:
    with Server(*[serve(DATA, stop_after=200_000)] * 5, serve(DATA)) as server:
        assert attempt(server.url) == SHA256
        offsets = [headers.get("Range") for _, headers in server.requests]
        assert offsets[0] is None
        assert all(offset is not None for offset in offsets[1:])
        assert [headers.get("If-Range") for _, headers in server.requests[1:]] == ['"v1"'] * 5
    assert attempt.path.read_bytes() == DATA


def test_back_off_doubles_and_stops(attempt: Attempt) -> None:
    with Server(status(503)) as server:
        attempt.fails(server.url, message=r"503 Service Unavailable \(3 attempts\)")
        assert len(server.requests) == 3
    assert attempt.waits == [1.0, 2.0]


def test_retry_after_is_honoured(attempt: Attempt) -> None:
    with Server(status(429, Retry_After="7"), serve(DATA)) as server:
        attempt(server.url)
    assert attempt.waits == [7.0]


def test_server_error_then_success(attempt: Attempt) -> None:
    with Server(status(500), hang_up, serve(DATA)) as server:
        assert attempt(server.url) == SHA256


def test_stalled_transfer_is_resumed(attempt: Attempt) -> None:
    with Server(serve(DATA, stop_after=HALF, stall=True), serve(DATA)) as server:
        assert attempt(server.url) == SHA256
        assert server.requests[1][1]["Range"].startswith("bytes=")
    assert attempt.path.read_bytes() == DATA


def test_server_that_always_stalls(attempt: Attempt) -> None:
    with Server(serve(DATA, stop_after=0, stall=True)) as server:
        attempt.fails(server.url, message="the connection stalled")


def test_missing_file_is_not_asked_for_twice(attempt: Attempt) -> None:
    with Server(status(404)) as server:
        attempt.fails(server.url, message="404 Not Found.*check the address")
        assert len(server.requests) == 1
    assert attempt.left_over() == set()


@pytest.mark.parametrize("page", [b"<!DOCTYPE html><html>quota exceeded</html>", b"\n <HTML><body>log in</body>"])
def test_web_page_instead_of_the_file(attempt: Attempt, page: bytes) -> None:
    with Server(status(200, page, Content_Type="text/html")) as server:
        attempt.fails(server.url, message="a web page instead of the file")
    assert attempt.left_over() == set()


def test_empty_file(attempt: Attempt) -> None:
    with Server(status(200, b"")) as server:
        attempt.fails(server.url, message="empty file")


def test_server_that_ignores_range(attempt: Attempt) -> None:
    with Server(serve(DATA, ranges=False, stop_after=HALF), serve(DATA, ranges=False)) as server:
        assert attempt(server.url) == SHA256
    assert attempt.path.read_bytes() == DATA


def test_no_length_given(attempt: Attempt) -> None:
    with Server(unsized(DATA)) as server:
        assert attempt(server.url, sha256=SHA256) == SHA256
    assert attempt.seen[-1] == (len(DATA), None)


@pytest.mark.parametrize("heed_if_range", [True, False])
def test_file_that_changes_half_way(attempt: Attempt, heed_if_range: bool) -> None:
    """The parts of two versions are never joined, whether or not the server heeds If-Range."""
    changed = serve(OTHER, etag='"v2"', heed_if_range=heed_if_range)
    with Server(serve(DATA, stop_after=HALF), changed) as server:
        assert attempt(server.url) == hashlib.sha256(OTHER).hexdigest()
    assert attempt.path.read_bytes() == OTHER


def test_file_that_changes_its_length(attempt: Attempt) -> None:
    with Server(serve(DATA, etag=None, stop_after=HALF), serve(OTHER + b"more", etag=None)) as server:
        attempt(server.url, sha256=hashlib.sha256(OTHER + b"more").hexdigest())
    assert attempt.path.read_bytes() == OTHER + b"more"


def test_no_resume_without_a_way_to_know_the_version(attempt: Attempt) -> None:
    with Server(serve(DATA, etag=None, stop_after=HALF), serve(OTHER, etag=None)) as server:
        attempt(server.url)
        assert "Range" not in server.requests[1][1]
    assert attempt.path.read_bytes() == OTHER


def test_known_checksum_allows_a_resume_and_catches_a_wrong_one(attempt: Attempt) -> None:
    """No version from the server, a part of another version from an earlier run: once more from the start."""
    attempt.path.with_name("file.part").write_bytes(OTHER[:HALF])
    with Server(serve(DATA, etag=None)) as server:
        assert attempt(server.url, sha256=SHA256) == SHA256
        assert [headers.get("Range") for _, headers in server.requests] == [f"bytes={HALF}-", None]
    assert attempt.path.read_bytes() == DATA


def test_wrong_checksum(attempt: Attempt) -> None:
    with Server(serve(OTHER)) as server:
        attempt.fails(server.url, sha256=SHA256, message=f"not {SHA256}: a damaged or different file, deleted")
    assert attempt.left_over() == set()


def test_resume_in_a_later_run(attempt: Attempt) -> None:
    with Server(serve(DATA, stop_after=HALF), status(404), serve(DATA)) as server:
        attempt.fails(server.url, message="404")
        assert attempt.left_over() == {"file.part", "file.part.json"}
        assert attempt(server.url) == SHA256
        assert server.requests[2][1]["Range"] == f"bytes={HALF}-"
    assert attempt.left_over() == {"file"}


def test_part_that_was_complete(attempt: Attempt) -> None:
    """Killed between the last byte and the renaming: 416 says that there is no more."""
    attempt.path.with_name("file.part").write_bytes(DATA)
    with Server(serve(DATA)) as server:
        assert attempt(server.url, sha256=SHA256) == SHA256
        assert len(server.requests) == 1


def test_part_that_is_too_long(attempt: Attempt) -> None:
    attempt.path.with_name("file.part").write_bytes(DATA + b"more")
    with Server(serve(DATA)) as server:
        assert attempt(server.url, sha256=SHA256) == SHA256
    assert attempt.path.read_bytes() == DATA


def test_unreadable_note_beside_a_part(attempt: Attempt) -> None:
    attempt.path.with_name("file.part").write_bytes(OTHER[:HALF])
    attempt.path.with_name("file.part.json").write_text("{")
    with Server(serve(DATA)) as server:
        assert attempt(server.url) == SHA256


def test_mirror_takes_over(attempt: Attempt) -> None:
    with Server(status(404)) as dead, Server(serve(DATA)) as mirror:
        assert attempt(dead.url, mirror.url) == SHA256


def test_mirror_resumes_what_the_first_began(attempt: Attempt) -> None:
    with Server(serve(DATA, stop_after=HALF), status(410)) as first, Server(serve(DATA, etag='"m"')) as mirror:
        assert attempt(first.url, mirror.url, sha256=SHA256) == SHA256
        assert mirror.requests[0][1]["Range"] == f"bytes={HALF}-"
    assert attempt.path.read_bytes() == DATA


def test_mirror_with_a_damaged_file(attempt: Attempt) -> None:
    with Server(serve(OTHER)) as bad, Server(serve(DATA)) as good:
        assert attempt(bad.url, good.url, sha256=SHA256) == SHA256


def test_all_mirrors_fail(attempt: Attempt) -> None:
    with Server(status(404)) as first, Server(status(403)) as second:
        attempt.fails(first.url, second.url, message="404 Not Found; http.*403 Forbidden")


def test_no_server(attempt: Attempt) -> None:
    with Server(serve(DATA)) as server:
        pass
    attempt.fails(server.url, message="no connection")


def test_proxy_is_used(attempt: Attempt, monkeypatch: pytest.MonkeyPatch) -> None:
    with Server(serve(DATA)) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url.removesuffix("/models/parent.pkl"))
        attempt("http://models.invalid/parent.pkl")
        assert proxy.requests[0][0] == "http://models.invalid/parent.pkl"


def test_full_disk(attempt: Attempt, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("stylealign.checkpoints.download.os.fsync", full)
    with Server(serve(DATA)) as server:
        attempt.fails(server.url, message="No space left on device")
    assert "file.part" not in attempt.left_over()
