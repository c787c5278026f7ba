"""A local HTTP server whose answers are scripted, one after the other, good and bad."""

import re
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    """Answers a request with the next line of the script; the last line answers all further ones."""

    protocol_version = "HTTP/1.1"
    server: "Server"

    def do_GET(self) -> None:
        """Answer."""
        self.server.requests.append((self.path, dict(self.headers)))
        script = self.server.script
        answer = script.pop(0) if len(script) > 1 else script[0]
        self.close_connection = True
        answer(self)

    def begin(self, status: int, length: int | None, **headers: str) -> None:
        """Send the status line and the headers."""
        self.send_response(status)
        if length is not None:
            self.send_header("Content-Length", str(length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Connection", "close")
        self.end_headers()

    def log_message(self, format: str, *arguments: Any) -> None:
        """Keep quiet."""


class Server(ThreadingHTTPServer):
    """`with Server(*answers) as server: server.url`; `server.requests` keeps the path and headers of each request."""

    daemon_threads = True

    def __init__(self, *script: Answer) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.script = list(script)
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.finished = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_address[1]}/models/parent.pkl"

    def __enter__(self) -> "Server":
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self.finished.set()
        self.shutdown()
        self.server_close()


def serve(
    data: bytes,
    etag: str | None = '"v1"',
    ranges: bool = True,
    stop_after: int | None = None,
    stall: bool = False,
    heed_if_range: bool = True,
) -> Answer:
    """Return an answer that serves `data`.

    Args:
        data: the whole file.
        etag: its version, or None to send none.
        ranges: honour Range; otherwise always send all of it.
        stop_after: send only so many bytes of the body, then close the connection.
        stall: after `stop_after` bytes keep the connection open and send no more.
        heed_if_range: send all of it when If-Range names another version.
    """

    def answer(handler: Handler) -> None:
        headers = {"ETag": etag} if etag else {}
        wanted = re.fullmatch(r"bytes=(\d+)-", handler.headers.get("Range", ""))
        same = not heed_if_range or handler.headers.get("If-Range") in (None, etag)
        start = int(wanted[1]) if wanted and ranges and same else 0
        if start >= len(data) and start:
            handler.begin(416, 0, Content_Range=f"bytes */{len(data)}")
            return
        body = data[start:]
        if start:
            span = f"bytes {start}-{len(data) - 1}/{len(data)}"
            handler.begin(206, len(body), Content_Range=span, **headers)
        else:
            handler.begin(200, len(body), **headers)
        handler.wfile.write(body if stop_after is None else body[:stop_after])
        handler.wfile.flush()
        if stall:
            handler.server.finished.wait(20)

    return answer


def status(code: int, body: bytes = b"sorry", **headers: str) -> Answer:
    """Return an answer with a status and a short body."""

    def answer(handler: Handler) -> None:
        handler.begin(code, len(body), **headers)
        handler.wfile.write(body)

    return answer


def page(body: str) -> Answer:
    """Return an answer that is a web page."""
    return status(200, f"<!DOCTYPE html><html><body>{body}</body></html>".encode(), Content_Type="text/html")


def drive_form(action: str) -> Answer:
    """Return Google Drive's answer for a file that is too large to be scanned: a form that leads on."""
    values = {"id": "1" * 33, "export": "download", "confirm": "t", "uuid": "a-b-c"}
    hidden = "".join(f'<input type="hidden" name="{name}" value="{value}">' for name, value in values.items())
    return page(
        f'<form id="download-form" action="{action}" method="get"><input type="submit" value="ok"/>{hidden}</form>'
    )


def drive_quota() -> Answer:
    """Return Google Drive's answer for a file that many fetched that day."""
    return page(
        "<p>Sorry, you can't view or download this file at this time. Too many users have viewed or downloaded "
        "this file recently.</p>"
    )


def drive_folder(**files: str) -> Answer:
    """Return the list of a Google Drive folder: names of files with their ids; one of a sub-folder is `folder`."""
    entries = [
        f'<div class="flip-entry" id="entry-{file}"><div class="flip-entry-info"><a href="https://drive.google.com/'
        f'{f"drive/folders/{file}" if name == "folder" else f"file/d/{file}/view?usp=drive_web"}" target="_blank">'
        f'<div class="flip-entry-visual"></div><div class="flip-entry-title">{name}</div></a></div></div>'
        for name, file in files.items()
    ]
    return page("".join(entries))


def unsized(data: bytes) -> Answer:
    """Return an answer that does not say how long the file is."""

    def answer(handler: Handler) -> None:
        handler.begin(200, None)
        handler.wfile.write(data)

    return answer


def hang_up(handler: Handler) -> None:
    """Close the connection without an answer."""
    handler.connection.close()
