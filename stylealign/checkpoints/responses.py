"""What a server's answer means for a download: a file, another attempt, or the end of an address."""

import re

import requests

TRANSIENT_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})


class TransientError(Exception):
    """Another attempt at the same address may succeed."""

    def __init__(self, reason: str, wait_s: float | None = None) -> None:
        super().__init__(reason)
        self.wait_s = wait_s


class AddressError(Exception):
    """This address will not give the file."""


def check_status(response: requests.Response) -> None:
    """Raise unless the server sends the file or a part of it."""
    status = response.status_code
    if status in (200, 206):
        return
    reason = f"the server answered {status} {response.reason or ''}".rstrip()
    if status in TRANSIENT_STATUS:
        wait = response.headers.get("Retry-After", "")
        raise TransientError(reason, float(wait) if wait.isdigit() else None)
    raise AddressError(reason)


def validator_of(response: requests.Response) -> str | None:
    """Return what names this version of the file: a strong ETag, or its date."""
    etag = response.headers.get("ETag")
    return etag if etag and not etag.startswith("W/") else response.headers.get("Last-Modified")


def is_web_page(data: bytes) -> bool:
    """Return whether data begins as HTML does."""
    return (
        re.match(rb"\s*(?:\xef\xbb\xbf)?\s*<(?:!doctype html|html|head|\?xml)", data[:200], re.IGNORECASE) is not None
    )


def reason_of(error: requests.exceptions.RequestException) -> str:
    """Return in a few words why a request failed."""
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return "no connection in time"
    if isinstance(error, requests.exceptions.Timeout) or "Read timed out" in str(error):
        return "the connection stalled"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the connection ended early"
    if isinstance(error, requests.exceptions.ProxyError):
        return "the proxy refused the connection"
    if isinstance(error, requests.exceptions.SSLError):
        return "the server's certificate is not trusted"
    if isinstance(error, requests.exceptions.ConnectionError):
        return "no connection"
    return type(error).__name__
